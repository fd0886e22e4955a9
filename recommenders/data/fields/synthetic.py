"""A table of fields that is made, not read: three columns decide the label together, and none of them alone."""

from __future__ import annotations

import numpy as np

from core.common.seeding import numpy_rng
from recommenders.data.fields.column import FIRST, FieldColumn
from recommenders.data.fields.reading import FieldTable

#: The cross that was planted.
PLANTED = "colour x shape x size"
_VALUES = {
    "colour": ("red", "green", "blue", "white"),
    "shape": ("round", "square", "flat"),
    "size": ("small", "middle", "large", "huge"),
    "place": tuple(f"p{k}" for k in range(12)),
    "day": ("mon", "tue", "wed", "thu", "fri"),
}


def planted_fields(n: int = 6_000, strength: float = 2.0) -> FieldTable:
    """Make a table whose label depends on three columns together, a little on one more, and on a number.

    The weights of all combinations of the three are drawn at random, so that pairs of them tell something, too: a
    search that adds a pair at a time finds its way.

    Args:
        n: the number of rows.
        strength: the standard deviation of the weights of combinations, in units of the logit.
    """
    rng = numpy_rng("fields", "planted")
    columns = {name: rng.integers(len(texts), size=n) for name, texts in _VALUES.items()}
    weight = rng.normal(scale=strength, size=[len(_VALUES[name]) for name in ("colour", "shape", "size")])
    number = rng.normal(size=n)
    logit = weight[columns["colour"], columns["shape"], columns["size"]] + 0.5 * (columns["day"] > 2)
    logit += np.where(np.abs(number) > 1, 0.8, -0.4) - 0.5
    label = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(np.uint8)
    number[rng.random(n) < 0.02] = np.nan
    made = [FieldColumn(name, (FIRST + codes).astype(np.uint16), _VALUES[name]) for name, codes in columns.items()]
    return FieldTable((*made, FieldColumn("weight", number)), label, "label", ("0", "1"), notes=("made, not read",))
