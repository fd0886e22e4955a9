"""Options for making implicit data sets."""

from __future__ import annotations

from dataclasses import dataclass

from core.common.errors import UserError, format_value
from recommenders.data.options import DEFAULT_OPTIONS, TableOptions

HELD_OUT = ("auto", "time", "random")
#: Options of tables that implicit data do not take.
UNFIT = frozenset({"split", "split_col", "negatives"})


@dataclass(frozen=True, kw_only=True)
class ImplicitOptions:
    """Options for making implicit data sets.

    Raises:
        UserError: a value that is not possible, whatever the data.
    """

    held_out: str = "auto"
    """Of ratings: the items of a user that make the test part: time (the last ones), random, or auto: time where there
    are times, else random."""
    test_share: float = 0.2
    """Of ratings: the share of each user's items for the test part: the nearest whole number, at least one, never
    all."""
    fewest: int = 5
    """Of ratings: users with fewer items have no test part."""
    validation_share: float = 0.1
    """The share of each user's training items that becomes the validation part; 0 for none."""
    validation_as_test: bool = False
    """Of ratings: whether these items are chosen as those of the test part are, and not at random: the last ones where
    those are the last ones."""
    table: TableOptions = DEFAULT_OPTIONS
    """How a table is read, and which ratings are positive."""

    def __post_init__(self) -> None:
        """Check values without the data."""
        if self.held_out not in HELD_OUT:
            raise UserError(f"held_out: expected {' or '.join(HELD_OUT)}, got {format_value(self.held_out)}")
        if not 0 < self.test_share < 1:
            raise UserError(f"test_share: expected a number above 0 and below 1, got {self.test_share}")
        if not 0 <= self.validation_share < 1:
            raise UserError(f"validation_share: expected a number from 0 to below 1, got {self.validation_share}")
        if self.fewest < 2:
            raise UserError(f"fewest: expected at least 2, so that something is left to learn from, got {self.fewest}")
        unfit = sorted(set(self.table.given) & UNFIT)
        if unfit:
            raise UserError(
                f"{unfit[0]}: implicit data take columns, header, positive_at and pairs of a table alone; leave it out"
            )


#: Nothing was chosen.
DEFAULT = ImplicitOptions()
