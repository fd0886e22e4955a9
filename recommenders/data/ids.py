"""Ids as text: a number is the same id however it is written or stored.

All readers and exported models use `id_text`. An exported model has a copy of this file in its own code, so it imports
nothing but the standard library.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

#: A whole number: 51, 51.0, 51.00, 5.1e+17 (as Python writes large floats).
_NUMBER = re.compile(r"[ \t]*(-?)(0|[1-9][0-9]{0,999})(?:\.([0-9]{0,999}))?(?:[eE]\+([0-9]{1,3}))?[ \t]*")
#: A whole number that is not only digits has one of these characters.
_MARKS = frozenset(".- \t+")
_LARGEST_EXPONENT = 1_000
_INFINITE = float("inf"), float("-inf")
#: NumPy floats of fewer than 64 bits: 0.1 of 32 bits does not equal 0.1 of 64, but its shortest text is the same.
_SHORT = frozenset({"float16", "float32"})


def id_text(one: Any) -> str:
    """Return the text of an id; "" where it is missing.

    Whole numbers are their digits, whether they come as 51, 51.0, "51", "51.00", " 51" or Decimal("51.0"). Any other
    text is unchanged: 007, +5, 1e3, 1.50 and x are different ids. A float of any size is the shortest decimal
    that reads back as the same float of its own size, so that 0.1 of 16, 32 and 64 bits are all 0.1.

    Args:
        one: a number of any type, a text, or a missing value (None, NaN, NaT, NA, an infinite float).
    """
    if not isinstance(one, str):
        if _is_missing(one):
            return ""
        try:
            one = float(str(one)) if type(one).__name__ in _SHORT else one
            one = _decimal_text(one) if isinstance(one, Decimal) else str(one)
        except ValueError:  # Python writes no integer of thousands of digits
            return ""
    return one if _MARKS.isdisjoint(one) else _whole(one)


def _is_missing(one: Any) -> bool:
    """Tell whether a value is missing: NaN and NaT do not equal themselves, and NA raises an error."""
    try:
        return one is None or not bool(one == one) or one in _INFINITE
    except (TypeError, ValueError):
        return True


def _decimal_text(one: Decimal) -> str:
    """Return a decimal without trailing zeros, because the scale of a column of decimals is not part of an id."""
    if not one.is_finite() or abs(one.adjusted()) > _LARGEST_EXPONENT:
        return str(one)
    text = format(one, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _whole(text: str) -> str:
    """Return the digits of a whole number; other text unchanged."""
    found = _NUMBER.fullmatch(text)
    if found is None:
        return text
    sign, digits, fraction, zeros = found.groups(default="")
    if fraction[int(zeros or "0") :].strip("0"):  # not whole
        return text
    whole = digits + fraction[: int(zeros or "0")].ljust(int(zeros or "0"), "0")
    whole = whole.lstrip("0") or "0"
    return whole if whole == "0" else sign + whole
