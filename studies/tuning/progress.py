"""What a person sees while a tuning runs: on stderr, stdout stays for the summary."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console

from studies.study.console import LiveBars
from studies.tuning.result import TuneResult
from studies.tuning.trials import Tried
from studies.tuning.tuning import TuneWatcher


class TuneProgress(LiveBars, TuneWatcher):
    """A line for every trial, and on a terminal a live bar.

    Args:
        console: where to draw, normally stderr.
        metric: name of the metric.
    """

    def __init__(self, console: Console, metric: str) -> None:
        super().__init__(console)
        self._metric = metric
        self._bar = self._progress.add_task("", total=None, state="", visible=False)
        self._shares: dict[int, float] = {}

    def on_phase(self, text: str) -> None:
        """See TuneWatcher."""
        self._heading(text)
        self._progress.reset(self._bar, description="Working", total=None, state="", visible=self._live)
        self._shares = {}

    def on_begin(self, number: int, params: Mapping[str, float], n_seeds: int) -> None:
        """See TuneWatcher."""
        self._shares = {}
        self._progress.reset(self._bar, description=f"Trial {number}", total=n_seeds, state=_told(params))

    def on_progress(self, place: int, share: float) -> None:
        """See TuneWatcher."""
        self._shares[place] = share
        self._progress.update(self._bar, completed=sum(self._shares.values()))

    def on_trial(self, tried: Tried, best: Tried) -> None:
        """See TuneWatcher."""
        ended = f" after {len(tried.per_seed)} seeds, worse than the best" if tried.pruned else ""
        text = f"  trial {tried.number}: {_told(tried.params)}: validation {self._metric} {tried.value:.4f}{ended}"
        if tried.number == best.number and tried.number:
            text += ", the best so far"
        self._console.print(text, highlight=False, soft_wrap=True)

    def on_result(self, result: TuneResult) -> None:
        """See TuneWatcher."""
        self._progress.update(self._bar, visible=False)


def _told(params: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.3g}" for name, value in params.items())
