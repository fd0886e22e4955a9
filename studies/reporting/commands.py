"""Command lines that a reader can copy: the study again, and its losses taken home."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

from recommenders.data.options import option
from studies.settings import StudySettings

#: Always told, whether or not they are the defaults.
_ALWAYS = ("searcher", "seed")


def changed_settings(settings: StudySettings) -> dict[str, Any]:
    """The settings that are not the defaults, which may depend on the environment."""
    usual = StudySettings(environment=settings.environment).to_dict() | {
        "environment": StudySettings().environment,
    }
    return {name: value for name, value in settings.to_dict().items() if value != usual.get(name)}


def run_command(settings: StudySettings) -> str:
    """What starts this study again."""
    changed = changed_settings(settings)
    wanted = {name: value for name, value in settings.to_dict().items() if name in _ALWAYS or name in changed}
    return shlex.join(["python", "-m", "studies.run", *(word for item in wanted.items() for word in _option(*item))])


def _option(name: str, value: Any) -> Iterator[str]:
    flag = option(name)
    for one in value if isinstance(value, list) else [value]:
        if one is True:
            yield flag
        elif one is False:
            yield f"--no-{flag.removeprefix('--')}"
        elif one is not None:
            text = str(one)
            yield from (f"{flag}={text}",) if text.startswith("-") else (flag, text)


def export_command(place: str, *options: str) -> str:
    """What writes a loss of this study to a file or to the terminal."""
    return shlex.join(["python", "-m", "studies.export", *_option("run", place), *options])
