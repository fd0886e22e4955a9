"""A tuning from beginning to end, without a terminal or a tracker."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from core.common.errors import UserError, counted
from core.common.seeding import numpy_rng
from studies.execution.runner import CachedRunner
from studies.execution.task import Result, Task, TaskFactory, Training
from studies.study.settings import StudySettings
from studies.tuning.result import TuneResult
from studies.tuning.settings import TuneSettings
from studies.tuning.trials import Trials, Tried
from studies.tuning.tunables import with_values


class TuneCallback:
    """Told what happens in a tuning; does nothing about what it does not name. Must not change anything in it."""

    def on_phase(self, text: str) -> None:
        """Something begins; a sentence for a person."""

    def on_trial(self, tried: Tried, best: Tried) -> None:
        """A trial is finished, now or before; the best one so far."""


@dataclass(frozen=True)
class Tuning:
    """Tries settings until there are enough, then compares the best ones with the present ones."""

    settings: TuneSettings
    trials: Trials
    """Where what was tried is kept."""
    factory: TaskFactory
    """Makes tasks, whose results are kept and never computed twice."""
    runner: CachedRunner
    """Computes them."""
    callbacks: Sequence[TuneCallback] = ()

    def run(self) -> TuneResult:
        """Do what is missing."""
        settings, trials = self.settings, self.trials
        there = trials.finished
        names = ", ".join(map(str, settings.tunables))
        planned = f"{counted(settings.trials, 'trial')} of up to {counted(settings.seeds, 'seed')}"
        self._say(f"Tuning {names}: {planned}, {len(there)} done")
        for i, tried in enumerate(there):
            self._tell(tried, there[: i + 1])
        trials.begin(settings.present)
        while trials.n_begun < settings.trials:
            self._try()
        return self._result()

    def _say(self, text: str) -> None:
        for callback in self.callbacks:
            callback.on_phase(text)

    def _tell(self, tried: Tried, finished: Sequence[Tried]) -> None:
        for callback in self.callbacks:
            callback.on_trial(tried, self._best(finished))

    def _best(self, finished: Sequence[Tried]) -> Tried:
        """The best trial that all seeds were spent on, as far as there is one; of equal ones the first."""
        if not finished:
            raise UserError(
                "--trials: no trial is finished yet, other processes are at work on them; the same command goes on "
                "when they are, or give more --trials"
            )
        whole = [tried for tried in finished if not tried.pruned]
        return max(whole or finished, key=lambda tried: self.settings.chosen_by.score_of(tried.value))

    def _try(self) -> None:
        """One trial; the seeds come in an order of their own, so that none of them decides more often than others."""
        number, params = self.trials.ask()
        seeds = numpy_rng(self.settings.study.seed, "order of seeds", number).permutation(self.settings.seeds).tolist()
        text, pruned = f"Trial {number}: {format_params(params)}", False
        with closing(self._values(text, params, seeds)) as values:
            for i, (seed, value) in enumerate(values):
                pruned = self.trials.report(seed, value) and i + 1 < len(seeds)
                if pruned:
                    break
        tried = self.trials.tell(pruned)
        self._tell(tried, self.trials.finished)

    def _result(self) -> TuneResult:
        settings, finished = self.settings, self.trials.finished
        best, others = self._best(finished), range(settings.seeds, settings.seeds + settings.confirm)
        text = f"The best settings and the present ones with {counted(settings.confirm, 'other seed')}"
        if others:
            self._say(text)
        confirmed = [
            tuple(value for _, value in self._values(text, params, others))
            for params in (best.params, settings.present)
        ]
        return TuneResult(settings, tuple(finished), best, settings.present, *confirmed)

    def _values(self, text: str, params: Mapping[str, float], seeds: Sequence[int]) -> Generator[tuple[int, float]]:
        """Every seed with the validation metric of these settings, its worst value where a training broke down.

        Whoever stops iterating spares the rest; the test part is never looked at.
        """
        tasks = {seed: self._task(params, seed) for seed in seeds}
        found: dict[str, Result] = {}
        with closing(self.runner.results(text, list(tasks.values()))) as results:
            for seed, task in tasks.items():
                while task.file not in found:
                    done, result = next(results)
                    found[done.file] = result
                yield seed, self._value(found[task.file])

    def _task(self, params: Mapping[str, float], seed: int) -> Task:
        settings = self.settings
        given = {name: value for name, value in params.items() if name != "epsilon"}
        untuned = replace(settings.study, seed=seed if settings.loss is None else 0)
        study = StudySettings.from_dict(with_values(untuned.to_dict(), given))
        if settings.loss is None:
            return self.factory.run(study, converged=settings.objective == "converged")
        training = Training(settings.loss, params.get("epsilon", settings.own_epsilon))
        return self.factory.training(study, training, seed, is_trial=True)

    def _value(self, result: Result) -> float:
        settings, metric = self.settings, self.settings.chosen_by
        if settings.loss is not None:
            value = result["validation"].get(metric.name)
        else:
            value = result["converged"] if settings.objective == "converged" else result["steps"][-1]["best"]
        return metric.worst if value is None or not math.isfinite(value) else float(value)


def format_params(params: Mapping[str, float]) -> str:
    """Values for a person."""
    return ", ".join(f"{name} {value:.3g}" for name, value in params.items())
