"""What can be reproduced, by name. To add one: a file of its own with a `Reproduction`, and its name here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from core.common.errors import unknown_name
from studies.reproduction.figure5 import FIGURE5
from studies.reproduction.mml import tables as mml
from studies.reproduction.mml.table3 import TABLE3 as MML_TABLE3
from studies.reproduction.performance import TABLE5, TABLE6
from studies.reproduction.reproduction import Reproduction
from studies.reproduction.sampling import FIGURE6, TABLE7
from studies.reproduction.slides import sif
from studies.reproduction.slides.autocross import AUTOCROSS_TABLE
from studies.reproduction.slides.autocross_time import AUTOCROSS_LATENCY, AUTOCROSS_TIME
from studies.reproduction.slides.lambda_table import LAMBDA_TABLE
from studies.reproduction.symmetric import SYMMETRIC
from studies.reproduction.table4 import TABLE4
from studies.reproduction.table8 import TABLE8

REPRODUCTIONS: Mapping[str, Reproduction] = MappingProxyType(
    {
        one.name: one
        for one in (
            *(TABLE4, TABLE5, TABLE6, TABLE7, TABLE8, FIGURE5, FIGURE6, SYMMETRIC),
            *(mml.TABLE2, MML_TABLE3, mml.TABLE4, mml.FIGURE3),
            *(LAMBDA_TABLE, sif.FIGURE2, sif.FIGURE4, sif.FIGURE5, sif.FIGURE8),
            *(AUTOCROSS_TABLE, AUTOCROSS_TIME, AUTOCROSS_LATENCY),
        )
    }
)


def find_reproduction(name: str) -> Reproduction:
    """The reproduction of this name.

    Raises:
        UserError: there is none.
    """
    if name not in REPRODUCTIONS:
        raise unknown_name("table or figure", name, REPRODUCTIONS)
    return REPRODUCTIONS[name]
