"""Published ids as texts, so that 5, "5" and 5.0 name the same user however somebody holds them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def numbered(ids: Iterable[Any]) -> dict[str, int]:
    """Text of an id -> its number, counted from 0."""
    return {id_text(one): number for number, one in enumerate(ids)}


def id_text(one: Any) -> str:
    """The text of an id; whole numbers without a decimal point."""
    return str(int(one)) if isinstance(one, float) and one.is_integer() else str(one)
