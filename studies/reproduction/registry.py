"""What can be reproduced, by name. To add one: a class in a file of its own and a row here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from core.common.errors import unknown_name
from studies.reproduction.figure5 import Figure5
from studies.reproduction.performance import Table5, Table6
from studies.reproduction.reproduction import Reproduction
from studies.reproduction.sampling import Figure6, Table7
from studies.reproduction.settings import ReproduceSettings
from studies.reproduction.symmetric import Symmetric
from studies.reproduction.table4 import Table4
from studies.reproduction.table8 import Table8


def _checked(*rows: Reproduction) -> Mapping[str, Reproduction]:
    """The rows by name.

    Raises:
        TypeError: a row that is not as the command needs it.
    """
    for row in rows:
        unknown = row.options - set(ReproduceSettings.__dataclass_fields__)
        if unknown or not row.name.isalnum() or len({column.name for column in row.columns}) != len(row.columns):
            raise TypeError(f"reproduction {row.name}: expected a plain name, known options and distinct columns")
    return MappingProxyType({row.name: row for row in rows})


REPRODUCTIONS = _checked(Table4(), Table5(), Table6(), Table7(), Table8(), Figure5(), Figure6(), Symmetric())


def find_reproduction(name: str) -> Reproduction:
    """The reproduction of this name.

    Raises:
        UserError: there is none.
    """
    if name not in REPRODUCTIONS:
        raise unknown_name("table or figure", name, REPRODUCTIONS)
    return REPRODUCTIONS[name]
