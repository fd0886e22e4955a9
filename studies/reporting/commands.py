"""Command lines that a reader can copy: the study again, and its losses taken home."""

from __future__ import annotations

from typing import Any

from recommenders.data import DataFiles
from studies.study.parts import command_line, flat
from studies.study.settings import StudySettings

#: Always told, whether or not they are the defaults.
_ALWAYS = ("searcher", "seed")


def changed_settings(settings: StudySettings) -> dict[str, Any]:
    """The settings that are not the defaults, which may depend on the problem, the preset and the environment."""
    stored, first = settings.to_dict(), ("problem", "preset")
    given = {name: stored[name] for name in (*first, "environment") if name in stored}
    usual = StudySettings.from_dict(given).to_dict()
    of_preset = StudySettings.from_dict({name: given[name] for name in first if name in given})
    usual |= {name: flat(StudySettings())[name] for name in first} | {"environment": of_preset.in_force("environment")}
    return {name: value for name, value in stored.items() if value != usual.get(name)}


def run_command(settings: StudySettings, files: DataFiles = DataFiles()) -> str:  # noqa: B008  (frozen)
    """What starts this study again, on these files."""
    changed = changed_settings(settings)
    wanted = {name: value for name, value in settings.to_dict().items() if name in _ALWAYS or name in changed}
    return command_line(("python", "-m", "studies.run"), wanted | flat(files))


def export_command(place: str, **options: str) -> str:
    """What writes a loss of this study to a file or to the terminal."""
    return command_line(("python", "-m", "studies.export"), {"run": place, **options})
