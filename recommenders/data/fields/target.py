"""Guess which column of a table is the target: it has two values, and of several such columns a known name decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.common.errors import UserError, in_a_line
from recommenders.data.columns import FIELD, Chunk
from recommenders.data.layout import plain_name

if TYPE_CHECKING:
    from recommenders.data.fields.reading import FieldSource

#: Common names of targets in lower case, preferred ones first.
TARGETS = (
    *("target", "label", "y", "class", "outcome", "click", "clicked", "isclick", "income", "churn", "default"),
    *("bought", "purchased", "converted", "response", "fraud", "survived"),
)
#: Values by which the target is known.
_TWO = 2


def guess_target(source: FieldSource, names: Sequence[str], positive: str | None) -> tuple[str, tuple[str, ...]]:
    """Return the name of the target, and what there is to say of the choice, a sentence each.

    The first rows decide, some hundred thousand of them.

    Args:
        source: the table.
        names: of the columns that are looked at.
        positive: the value that is predicted, where it is said; then the target may have more values than two.

    Raises:
        UserError: no column can be it, or several that have no known name.
    """
    chunk = next(iter(source.chunks(names)), None)
    values = {} if chunk is None else {name: _values(chunk, source.names.index(name)) for name in names}
    plain = {plain_name(name): name for name in reversed(names)}
    known = [plain[name] for name in TARGETS if name in plain]
    fit = [name for name, own in values.items() if len(own) == _TWO or (positive in own and len(own) > 1)]
    chosen = [*(name for name in known if name in fit), *(name for name in known if len(values.get(name, ())) < _TWO)]
    if chosen:
        passed = [name for name in known[: known.index(chosen[0])] if len(values.get(name, ())) > _TWO]
        return chosen[0], (f"{in_a_line(', '.join(passed), 60)} has more than two values",) * bool(passed)
    if len(fit) == 1:
        return fit[0], (f"target {in_a_line(fit[0], 60)} is the only column of two values; target=NAME names another",)
    if known and not fit:
        return known[0], ()
    listed = in_a_line(", ".join(fit or names), 300)
    of_two = " with two values" * bool(fit)
    rows = "".join(f"; {note}" for note in source.notes if "is taken for a row" in note)
    raise UserError(
        f"{source.table.name}: no column of a target recognised; got {listed}{of_two}; name it with target{rows}"
    )


def _values(chunk: Chunk, place: int) -> frozenset[str]:
    """Return the values of a column, without a missing one; of dates none, which are no target."""
    column = chunk.columns[f"{FIELD}{place}"]
    if column.is_date:
        return frozenset()
    return frozenset(text.strip() for text in column.ids()[0]) - {""}
