"""The kinds of constants that losses have: fields of dataclasses with a default and the range that is checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields, replace
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

from core.common.errors import UserError, format_value
from core.common.region import Range, short


class Vector(NamedTuple):
    """Functions between the numbers of a tuple and what is tuned of them."""

    coordinates: Callable[[Sequence[float]], list[float]]
    """Numbers -> coordinates in the region."""
    constants: Callable[[Sequence[float]], list[float]]
    """And back."""


@dataclass(frozen=True)
class Kind:
    """The values that a constant may have."""

    wanted: str
    """In words, for messages."""
    accepts: Callable[[object], bool]
    tuned: Range | None = None
    """Where it, or each coordinate of a tuple, is tuned; None: it is a choice that belongs to the loss."""
    vector: Vector | None = None
    """The coordinates of a tuple."""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _numbers(low: float, high: float, *, above: bool = False) -> Callable[[object], bool]:
    """Return whether a value is a number in [low, high], or in (low, high]."""
    return lambda value: (
        _is_number(value) and (low < value if above else low <= value) and value <= high  # type: ignore[operator]
    )


_WEIGHT, _MARGIN = _numbers(0, 1e9), _numbers(-1e9, 1e9)
_KIND = "kind"


def temperature(default: float, *, tuned: bool = True) -> Any:
    """Return a field for a temperature; the bounds keep scores divided by it finite in float32.

    Args:
        default: the temperature unless another is given.
        tuned: not where it is no more than a factor of the whole loss, which the learning rate is as well.
    """
    region = Range(0.02, 1.0, True) if tuned else None
    return _constant(default, Kind("a number from 1e-6 to 1e6", _numbers(1e-6, 1e6), region))


def weight(default: float, *, tuned: bool = True) -> Any:
    """Return a field for a weight, which may be 0.

    Args:
        default: the weight unless another is given.
        tuned: see `temperature`.
    """
    return _constant(default, Kind("a number from 0 to 1e9", _WEIGHT, Range(0.1, 2000.0, True) if tuned else None))


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
    """Return a field for one or more margins; the order of margins, each with its weight, does not matter to a loss."""
    vector = Vector(_steps, _ascending)
    return _constant(default, Kind("one or more margins, in a tuple", _all_of(_MARGIN), Range(0.0, 1.0, False), vector))


def weights(default: tuple[float, ...]) -> Any:
    """Return a field for one or more weights; a common factor of them is one of the weight that is beside them."""
    wanted, vector = "one or more weights from 0 to 1e9, in a tuple", Vector(_parts, _shares)
    return _constant(default, Kind(wanted, _all_of(_WEIGHT), Range(0.0, 1.0, False), vector))


def _steps(ascending: Sequence[float]) -> list[float]:
    """Return the first number, and for each other the part of the way to 1 that it is from the one before."""
    gaps = ((after - before) / (1 - before) if before < 1 else 0.0 for before, after in pairwise(ascending))
    return [ascending[0], *gaps]


def _ascending(steps: Sequence[float]) -> list[float]:
    """Return the numbers whose steps these are."""
    found = [steps[0]]
    for step in steps[1:]:
        found.append(found[-1] + step * (1 - found[-1]))
    return found


def _parts(shares: Sequence[float]) -> list[float]:
    """Return for each number but the last its part of the sum of it and those behind it."""
    rest = [sum(shares[i:]) for i in range(len(shares) - 1)]
    return [share / left if left > 0 else 0.0 for share, left in zip(shares, rest, strict=False)]


def _shares(parts: Sequence[float]) -> list[float]:
    """Return the numbers with the sum 1 whose parts these are."""
    found, rest = [], 1.0
    for part in parts:
        found.append(rest * part)
        rest *= 1 - part
    return [*found, rest]


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


def constants_of(loss: object) -> dict[str, float]:
    """Return every constant that is a number; those of a tuple are `name.0`, `name.1` and so on."""
    found: dict[str, float] = {}
    for one in fields(loss):  # type: ignore[arg-type]  # losses are dataclasses
        value = getattr(loss, one.name)
        if isinstance(value, tuple):
            found |= {f"{one.name}.{i}": number for i, number in enumerate(value)}
        elif _is_number(value):
            found[one.name] = value
    return found


def tuned_ranges(loss: object) -> dict[str, Range]:
    """Return where the constants of a loss are tuned, by the names of `coordinates_of`."""
    kinds = {one.name: one.metadata[_KIND] for one in fields(loss)}  # type: ignore[arg-type]  # losses are dataclasses
    return {name: kinds[name.partition(".")[0]].tuned for name in coordinates_of(loss)}


def coordinates_of(loss: object) -> dict[str, float]:
    """Return a loss as a point in the region that is tuned.

    No two points are the same loss: margins are how far each is from the one before on the way to 1, so they ascend,
    and weights are shares of what those before have left, so they sum to 1. Those of a tuple are `name.0`, `name.1` and
    so on.
    """
    found: dict[str, float] = {}
    for one in fields(loss):  # type: ignore[arg-type]  # losses are dataclasses
        kind: Kind = one.metadata[_KIND]
        value = getattr(loss, one.name)
        if kind.vector is not None:
            found |= {f"{one.name}.{i}": number for i, number in enumerate(kind.vector.coordinates(value))}
        elif kind.tuned is not None:
            found[one.name] = value
    return found


def with_coordinates(loss: L, values: Mapping[str, float]) -> L:
    """Return a loss elsewhere in the region that is tuned, its new constants with few digits.

    Args:
        loss: the loss.
        values: by the names of `coordinates_of`; some of them.

    Raises:
        UserError: one is out of its range.
    """
    new: dict[str, Any] = {}
    for one in fields(loss):  # type: ignore[arg-type]  # losses are dataclasses
        kind: Kind = one.metadata[_KIND]
        if one.name in values:
            new[one.name] = short(values[one.name])
        elif kind.vector is not None:
            before = enumerate(kind.vector.coordinates(getattr(loss, one.name)))
            numbers = {f"{one.name}.{i}": number for i, number in before}
            if numbers.keys() & values.keys():
                moved = [values.get(name, number) for name, number in numbers.items()]
                new[one.name] = tuple(map(short, kind.vector.constants(moved)))
    return replace(loss, **new)  # type: ignore[type-var]  # losses are dataclasses
