"""The one law of ids: however a number is written or held, it is the same id.

Every reader and every kept model goes by `id_text`. A kept model has a copy of this file in its own code, so it needs
nothing but Python.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

#: A whole number as people and programs write it: 51, 51.0, 51.00, 5.1e+17 (as large floats are shown).
_NUMBER = re.compile(r"[ \t]*(-?)(0|[1-9][0-9]{0,999})(?:\.([0-9]{0,999}))?(?:[eE]\+([0-9]{1,3}))?[ \t]*")
#: The text of a number that is no plain row of digits has one of these.
_MARKS = frozenset(".- \t+")
_LARGEST_EXPONENT = 1_000
_INFINITE = float("inf"), float("-inf")
#: NumPy's floats of few bits: 0.1 of 32 bits is no 0.1 of 64, but the shortest text that means it is the same.
_SHORT = frozenset({"float16", "float32"})


def id_text(one: Any) -> str:
    """The text that names a user or an item; "" where there is none.

    Whole numbers are their digits, whether they come as 51, 51.0, "51", "51.00", " 51" or Decimal("51.0"). Any other
    text stays as it is: 007, +5, 1e3, 1.50 and x are names of their own. A float of any size is the shortest decimal
    that reads back as the same float of its own size, so that 0.1 of 16, 32 and 64 bits are all 0.1.

    Args:
        one: a number of any kind, a text, or what stands for a missing one (None, NaN, NaT, NA). A float that is
            infinite counts as missing.
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
    """NaN and NaT are not equal to themselves, and NA refuses to say."""
    try:
        return one is None or not bool(one == one) or one in _INFINITE
    except (TypeError, ValueError):
        return True


def _decimal_text(one: Decimal) -> str:
    """Without zeros at its end: the scale of a column of decimals is no part of an id."""
    if not one.is_finite() or abs(one.adjusted()) > _LARGEST_EXPONENT:
        return str(one)
    text = format(one, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _whole(text: str) -> str:
    found = _NUMBER.fullmatch(text)
    if found is None:
        return text
    sign, digits, fraction, zeros = found.groups(default="")
    beyond = fraction[int(zeros or "0") :]
    if beyond.strip("0"):
        return text
    whole = digits + fraction[: int(zeros or "0")].ljust(int(zeros or "0"), "0")
    whole = whole.lstrip("0") or "0"
    return whole if whole == "0" else sign + whole
