"""What to type: command lines that can be copied, and are read back as exactly the same."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from core.common.secrets import masked
from recommenders.data.options import option
from studies.study.settings_data import DATA_PLACES, DataPlaces


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


def typed(start: Sequence[str], settings: Any, places: DataPlaces, shown: Sequence[str] = ()) -> str:
    """What to type to get something again; options that have their defaults are left out.

    Args:
        start: the words that the line begins with.
        settings: a dataclass, whose fields are options.
        places: of which the files are told where they are given.
        shown: more fields of `places` that are.
    """
    given = {f.name: getattr(settings, f.name) for f in fields(settings)}
    changed = {f.name: given[f.name] for f in fields(settings) if given[f.name] != f.default}
    return command_line(start, changed | {name: getattr(places, name) for name in (*DATA_PLACES, *shown)})
