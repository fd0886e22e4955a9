"""Specifications: a name with optional settings in one line, such as `optuna:sampler=cmaes:n_startup=50`."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from types import NoneType, UnionType
from typing import Any, ClassVar, Literal, Self, TypeVar, Union, get_args, get_origin, get_type_hints

from core.common.errors import UserError, format_value, unknown_name

T = TypeVar("T")

_TRUTHS: Mapping[str, bool] = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_WANTED: Mapping[type, str] = {int: "a whole number", float: "a finite number", bool: "true or false"}


@dataclass(frozen=True)
class Specification:
    """A name and its settings, as strings."""

    name: str
    settings: tuple[tuple[str, str], ...] = ()
    """(setting, value), each as written."""

    kind: ClassVar[str] = "name"
    """What is specified, such as "searcher", for messages."""
    example: ClassVar[str] = "name"
    """A valid name, for messages."""
    takes_classes: ClassVar[bool] = False
    """Whether package.module:Class is accepted as a name."""
    signs: ClassVar[str] = "._-+"
    """Characters that names and values may contain besides letters and digits; with a colon among them, values may have
    colons: what follows one without a = goes on with it."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `name:setting=value:...`, made of ASCII letters, digits and `signs`.

        Raises:
            UserError: the text has another form, or names a setting twice.
        """
        name, *rest = (part.strip() for part in text.split(":"))
        if cls.takes_classes and rest and "=" not in rest[0]:
            name = f"{name}:{rest.pop(0)}"
        pairs = [tuple(word.strip() for word in part.split("=")) for part in cls._settings_of(rest)]
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
    def _settings_of(cls, parts: Sequence[str]) -> list[str]:
        """Join what was cut at the colons of a value."""
        whole: list[str] = []
        for part in parts:
            if ":" in cls.signs and whole and "=" not in part:
                whole[-1] += f":{part}"
            else:
                whole.append(part)
        return whole

    @classmethod
    def _is_word(cls, word: str) -> bool:
        return bool(word) and all(letter.isascii() and (letter.isalnum() or letter in cls.signs) for letter in word)

    def __str__(self) -> str:
        """Return the specification as one line."""
        return ":".join([self.name, *(f"{name}={value}" for name, value in self.settings)])


def read_settings(spec: Specification, kind: type | None) -> Any:
    """Build the settings that a specification gives; None if there is no class of settings.

    Args:
        spec: the specification.
        kind: the dataclass of settings, or None if `spec.name` has no settings.

    Raises:
        UserError: an unknown setting, a value of the wrong type, or one that the class refuses.
    """
    if kind is None:
        if spec.settings:
            raise UserError(f"{spec.kind} {spec}: {spec.name} has no settings")
        return None
    return kind(**read_values(spec, kinds_of(kind)))


def written_line(name: str, settings: Any) -> str:
    """Return the line that is read back as settings: what differs from their defaults.

    Args:
        name: what has them.
        settings: of a dataclass whose fields all have defaults.
    """
    usual = type(settings)()
    given = {one.name: getattr(settings, one.name) for one in fields(settings)}
    words = [f"{name}={_written(value)}" for name, value in given.items() if value != getattr(usual, name)]
    return ":".join([name, *words])


def _written(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(_written, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def make_registered(spec: Specification, registry: Mapping[str, type[T]]) -> T:
    """Build the object that a specification names in a registry of dataclasses, whose fields are the settings.

    Args:
        spec: the specification.
        registry: name -> class.

    Raises:
        UserError: an unknown name or setting, a value of the wrong type, or one that the class refuses.
    """
    if spec.name not in registry:
        raise unknown_name(spec.kind, spec.name, registry)
    made: T = read_settings(spec, registry[spec.name])
    return made


def kinds_of(kind: type) -> dict[str, Any]:
    """Return the type of every field of a dataclass: field name -> type."""
    types = get_type_hints(kind)
    return {field.name: types[field.name] for field in fields(kind)}


def kinds_of_arguments(kind: type, after: int = 0) -> dict[str, Any]:
    """Return the type of every argument that a class is made with; `Any` where it says none.

    Args:
        kind: the class.
        after: how many arguments are left out, from the first one on.
    """
    types = get_type_hints(kind.__init__)  # type: ignore[misc]
    return {name: types.get(name, Any) for name in list(inspect.signature(kind).parameters)[after:]}


def read_values(spec: Specification, kinds: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a specification, converted to their types.

    Args:
        spec: the specification.
        kinds: setting -> type; for `Any` the type is guessed from the value.

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
    """Build the UserError for an unknown setting; the message lists the known ones.

    Args:
        spec: the specification that gives the setting.
        name: the unknown setting.
        known: the known settings.
    """
    if not known:
        return UserError(f"{spec.kind} {spec}: {spec.name} has no settings, got {format_value(name)}")
    return unknown_name(f"setting of {spec.name}", name, known)


def _converted(text: str, kind: Any) -> Any:
    """Convert a word to a type; raise ValueError, KeyError or OverflowError if that is impossible."""
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
    """Convert a word to the first of these types that accepts it."""
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
    """Return a type in words, for messages."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return " or ".join(map(str, inner))
    if origin in (Union, UnionType):
        return " or ".join("none" if one is NoneType else _wanted(one) for one in inner)
    if origin in (tuple, list, Sequence):
        return f"values with commas between them, each {_wanted(inner[0]) if inner else 'any'}"
    return _WANTED.get(kind, "a value")
