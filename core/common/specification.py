"""Something written on one line: its name and perhaps settings, such as `optuna:sampler=cmaes:n_startup=50`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from types import NoneType, UnionType
from typing import Any, ClassVar, Literal, Self, Union, get_args, get_origin, get_type_hints

from core.common.errors import UserError, format_value, unknown_name

_TRUTHS: Mapping[str, bool] = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_WANTED: Mapping[type, str] = {int: "a whole number", float: "a finite number", bool: "true or false"}


@dataclass(frozen=True)
class Specification:
    """What a line names.

    Raises:
        UserError: `parse` was given something else than name:setting=value:setting=value.
    """

    name: str
    settings: tuple[tuple[str, str], ...] = ()

    kind: ClassVar[str] = "name"
    """What such a line is for, for messages."""
    example: ClassVar[str] = "name"
    """A name that there is, for messages."""
    takes_classes: ClassVar[bool] = False
    """Whether package.module:Class is a name too."""
    signs: ClassVar[str] = "._-+"
    """What words may hold beside letters and digits."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `name:setting=value:...`; ASCII letters, digits and `signs` only."""
        name, *rest = (part.strip() for part in text.split(":"))
        if cls.takes_classes and rest and "=" not in rest[0]:
            name = f"{name}:{rest.pop(0)}"
        pairs = [tuple(word.strip() for word in part.split("=")) for part in rest]
        words = [*name.split(":"), *(word for pair in pairs for word in pair)]
        if any(len(pair) != 2 for pair in pairs) or not all(map(cls._is_word, words)):
            classes = " or package.module:Class" if cls.takes_classes else ""
            raise UserError(
                f"{cls.kind} {text[:80]!r}: expected a name such as {cls.example}{classes}, "
                "or name:setting=value:setting=value"
            )
        names = [pair[0].replace("-", "_") for pair in pairs]
        for twice in names:
            if names.count(twice) > 1:
                raise UserError(f"{cls.kind} {text[:80]!r}: expected every setting once, got {twice} twice")
        return cls(name, tuple((name, pair[1]) for name, pair in zip(names, pairs, strict=True)))

    @classmethod
    def _is_word(cls, word: str) -> bool:
        return bool(word) and all(letter.isascii() and (letter.isalnum() or letter in cls.signs) for letter in word)

    def __str__(self) -> str:
        """The line again."""
        return ":".join([self.name, *(f"{name}={value}" for name, value in self.settings)])


def read_settings(spec: Specification, kind: type | None) -> Any:
    """The settings that a line asks for, of this class; None where there are none to set.

    Raises:
        UserError: an unknown setting, a value of the wrong type, or one that the class refuses.
    """
    if kind is None:
        if spec.settings:
            raise UserError(f"{spec.kind} {spec}: {spec.name} has no settings")
        return None
    return kind(**read_values(spec, kinds_of(kind)))


def kinds_of(kind: type) -> dict[str, Any]:
    """Setting -> type, of a dataclass."""
    types = get_type_hints(kind)
    return {field.name: types[field.name] for field in fields(kind)}


def read_values(spec: Specification, kinds: Mapping[str, Any]) -> dict[str, Any]:
    """The values that a line gives, converted.

    Args:
        spec: the line.
        kinds: setting -> type; `Any` where only the looks of a value can tell.

    Raises:
        UserError: an unknown setting, or a value of the wrong type.
    """
    values = {}
    for name, text in spec.settings:
        if name not in kinds:
            raise unknown_setting(spec, name, kinds)
        try:
            values[name] = _converted(text, kinds[name])
        except (KeyError, ValueError, OverflowError):
            raise UserError(f"{spec.kind} {spec}: {name}: expected {_wanted(kinds[name])}, got {text!r}") from None
    return values


def unknown_setting(spec: Specification, name: str, known: Mapping[str, Any]) -> UserError:
    """The error for a setting that there is none of; says which there are."""
    if not known:
        return UserError(f"{spec.kind} {spec}: {spec.name} has no settings, got {format_value(name)}")
    return unknown_name(f"setting of {spec.name}", name, known)


def _converted(text: str, kind: Any) -> Any:
    """A word as a value of a type; ValueError, KeyError or OverflowError where it is none."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind is bool:
        return _TRUTHS[text.lower()]
    if kind is int:
        return int(text)
    if kind is float:
        return _finite(text)
    if kind is NoneType:
        return {"none": None}[text.lower()]
    if origin is Literal:
        return {str(value): value for value in inner}[text]
    if origin in (Union, UnionType):
        return _first((NoneType, *(one for one in inner if one is not NoneType)) if NoneType in inner else inner, text)
    if origin in (tuple, list, Sequence) or kind in (tuple, list):
        words = [_converted(word, inner[0] if inner else Any) for word in text.split(",") if word]
        return words if list in (origin, kind) else tuple(words)
    return text if kind is str else _first((int, float, *(() if text in ("0", "1") else (bool,)), NoneType, str), text)


def _first(kinds: Sequence[Any], text: str) -> Any:
    """A word as a value of the first type that takes it."""
    for kind in kinds:
        try:
            return _converted(text, kind)
        except (KeyError, ValueError, OverflowError):
            continue
    raise ValueError(text)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _wanted(kind: Any) -> str:
    """A type in words, for messages."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return " or ".join(map(str, inner))
    if origin in (Union, UnionType):
        return " or ".join("none" if one is NoneType else _wanted(one) for one in inner)
    if origin in (tuple, list, Sequence):
        return f"values with commas between them, each {_wanted(inner[0]) if inner else 'any'}"
    return _WANTED.get(kind, "a value")
