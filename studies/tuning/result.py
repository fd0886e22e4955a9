"""What a tuning came to: the content of result.json, and in words whether it was worth it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from core.common.errors import counted
from core.common.paired import pairs_needed, signed_rank_p
from recommenders.data import DataFiles
from recommenders.tasks.metrics import Metric
from studies.reporting.rows import run_command
from studies.study.parts import flat
from studies.study.settings import StudySettings
from studies.tuning.settings import TuneSettings
from studies.tuning.trials import Tried
from studies.tuning.tunables import with_values

#: How sure a difference has to be to be called one.
_LEVEL = 0.05
#: The part of a range, as it is searched, that counts as its end.
_NEAR = 0.05


@dataclass(frozen=True)
class TuneResult:
    """The outcome of a tuning."""

    settings: TuneSettings
    trials: tuple[Tried, ...]
    """In order."""
    chosen: Tried
    """The best one that all seeds were spent on."""
    present_params: Mapping[str, float]
    """The values without tuning."""
    best: tuple[float, ...]
    """The validation metric of the best settings with seeds that had no part in choosing them."""
    present: tuple[float, ...]
    """The same of the present settings."""

    @property
    def gain(self) -> float | None:
        """What the best settings are better by on the other seeds; positive is better, whatever the metric."""
        if not self.best:
            return None
        return self.settings.chosen_by.score_of(fmean(self.best) - fmean(self.present))

    @property
    def p_value(self) -> float | None:
        """Of a two-sided Wilcoxon test over pairs of the other seeds; 1 where all pairs are equal."""
        if not self.best:
            return None
        return signed_rank_p(np.subtract(self.best, self.present))

    @property
    def at_an_end(self) -> list[str]:
        """The settings whose chosen value lies near an end of its range: a wider one may hold a better value."""
        places = {one.name: one.place(self.chosen.params[one.name]) for one in self.settings.tunables}
        return [name for name, place in places.items() if not _NEAR < place < 1 - _NEAR]

    @property
    def verdict(self) -> str:
        """Whether it was worth it, in a sentence."""
        name = self.settings.chosen_by.name
        if self.gain is None or self.p_value is None:
            return f"Not checked with other seeds: the validation {name} of the chosen trial flatters it."
        n = len(self.best)
        seeds = f"{counted(n, 'seed')} that chose nothing"
        message = f"mean gain in validation {name} {self.gain:+.4f} on {seeds}, p = {self.p_value:.3g}"
        if self.p_value >= _LEVEL:
            needed = pairs_needed(1, _LEVEL)
            few = f" ({n} pairs cannot show one, at least {needed} can)" if n < needed else ""
            return f"No difference to the present settings is shown: {message}{few}."
        return f"The tuned settings are {'better' if self.gain > 0 else 'worse'} than the present ones: {message}."

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings, lists and dicts."""
        return {
            "best": {"trial": self.chosen.number, "params": dict(self.chosen.params), "value": self.chosen.value},
            "present": dict(self.present_params),
            "confirmed": {
                "best": list(self.best),
                "present": list(self.present),
                "gain": self.gain,
                "p_value": self.p_value,
                "verdict": self.verdict,
            },
            "at_an_end": self.at_an_end,
            "trials": [tried.to_dict() for tried in self.trials],
            "metric": self.settings.chosen_by.name,
            "settings": self.settings.to_dict(),
        }


def command_for(settings: TuneSettings, params: Mapping[str, float], files: DataFiles) -> str:
    """What to type to use these values: the study that was tuned, with them in it."""
    study = flat(settings.study)
    if settings.loss is not None:  # nothing was searched: a search has the budget and the place that it has anyway
        usual = StudySettings()
        study |= {"baseline": (settings.loss,), "trainings": usual.search.trainings}
        study |= {"environment": None}
    return run_command(StudySettings.from_dict(with_values(study, params)), files)


def best_so_far(trials: Sequence[Tried], metric: Metric) -> list[float]:
    """The value of the best whole trial after each one."""
    best, curve = None, []
    for tried in trials:
        if not tried.pruned and (best is None or metric.score_of(tried.value) > metric.score_of(best)):
            best = tried.value
        curve.append(tried.value if best is None else best)
    return curve
