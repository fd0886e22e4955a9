"""Command lines that a reader can copy: the study again, and its losses taken home."""

from __future__ import annotations

from typing import Any

from studies.study.settings import StudySettings
from studies.study.settings_data import DATA_PLACES, DataPlaces
from studies.study.typed import command_line

#: Always told, whether or not they are the defaults.
_ALWAYS = ("searcher", "seed")


def changed_settings(settings: StudySettings) -> dict[str, Any]:
    """The settings that are not the defaults, which may depend on the problem and the environment."""
    usual = StudySettings(problem=settings.problem, environment=settings.environment).to_dict()
    usual |= {name: getattr(StudySettings(), name) for name in ("environment", "problem")}
    return {name: value for name, value in settings.to_dict().items() if value != usual.get(name)}


def run_command(settings: StudySettings, places: DataPlaces | None = None) -> str:
    """What starts this study again, on the files of `places`."""
    changed = changed_settings(settings)
    wanted = {name: value for name, value in settings.to_dict().items() if name in _ALWAYS or name in changed}
    files = {name: getattr(places, name, None) for name in DATA_PLACES}
    return command_line(("python", "-m", "studies.run"), wanted | files)


def export_command(place: str, **options: str) -> str:
    """What writes a loss of this study to a file or to the terminal."""
    return command_line(("python", "-m", "studies.export"), {"run": place, **options})
