"""Registry of anchors. To add one, write a frozen dataclass of Anchor in a file here, and a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType
from typing import ClassVar

from core.common.specification import Specification, make_registered
from recommenders.tasks.ranking.anchors.anchor import Anchor
from recommenders.tasks.ranking.anchors.ease import EASE
from recommenders.tasks.ranking.anchors.ials import IALS
from recommenders.tasks.ranking.anchors.popularity import Popularity
from recommenders.tasks.ranking.anchors.rp3beta import RP3beta

ANCHORS: Mapping[str, type[Anchor]] = MappingProxyType(
    {"popularity": Popularity, "rp3beta": RP3beta, "ials": IALS, "ease": EASE}
)


@dataclass(frozen=True)
class AnchorSpec(Specification):
    """See Specification."""

    kind: ClassVar[str] = "anchor"
    example: ClassVar[str] = "rp3beta"


def parse_anchor(text: str) -> Anchor:
    """Return the anchor that a line such as `ease:l2=80` names.

    Raises:
        UserError: an unknown name or setting, or a value out of range.
    """
    return make_registered(AnchorSpec.parse(text), ANCHORS)


def anchor_choices(text: str) -> tuple[str, ...]:
    """Return the lines with all settings of the anchor's grid that this line does not give; itself where none is open.

    Raises:
        UserError: see `parse_anchor`.
    """
    spec, grid = AnchorSpec.parse(text), type(parse_anchor(text)).grid
    given = {name for name, _ in spec.settings}
    open_ones = {name: values for name, values in grid.items() if name not in given}
    return tuple(
        ":".join([text, *(f"{name}={value:g}" for name, value in zip(open_ones, values, strict=True))])
        for values in product(*open_ones.values())
    )


__all__ = ["ANCHORS", "Anchor", "AnchorSpec", "anchor_choices", "parse_anchor"]
