"""Settings that are made of parts, each a dataclass of what is about one thing.

Whoever sets them sees no parts: on the command line, in files and in messages a setting is a name alone. Command lines
that can be copied are read back as exactly the same.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, get_type_hints

from cyclopts import Parameter

from core.common.errors import UserError, unknown_name
from core.common.restoring import read_fields
from core.common.secrets import masked
from recommenders.data import DataFiles
from recommenders.data.options import option

T = TypeVar("T")
#: Of a field that is a part: its fields are options of the command, without its name in front.
PART = Parameter(name="*")


def flat(made: Any) -> dict[str, Any]:
    """Return the settings of a dataclass by name, in order: its fields, and those of the parts among them."""
    values: dict[str, Any] = {}
    for f in fields(made):
        value = getattr(made, f.name)
        values |= flat(value) if is_dataclass(value) else {f.name: value}
    return values


def changed(made: Any) -> dict[str, Any]:
    """Return the settings that do not have the defaults of their class, see `flat`."""
    usual = flat(type(made)())
    return {name: value for name, value in flat(made).items() if value != usual[name]}


def compose(kind: type[T], given: Mapping[str, Any]) -> T:
    """Make settings of values by name; those that are missing have their defaults.

    Args:
        kind: the dataclass.
        given: see `read_fields`; what `flat` returns is read back.

    Raises:
        UserError: an unknown name, or a value of another kind or out of range.
    """
    known = flat(kind())
    for name in given:
        if name not in known:
            raise unknown_name("setting", str(name), known)
    return _made(kind, given)


def _made(kind: type[T], given: Mapping[str, Any]) -> T:
    parts: dict[str, Any] = {name: part for name, part in get_type_hints(kind).items() if is_dataclass(part)}
    made = {name: _made(part, given) for name, part in parts.items()}
    own = {f.name: given[f.name] for f in fields(kind) if f.name in given}  # type: ignore[arg-type]  # a dataclass
    return kind(**made, **read_fields(kind, "setting", own))


def check_finite(part: Any) -> None:
    """Refuse numbers that are none; what other parts this one holds have been checked.

    Raises:
        UserError: NaN or infinite.
    """
    for f in fields(part):
        value = getattr(part, f.name)
        if isinstance(value, float) and not math.isfinite(value):
            raise UserError(f"{option(f.name)}: expected a finite number, got {value}")


def as_typed(value: object) -> str:
    """How a value is written on the command line: a number in full, and no longer than it takes."""
    if not isinstance(value, float):
        return str(value)
    short = f"{value:g}"
    return short if float(short) == value else repr(float(value))  # float: NumPy's are written otherwise


def command_line(start: Sequence[str], options: Mapping[str, Any]) -> str:
    """A line to type, quoted as shells have it, without secrets.

    Args:
        start: the words that it begins with.
        options: values by name. Several repeat the option, True and False are flags, None is left out.
    """
    words = list(start)
    for name, value in options.items():
        for one in value if isinstance(value, tuple | list) else (value,):
            words += _words(option(name), one)
    return masked(shlex.join(words))


def _words(flag: str, value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, bool):
        return [flag if value else f"--no-{flag.removeprefix('--')}"]
    text = as_typed(value)
    return [f"{flag}={text}"] if text.startswith("-") else [flag, text]  # apart it would be another option


def typed(start: Sequence[str], settings: Any, files: DataFiles, **places: object) -> str:
    """What to type to get something again; options that have their defaults are left out.

    Args:
        start: the words that the line begins with.
        settings: see `studies.study.parts`.
        files: of the data set.
        places: more options.
    """
    return command_line(start, changed(settings) | flat(files) | places)
