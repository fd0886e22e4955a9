"""Options for reading and splitting tables of fields.

The annotations are objects and not strings: settings on a line are read by these classes.
"""

from dataclasses import dataclass

from core.common.errors import UserError, format_value
from recommenders.data.options import HEADERS


@dataclass(frozen=True, kw_only=True)
class FieldOptions:
    """Options for reading and splitting tables of fields.

    Raises:
        UserError: a value that is not possible, whatever the table.
    """

    target: str | None = None
    """The column that is predicted, by name or by its position from 1; unless given, one called target, label, y or
    the like."""
    positive: str | None = None
    """The value of the target that is predicted; unless given, 1, yes, true or the like, or the rarer one. Of a target
    with more than two values: the one that is told from all others."""
    categorical: tuple[str, ...] = ()
    """Columns of numbers that are names all the same, such as postcodes; by name or position, as the target."""
    leave_out: tuple[str, ...] = ()
    """Columns that are not looked at, such as those that are known only after the target; by name or position."""
    header: str = "auto"
    """Whether the first line of a file of text names its columns: yes, no (it is a row), or auto to find out."""
    test_share: float | None = None
    """The share of all rows for the test part, at random in each class; unless given, a fifth, or that of the paper.
    The test part of adult is published."""
    validation_share: float = 0.2
    """The share of the rest for validation; half of it chooses crosses, the other half says when to stop."""

    def __post_init__(self) -> None:
        """Check values without the table."""
        if self.header not in HEADERS:
            raise UserError(f"header: expected {' or '.join(HEADERS)}, got {format_value(self.header)}")
        for name in ("test_share", "validation_share"):
            share = getattr(self, name)
            if share is not None and not 0 < share < 1:
                raise UserError(f"{name}: expected a share above 0 and below 1, got {share}")


#: Nothing was chosen.
DEFAULT = FieldOptions()
