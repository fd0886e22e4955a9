"""What settings are worth with one seed: made into parts, which are kept and never done twice."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from recommenders.tasks.metrics import Metric, find_metric
from studies.execution.making import PartMaker
from studies.execution.part import Part, PartsFolder
from studies.execution.workers import Workers
from studies.execution.workplace import Workplace
from studies.study.settings import StudySettings
from studies.tuning.settings import TuneSettings
from studies.tuning.tunables import with_values

#: Told how far a seed of a trial is: its place among them, and its share from 0 to 1.
OnProgress = Callable[[int, float], None]


@dataclass(frozen=True)
class Evaluation:
    """Computes the validation metric of settings, seed by seed; the test part is never looked at."""

    settings: TuneSettings
    """Of the tuning."""
    maker: PartMaker
    """Makes parts."""
    folder: PartsFolder
    """Where parts are kept."""
    workers: Workers
    """Compute parts."""
    place: Workplace
    """Where they do."""

    @property
    def metric(self) -> Metric:
        """What decides."""
        return find_metric(self.settings.task, self.settings.metric)

    def values(
        self, params: Mapping[str, float], seeds: Sequence[int], on_progress: OnProgress
    ) -> Generator[tuple[int, float]]:
        """Every seed with the validation metric, in this order; whoever stops asking saves the rest.

        A training that broke down counts as the worst value that the metric has.
        """
        parts = {seed: self._part(params, seed) for seed in seeds}
        places = {part.file: i for i, part in enumerate(parts.values())}
        found = {part.file: there for part in parts.values() if (there := self.folder.read(part)) is not None}
        missing = [part for part in parts.values() if part.file not in found]

        def progressed(part: Part, share: float) -> None:
            on_progress(places[part.file], share)

        with closing(self.workers.compute(missing, progressed)) as computed:
            for seed, part in parts.items():
                while part.file not in found:
                    done, content = next(computed)
                    found[done.file] = self.folder.write(done, content)
                    self.place.forget(done)
                yield seed, self._value(found[part.file])

    def _part(self, params: Mapping[str, float], seed: int) -> Part:
        settings = self.settings
        if settings.loss is None:
            study = StudySettings.from_dict(with_values(settings.study(seed).to_dict(), params))
            return self.maker.run(study, converged=settings.objective == "converged")
        trained = {name: value for name, value in params.items() if name != "epsilon"}
        study = StudySettings.from_dict(with_values(settings.study(0).to_dict(), trained))
        entry = {"name": settings.loss, "program": None, "epsilon": params.get("epsilon", settings.own_epsilon)}
        return self.maker.finals(study, [entry], seed, f"{settings.loss} seed {seed}")

    def _value(self, found: Mapping[str, Any]) -> float:
        if self.settings.loss is not None:
            value = found["fitted"][0]["validation"].get(self.metric.name)
        elif self.settings.objective == "converged":
            value = found["converged"]
        else:
            value = found["steps"][-1]["best"]
        if value is None or not math.isfinite(value):
            return self.metric.worst
        return float(value)
