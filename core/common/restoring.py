"""Validate stored states: a value of the expected type, or an error before anything is done with it."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

from torch import Tensor

from core.common.errors import UserError, format_value, unknown_name


def count(value: Any, below: float = math.inf) -> int:
    """Return a stored whole number, checked to be at least 0.

    Args:
        value: as it was stored.
        below: it has to be smaller than this.

    Raises:
        ValueError: it is another one.
        TypeError: it is none.
    """
    number: int = read(int, value)
    if not 0 <= number < below:
        raise ValueError(f"expected a number from 0 to below {below}, got {format_value(number)}")
    return number


def read(kind: Any, value: Any) -> Any:
    """Return a stored value, checked to be of a type.

    Args:
        kind: int, float (whole numbers will do), bool, str or Tensor; lists, dicts, tuples and unions of kinds; a class
            with a `from_dict`, or a dataclass of all these, which are made from a mapping.
        value: as it was stored.

    Raises:
        TypeError: it is of another kind.
        KeyError: a field of a dataclass is missing.
    """
    origin, parts = get_origin(kind), get_args(kind)
    if kind is Any or (kind is Tensor and isinstance(value, Tensor)):
        return value
    if kind is float and type(value) is int and abs(value) <= sys.float_info.max:
        return float(value)
    if kind in (int, float, bool, str, NoneType) and type(value) is kind:
        return value
    if origin in (Union, UnionType):
        return _one_of(parts, value)
    if origin is list and isinstance(value, list):
        return [read(parts[0], inner) for inner in value]
    if origin is tuple and parts[1:] == (...,) and isinstance(value, tuple | list):
        return tuple(read(parts[0], inner) for inner in value)
    if origin is tuple and isinstance(value, tuple | list) and len(value) == len(parts):
        return tuple(map(read, parts, value))
    if origin is dict and isinstance(value, Mapping):
        return {read(parts[0], name): read(parts[1], inner) for name, inner in value.items()}
    if isinstance(value, Mapping) and hasattr(kind, "from_dict"):
        return kind.from_dict(value)
    if isinstance(value, Mapping) and is_dataclass(kind):
        hints, make = get_type_hints(kind), cast(Any, kind)
        return make(**{field.name: read(hints[field.name], value[field.name]) for field in fields(kind)})
    raise TypeError(f"expected {in_words(kind)}, got {format_value(value)}")


def read_finite(value: Any) -> float | None:
    """Return a stored number; None where there is none or it is not finite.

    Raises:
        TypeError: it is something else.
    """
    number: float | None = read(float | None, value)
    return number if number is not None and math.isfinite(number) else None


def read_fields(kind: type, what: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of some of a dataclass's fields by name, checked to be of their types.

    Lists and arrays serve as tuples, a value alone as a tuple of one, numbers of NumPy, pandas and torch as Python's.

    Args:
        kind: the dataclass.
        what: a field is called, for messages.
        given: name -> value.

    Raises:
        UserError: an unknown name, or a value of another kind.
    """
    kinds, known, values = get_type_hints(kind), [field.name for field in fields(kind)], {}
    for name, value in given.items():
        if name not in known:
            raise unknown_name(what, str(name), known)
        try:
            values[name] = read(kinds[name], _given(kinds[name], value))
        except TypeError as error:
            raise UserError(f"{what} {name}: {error}") from None
    return values


def in_words(kind: Any) -> str:
    """A kind for a message."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _either(parts)
    if origin is list or parts[1:] == (...,):
        return f"a list, each {in_words(parts[0])}"
    return _IN_WORDS.get(kind, getattr(kind, "__name__", str(kind)))


def _either(kinds: tuple[Any, ...]) -> str:
    return " or ".join(map(in_words, kinds))


_IN_WORDS: Mapping[Any, str] = MappingProxyType(
    {int: "a whole number", float: "a number", bool: "True or False", str: "a text", NoneType: "None"}
)


def _given(kind: Any, value: Any) -> Any:
    """What a person gave for a field of this kind."""
    value = _of_python(value)
    is_alone = get_args(kind)[1:] == (...,) and not isinstance(value, list | tuple)
    return (value,) if is_alone and isinstance(value, str | int | float) else value


def _of_python(value: Any) -> Any:
    """Numbers and arrays of NumPy, pandas and torch as numbers and lists of Python."""
    if hasattr(value, "tolist") and not isinstance(value, type):
        return value.tolist()
    return [_of_python(one) for one in value] if isinstance(value, list | tuple) else value


def _one_of(kinds: tuple[Any, ...], value: Any) -> Any:
    for kind in kinds:
        try:
            return read(kind, value)
        except TypeError:
            continue
    raise TypeError(f"expected {_either(kinds)}, got {format_value(value)}")
