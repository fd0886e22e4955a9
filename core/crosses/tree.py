"""The tree that sets of crosses are searched in (AutoCross, section 4.1 and Algorithm 1).

A node is the set S of all columns and some crosses. Its children are S with one more cross, of two members of S: so
crosses of any number of features are reached, and a node has about d^2 / 2 children where S has d members.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from core.common.errors import UserError, format_value
from core.crosses.cross import Cross, parse_crosses, write_crosses

#: How a set without crosses is written; no column by itself is a set.
NO_CROSSES = "none"


@dataclass(frozen=True)
class CrossSet:
    """Crosses of two features and more, in whatever order they are given; see Solution.

    Raises:
        UserError: one of them is a single feature.
    """

    crosses: tuple[Cross, ...] = ()
    """In order."""

    def __post_init__(self) -> None:
        """Sort them, and check that they are crosses."""
        object.__setattr__(self, "crosses", tuple(sorted(set(self.crosses))))
        single = [one for one in self.crosses if len(one) < 2]
        if single:
            raise UserError(f"crosses: expected two features or more in each, got {format_value(str(single[0]))}")

    @property
    def key(self) -> str:
        """See Solution."""
        return str(self)

    @property
    def complexity(self) -> int:
        """See Solution: the number of crosses."""
        return len(self.crosses)

    def __str__(self) -> str:
        """Return the crosses with semicolons between them, or `none`."""
        return write_crosses(self.crosses) or NO_CROSSES

    def to_dict(self) -> dict[str, Any]:
        """See Solution."""
        return {"crosses": str(self)}

    @classmethod
    def parse(cls, text: str) -> CrossSet:
        """Read what `str` writes.

        Raises:
            UserError: it is no set of crosses.
        """
        if text.strip() == NO_CROSSES:
            return cls()
        found = parse_crosses(text)
        if not found:
            raise UserError(
                f"crosses: expected some, as in education x occupation; age x sex, or {NO_CROSSES}, got none"
            )
        return cls(found)

    def __or__(self, cross: Cross) -> CrossSet:
        """Return the set with one more cross."""
        return CrossSet((*self.crosses, cross))


class Child(NamedTuple):
    """A cross that may be added to a set."""

    cross: Cross
    """The new cross."""
    left: int
    """The place of one of the members that it is made of."""
    right: int
    """That of the other one, before it."""


def children(members: Sequence[Cross], most_features: int) -> list[Child]:
    """Return every cross of two members that is not a member itself, once.

    Crosses of two granularities of one column are no children: the finer one has it all.

    Args:
        members: of the set: single features and crosses.
        most_features: of a cross.
    """
    found = dict[Cross, Child]()
    known = set(members)
    for left, one in enumerate(members):
        for right in range(left):
            cross = one.meeting(members[right])
            if cross is not None and cross not in known and len(cross) <= most_features:
                found.setdefault(cross, Child(cross, left, right))
    return list(found.values())
