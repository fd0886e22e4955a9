"""The files of a tuning, and its summary for a person."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Column, Table

from recommenders.data import DataFiles
from studies.storage.output import OutputFolder, plain
from studies.study.summary import mean_and_spread
from studies.tuning.result import TuneResult, command_for
from studies.tuning.trials import Tried
from studies.tuning.tuning import TuneCallback, format_params

#: The stems of the files of all pictures, see `studies.tuning.pictures`.
STEMS = ("history", "settings", "importance")
REPORT_FILES = ("result.json", *(f"{stem}.png" for stem in STEMS))


class TrialLines(TuneCallback):
    """A line for every trial.

    Args:
        console: where to print, normally stderr.
        metric: name of the metric.
    """

    def __init__(self, console: Console, metric: str) -> None:
        self._console, self._metric = console, metric

    def on_phase(self, text: str) -> None:
        """See TuneCallback."""
        self._console.print(text, style="bold" if self._console.is_terminal else None, highlight=False, soft_wrap=True)

    def on_trial(self, tried: Tried, best: Tried) -> None:
        """See TuneCallback."""
        ended = f" after {len(tried.per_seed)} seeds, worse than the best" if tried.pruned else ""
        value = f"validation {self._metric} {tried.value:.4f}{ended}"
        text = f"  trial {tried.number}: {format_params(tried.params)}: {value}"
        if tried.number == best.number and tried.number:
            text += ", the best so far"
        self._console.print(text, highlight=False, soft_wrap=True)


def write_report(result: TuneResult, pictures: Mapping[str, bytes], folder: OutputFolder) -> list[Path]:
    """Write result.json and the pictures; result.json comes first.

    Raises:
        UserError: the disk is full.
    """
    files = [folder.write_json("result.json", plain(result.to_dict()))]
    return files + [folder.write(f"{stem}.png", content) for stem, content in pictures.items()]


def print_summary(result: TuneResult, files: DataFiles, console: Console) -> None:
    """The best trials, the settings that were chosen, and whether it was worth it."""
    n_pruned = sum(tried.pruned for tried in result.trials)
    message = f"The best of {len(result.trials)} trials ({n_pruned} ended early); trial 0 has the present settings"
    console.print(message, style="italic", highlight=False)
    console.print(_trials_table(result))
    console.print("With seeds that chose nothing", style="italic", highlight=False)
    console.print(_settings_table(result))
    console.print(result.verdict, highlight=False)
    for name in result.at_an_end:
        console.print(
            f"{name} was chosen near an end of its range; a wider one (--vary {name}=LOW:HIGH) may hold a better one."
        )
    command = command_for(result.settings, result.chosen.params, files)
    console.print(f"To use them: {command}", highlight=False, soft_wrap=True)


def _trials_table(result: TuneResult) -> Table:
    metric, whole = result.settings.chosen_by, [tried for tried in result.trials if not tried.pruned]
    names = ("trial", *(tunable.name for tunable in result.settings.tunables), f"validation {metric.name}")
    table = Table(*(Column(name, justify="right") for name in names), box=box.SIMPLE_HEAD)
    for tried in sorted(whole, key=lambda tried: -metric.score_of(tried.value))[:5]:
        values = [f"{value:.4g}" for value in tried.params.values()]
        style = "bold" if tried.number == result.chosen.number else None
        table.add_row(str(tried.number), *values, mean_and_spread(list(tried.per_seed.values())), style=style)
    return table


def _settings_table(result: TuneResult) -> Table:
    values = Column(f"validation {result.settings.chosen_by.name}", justify="right")
    table = Table("settings", values, box=box.SIMPLE_HEAD)
    for name, params, of_seeds in (
        ("tuned", result.chosen.params, result.best),
        ("present", result.present_params, result.present),
    ):
        described = ", ".join(f"{setting} {value:.4g}" for setting, value in params.items())
        table.add_row(f"{name}: {described}", mean_and_spread(of_seeds))
    return table
