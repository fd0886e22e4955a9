"""Validate stored values: return them with the expected type, or raise an error before they are used."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

from torch import Tensor

from core.common.errors import UserError, first_line, format_value, unknown_name


def count(value: Any, below: float = math.inf) -> int:
    """Return a stored integer, checked to be at least 0.

    Args:
        value: the stored value.
        below: exclusive upper bound.

    Raises:
        ValueError: the number is out of range.
        TypeError: the value is not an integer.
    """
    number: int = read(int, value)
    if not 0 <= number < below:
        raise ValueError(f"expected a number from 0 to below {below}, got {format_value(number)}")
    return number


def read(kind: Any, value: Any) -> Any:
    """Return a stored value, checked to be of a type.

    Args:
        kind: int, float (takes integers too), bool, str or Tensor; lists, dicts, tuples and unions of these; a class
            with a `from_dict`, or a dataclass with fields of these types, both of which are made from a mapping.
        value: the stored value.

    Raises:
        TypeError: the value is of another type.
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


@contextmanager
def reading(expected: str, then: str = "") -> Iterator[None]:
    """Raise a UserError in place of any error in the block: of content that other sources or a person wrote.

    Args:
        expected: what the content should have been, for the message.
        then: what to do, for the end of the message.

    Raises:
        UserError: whatever was raised in the block.
    """
    try:
        yield
    except Exception as error:
        problem = str(error) if isinstance(error, UserError) else f"{type(error).__name__} {first_line(error)}"
        raise UserError(f"{expected}: {problem[:300]}{then}") from None


def read_finite(value: Any) -> float | None:
    """Return a stored number; None if it is None, NaN or infinite.

    Raises:
        TypeError: the value is neither a number nor None.
    """
    number: float | None = read(float | None, value)
    return number if number is not None and math.isfinite(number) else None


def read_fields(kind: type, what: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Check values for fields of a dataclass and return them by name.

    Lists and arrays are accepted for tuples, a single value for a tuple of one, and scalars of NumPy, pandas and torch
    for numbers.

    Args:
        kind: the dataclass.
        what: the word for a field in messages, such as "option".
        given: field name -> value; fields may be missing.

    Raises:
        UserError: an unknown name, or a value of another type.
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
    """Return a type in words, for a message."""
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
    """Return a user's value for a field of this type as Python numbers, lists and tuples."""
    value = _of_python(value)
    is_alone = any(get_args(one)[1:] == (...,) for one in (kind, *get_args(kind)))  # also of tuple[...] | None
    return (value,) if is_alone and isinstance(value, str | int | float) else value


def _of_python(value: Any) -> Any:
    """Convert scalars and arrays of NumPy, pandas and torch to Python numbers and lists."""
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
