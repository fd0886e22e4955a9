"""The decisions that a candidate is made by, see `core.search.space`."""

from __future__ import annotations

from dataclasses import dataclass

from core.common.errors import UserError, format_value


@dataclass(frozen=True)
class Kind:
    """The options of one or more decisions. A policy learns one output head per kind, one embedding per option name.

    Give decisions the same kind where an option that is good for one is likely to be good for the others, as with the
    operators of all lines of a program. Give other decisions kinds of their own, even if options have equal names.

    Raises:
        UserError: two options with the same name, or a name that is empty or contains blanks.
    """

    name: str
    options: tuple[str, ...]
    """All options that decisions of this kind may have: distinct words."""

    def __post_init__(self) -> None:
        """Check the options."""
        if len(set(self.options)) != len(self.options) or any(name.split() != [name] for name in self.options):
            raise UserError(
                f"options of {self.name}: expected distinct names without blanks, got {format_value(self.options)}"
            )


@dataclass(frozen=True)
class Decision:
    """One choice among options; a candidate is made by a sequence of them.

    Raises:
        UserError: a size below 1, or above the number of options of the kind.
    """

    name: str
    """Unique within a space, such as op_3."""
    kind: Kind
    """The options to choose from."""
    size: int
    """The first `size` options of the kind belong to this decision."""
    ordered: bool = False
    """Whether neighbouring options are similar, as numbers are."""

    def __post_init__(self) -> None:
        """Check the size."""
        if not 1 <= self.size <= len(self.kind.options):
            raise UserError(f"decision {self.name}: expected 1 to {len(self.kind.options)} options, got {self.size}")

    @property
    def options(self) -> tuple[str, ...]:
        """The names of the options."""
        return self.kind.options[: self.size]
