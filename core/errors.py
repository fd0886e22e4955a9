"""The one error that a person can mend."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """Bad input: what was expected, what was got, what to do, in one line.

    The command line prints the message on stderr and leaves with exit code 2.
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UserError:
    """The error for a name that is in no registry, with the nearest known one.

    Args:
        kind: what the name should have named, such as "searcher".
        name: what was given.
        known: the names that there are.
    """
    names = sorted(known)
    near = difflib.get_close_matches(name.lower(), [n.lower() for n in names], n=1)
    hint = next((f" Did you mean {n!r}?" for n in names if near and n.lower() == near[0]), "")
    return UserError(f"unknown {kind} {name[:80]!r}: expected one of {', '.join(names)}.{hint}")


#: What SQLAlchemy puts before the line that says something.
_PREFACE = "(raised as a result of"


def first_line(error: BaseException) -> str:
    """The first line of another library's error, or its kind where it says nothing."""
    lines = [line for line in str(error).strip().splitlines() if not line.startswith(_PREFACE)]
    return (lines or [type(error).__name__])[0]
