"""What to type: command lines that can be copied, and are read back as exactly the same."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from core.common.secrets import masked
from recommenders.data import DataFiles
from recommenders.data.options import option
from studies.study.parts import changed, flat


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
