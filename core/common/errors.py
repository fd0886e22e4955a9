"""The error for bad input, and helpers that write its messages."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable
from typing import Any

from core.common.secrets import hidden, masked

#: No message is longer: what a file or a path brings along may be of any size.
MAX_MESSAGE = 1_000
_LONGEST = 100_000  # characters that are looked at


class UserError(ValueError):
    """Bad input: what was expected, what was got, what to do, in one line.

    The command line prints the message on stderr and exits with code 2. Characters that cannot be printed, such as
    escape sequences in a column's name, are escaped. The middle of a message longer than MAX_MESSAGE is left out.
    Secrets are masked, see `core.common.secrets`.
    """

    def __init__(self, message: str) -> None:
        super().__init__(in_a_line(message))


def in_a_line(text: str, limit: int = MAX_MESSAGE) -> str:
    """Return text from outside as one line of a message, with secrets masked and unprintable characters escaped.

    Args:
        text: of any length and content.
        limit: maximum number of characters; the middle of a longer text is left out.
    """
    line = " ".join(_cut(masked(_cut(text, _LONGEST)), limit).split())
    if line.isprintable():
        return line
    return _cut("".join(c if c.isprintable() else ascii(c)[1:-1] for c in line), limit)


def _cut(text: str, limit: int) -> str:
    """Return the text; of one longer than `limit`, its beginning and end with three dots between them."""
    if len(text) <= limit:
        return text
    end = limit // 3
    return f"{text[: limit - end - 3]}...{text[-end:]}"


class _Short(reprlib.Repr):
    """Writes numbers of NumPy as plain ones, without loading it."""

    def repr1(self, x: Any, level: int) -> str:
        is_number = type(x).__module__ == "numpy" and getattr(x, "ndim", None) == 0
        return super().repr1(x.item() if is_number else x, level)


_SHORT = _Short()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother, _SHORT.maxlong = 3, 100, 100, 100


def format_value(value: object, limit: int = 60) -> str:
    """Return the shortened `repr` of a value from outside, for a message.

    Args:
        value: of any type, size and depth.
        limit: maximum number of characters.
    """
    try:
        return _cut(_SHORT.repr(masked(_cut(value, _LONGEST)) if isinstance(value, str) else value), limit)
    except (ValueError, RecursionError):  # an integer of thousands of digits
        return f"a huge {type(value).__name__}"


def counted(n: int, thing: str, things: str | None = None) -> str:
    """Return a number of things in words: "1 seed", "1,000 seeds".

    Args:
        n: how many.
        thing: one of them.
        things: several; the same with an s unless given.
    """
    return f"{n:,} {thing if n == 1 else things or thing + 's'}"


def span(low: float, high: float) -> str:
    """Return the smallest and the largest of some numbers in words; one number where both are written alike.

    Args:
        low: the smallest.
        high: the largest.
    """
    texts = dict.fromkeys(f"{one:.4f}" for one in (low, high))
    return " to ".join(texts)


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UserError:
    """Build the UserError for a name that is in no registry; it lists the known ones and suggests the nearest.

    Args:
        kind: what the registry holds, such as "searcher".
        name: the unknown name.
        known: the names in the registry.
    """
    names = sorted(known)
    near = difflib.get_close_matches(name[:80].lower(), [n.lower() for n in names], n=1)
    hint = next((f" Did you mean {n!r}?" for n in names if near and n.lower() == near[0]), "")
    return UserError(f"unknown {kind} {format_value(name, 80)}: expected one of {', '.join(names)}.{hint}")


#: What SQLAlchemy puts before the line that says something.
_PREFACE = "(raised as a result of"


def first_line(error: BaseException) -> str:
    """Return the first line of another library's error message with secrets masked; its class name if it is empty."""
    lines = [line for line in str(error).strip().splitlines() if not line.startswith(_PREFACE)]
    return hidden((lines or [type(error).__name__])[0][:_LONGEST])
