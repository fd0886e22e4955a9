"""The kinds of constants that losses have: fields of dataclasses with a default and the range that is checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from typing import Any, NamedTuple, TypeVar

from core.common.errors import UserError, format_value


class Range(NamedTuple):
    """The region of a constant that is tuned."""

    low: float
    high: float
    log: bool
    """Whether by its logarithm."""


@dataclass(frozen=True)
class Kind:
    """The values that a constant may have."""

    wanted: str
    """In words, for messages."""
    accepts: Callable[[object], bool]
    tuned: Range | None = None
    """Where it, or each of its numbers, is tuned; None: it is a choice that belongs to the loss."""


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
    return _constant(default, Kind("a number from 1e-6 to 1e6", _numbers(1e-6, 1e6), Range(0.02, 2.0, True)))


def weight(default: float) -> Any:
    """Return a field for a weight, which may be 0."""
    return _constant(default, Kind("a number from 0 to 1e9", _WEIGHT, Range(0.1, 2000.0, True)))


def above_zero(default: float) -> Any:
    """Return a field for a factor above 0."""
    return _constant(
        default, Kind("a number above 0, at most 1e9", _numbers(0, 1e9, above=True), Range(0.5, 3.0, True))
    )


def balance(default: float) -> Any:
    """Return a field for a weight of one part of a loss beside another of its size, which may be 0."""
    return _constant(default, Kind("a number from 0 to 1e9", _WEIGHT, Range(0.05, 10.0, True)))


def margin(default: float) -> Any:
    """Return a field for a margin."""
    return _constant(default, Kind("a number from -1e9 to 1e9", _MARGIN, Range(0.0, 1.5, False)))


def part(default: float) -> Any:
    """Return a field for a number from 0 to 1."""
    return _constant(default, Kind("a number from 0 to 1", _numbers(0, 1), Range(0.0, 1.0, False)))


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
    return _constant(default, Kind("one or more margins, in a tuple", _all_of(_MARGIN), Range(0.0, 1.0, False)))


def weights(default: tuple[float, ...]) -> Any:
    """Return a field for one or more weights."""
    return _constant(
        default, Kind("one or more weights from 0 to 1e9, in a tuple", _all_of(_WEIGHT), Range(0.01, 1.0, True))
    )


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


L = TypeVar("L")


def tuned_ranges(loss: object) -> dict[str, Range]:
    """Return where the constants of a loss are tuned; numbers of a tuple are `name.0`, `name.1` and so on.

    Raises:
        KeyError: it is not a loss of constants.
    """
    ranges: dict[str, Range] = {}
    for one in fields(loss):  # type: ignore[arg-type]  # losses are dataclasses
        kind: Kind = one.metadata[_KIND]
        value = getattr(loss, one.name)
        if kind.tuned is not None:
            names = [f"{one.name}.{i}" for i in range(len(value))] if isinstance(value, tuple) else [one.name]
            ranges |= dict.fromkeys(names, kind.tuned)
    return ranges


def constants_of(loss: object) -> dict[str, float]:
    """Return the constants that `tuned_ranges` names."""
    found = {}
    for name in tuned_ranges(loss):
        of, _, i = name.partition(".")
        value = getattr(loss, of)
        found[name] = value[int(i)] if i else value
    return found


def with_constants(loss: L, values: Mapping[str, float]) -> L:
    """Return a loss with other constants.

    Args:
        loss: the loss.
        values: by the names of `tuned_ranges`; some of them.

    Raises:
        UserError: one is out of its range.
    """
    new: dict[str, Any] = {}
    for name, value in values.items():
        of, _, i = name.partition(".")
        if i:
            numbers = new.setdefault(of, list(getattr(loss, of)))
            numbers[int(i)] = value
        else:
            new[of] = value
    changed = {name: tuple(value) if isinstance(value, list) else value for name, value in new.items()}
    return replace(loss, **changed)  # type: ignore[type-var]  # losses are dataclasses
