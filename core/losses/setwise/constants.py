"""The kinds of constants that losses have: fields of dataclasses with a default and the range that is checked."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import Field, dataclass, field
from typing import Any

from core.common.errors import UserError, format_value


@dataclass(frozen=True)
class Kind:
    """The values that a constant may have."""

    wanted: str
    """In words, for messages."""
    accepts: Callable[[object], bool]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _numbers(low: float, high: float, *, above: bool = False) -> Callable[[object], bool]:
    """Return whether a value is a number in [low, high], or in (low, high]."""
    return lambda value: (
        _is_number(value) and (low < value if above else low <= value) and value <= high  # type: ignore[operator]
    )


_WEIGHT, _MARGIN = _numbers(0, 1e9), _numbers(-1e9, 1e9)
_KIND = "kind"


def temperature(default: float) -> Any:
    """Return a field for a temperature; the bounds keep scores divided by it finite in float32."""
    return _constant(default, Kind("a number from 1e-6 to 1e6", _numbers(1e-6, 1e6)))


def weight(default: float) -> Any:
    """Return a field for a weight, which may be 0."""
    return _constant(default, Kind("a number from 0 to 1e9", _WEIGHT))


def above_zero(default: float) -> Any:
    """Return a field for a factor above 0."""
    return _constant(default, Kind("a number above 0, at most 1e9", _numbers(0, 1e9, above=True)))


def margin(default: float) -> Any:
    """Return a field for a margin."""
    return _constant(default, Kind("a number from -1e9 to 1e9", _MARGIN))


def part(default: float) -> Any:
    """Return a field for a number from 0 to 1."""
    return _constant(default, Kind("a number from 0 to 1", _numbers(0, 1)))


def switch(default: bool) -> Any:
    """Return a field that is on or off."""
    return _constant(default, Kind("true or false", lambda value: isinstance(value, bool)))


def choice(default: str, *others: str) -> Any:
    """Return a field that is one of a few words.

    Args:
        default: the word unless another is given.
        others: the other words.
    """
    words = (default, *others)
    return _constant(default, Kind(" or ".join(words), lambda value: value in words))


def margins(default: tuple[float, ...]) -> Any:
    """Return a field for one or more margins."""
    return _constant(default, Kind("one or more margins, in a tuple", _all_of(_MARGIN)))


def weights(default: tuple[float, ...]) -> Any:
    """Return a field for one or more weights."""
    return _constant(default, Kind("one or more weights from 0 to 1e9, in a tuple", _all_of(_WEIGHT)))


def _all_of(accepts: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, tuple) and bool(value) and all(map(accepts, value))


def _constant(default: object, kind: Kind) -> Any:
    return field(default=default, metadata={_KIND: kind})


def check_constant(owner: str, constant: Field[Any], value: object) -> None:
    """Check that a constant is what its field says.

    Args:
        owner: what has the constant, for the message.
        constant: a field made by a function of this module.
        value: its value.

    Raises:
        UserError: it is of another type, or out of range.
    """
    kind: Kind = constant.metadata[_KIND]
    if not kind.accepts(value):
        hint = f", such as {constant_as_text(constant.default)}"
        raise UserError(f"{owner}: {constant.name}: expected {kind.wanted}{hint}, got {format_value(value)}")


def constant_as_text(value: object) -> str:
    """Return a constant as a line gives it: numbers in full, tuples with commas, true and false in lower case."""
    if isinstance(value, tuple):
        return ",".join(map(constant_as_text, value))
    if isinstance(value, bool):
        return str(value).lower()
    return repr(float(value)) if isinstance(value, int | float) else str(value)
