"""A comparison from beginning to end, without a terminal or a tracker."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from core.common.errors import counted
from core.phases.contender import Contender
from core.search.trial import read_genome
from recommenders.data import DataFiles
from studies.comparison.outcome import Converged, NoiseFloor, Outcome, Point, Run
from studies.comparison.settings import RANDOM_BASELINE, CompareSettings
from studies.execution.convergence import Chosen, Convergence, settings_of
from studies.execution.runner import CachedRunner
from studies.execution.task import Result, Task, TaskFactory, data_file_digest
from studies.study.study import Study

#: Losses that are trained together, at most.
_AT_ONCE = 32


class Comparison:
    """Settings made into tasks. Everything that can be wrong with the settings is found here.

    Args:
        settings: of the comparison.
        data: the raw file or files of the data set, where it needs some.

    Raises:
        UserError: anything that the comparison could not run with.
    """

    def __init__(self, settings: CompareSettings, data: Path | DataFiles | None) -> None:
        self.files = DataFiles.of(data)
        self.settings = settings = settings.on(self.files)
        self.digest = data_file_digest(self.files)
        self._factory = TaskFactory(self.digest)
        study = Study(settings.run(settings.names[0], 0), self.files)
        self.problem = study.problem
        """What is searched, with the first seed."""
        self._baselines = study.baselines
        self._noise_of = settings.noise_of(self.problem.known_names)
        self.problem.known(self._noise_of)
        self.noise = self._factory.noise(settings.run(RANDOM_BASELINE, 0), self._noise_of, settings.noise_seeds)
        pairs = [(name, seed) for seed in range(settings.seeds) for name in settings.names]
        self.runs = tuple(self._factory.run(settings.run(name, seed)) for name, seed in pairs)
        """The tasks of all searchers with all seeds."""

    def run(self, runner: CachedRunner, command: str) -> Outcome:
        """Do what is missing.

        Args:
            runner: computes tasks.
            command: see Outcome.
        """
        n_runs = f"{counted(len(self.settings.names), 'searcher')}, {counted(self.settings.seeds, 'seed')}"
        noise, *found = runner.stage(f"Noise floor, and phases I and II: {n_runs}", [self.noise, *self.runs])
        study, metric = self.settings.run(RANDOM_BASELINE, 0), self.problem.metric
        convergence = Convergence(self._factory, runner, study, metric, _AT_ONCE)
        finalists = [self._finalists(run) for run in found]
        contenders: dict[str, Contender[Any]] = {}
        for of_run in (*finalists, self._baselines):
            for one in of_run:
                contenders.setdefault(_key(one), one)
        options, terms = [settings_of(one, self.problem) for one in contenders.values()], self.problem.terms
        first = convergence.choose(f"Phase III: the {terms.constant} of every {terms.one}", options, [0])
        chosen = dict(zip(contenders, first, strict=True))

        def score(one: Contender[Any]) -> float:
            return convergence.side * chosen[_key(one)].value

        best = [max(of_run, key=score, default=None) for of_run in finalists]
        survivors = {_key(one): one for one in (*best, *self._baselines) if one is not None}
        trainings = [chosen[key].training for key in survivors]
        others = range(1, self.settings.study.judging.repeats)
        later = convergence.train("Phase III: more training seeds", trainings, others)
        converged = {
            key: _converged(one, chosen[key], again, metric.name)
            for (key, one), again in zip(survivors.items(), later, strict=True)
        }
        runs = [
            _run_of(task, result, None if one is None else converged[_key(one)])
            for task, result, one in zip(self.runs, found, best, strict=True)
        ]
        order = {name: i for i, name in enumerate(self.settings.names)}
        return Outcome(
            runs=tuple(sorted(runs, key=lambda run: (order[run.searcher], run.seed))),
            baselines=tuple(converged[_key(one)] for one in self._baselines),
            noise=NoiseFloor(self._noise_of, _numbers(noise["search"]), _numbers(noise["converged"])),
            metric=metric.name,
            higher_is_better=metric.higher_is_better,
            start=fmean(_numbers(run["start"] for run in found)),
            settings=self.settings.to_dict() | {"noise_loss": self._noise_of},
            data=self.problem.described(),
            optimum=self.problem.optimum,
            terms=terms,
            command=command,
        )

    def _finalists(self, run: Mapping[str, Any]) -> list[Contender[Any]]:
        """What a run found."""
        genomes = [read_genome(finalist["genome"]) for finalist in run["finalists"]]
        return [
            self.problem.contender(one, {}) for genome in genomes for one in self.problem.space.decode(genome[None])
        ]


def _key(one: Contender[Any]) -> str:
    """Equal for what is trained once."""
    return f"known {one.name}" if one.solution is None or not one.is_searched else f"found {one.solution.key}"


def _converged(one: Contender[Any], chosen: Chosen, later: Sequence[Result], metric: str) -> Converged:
    """What a loss came to with all seeds, at its best smoothing term."""
    parts = [_numbers(run[part].get(metric) for run in (*chosen.runs, *later)) for part in ("validation", "test")]
    complexity = None if one.solution is None else one.solution.complexity
    return Converged(chosen.training.name, complexity, chosen.training.epsilon, *parts)


def _run_of(task: Task, found: Mapping[str, Any], best: Converged | None) -> Run:
    steps, settings = found["steps"], task.content["settings"]
    bests = _numbers(step["best"] for step in steps)
    points = (Point(step["candidate_epochs"], step["seconds"], b) for step, b in zip(steps, bests, strict=True))
    who = settings["searcher"], settings["seed"]
    return Run(*who, tuple(points), found["funnel"], found["stop"], found["seconds"], best)


def _numbers(values: Iterable[float | None]) -> tuple[float, ...]:
    return tuple(math.nan if value is None else value for value in values)


def result_message(metric: str) -> Callable[[Task, Mapping[str, Any]], str]:
    """What came of a task, in a few words; `metric` is the name of the metric."""

    def message(task: Task, found: Mapping[str, Any]) -> str:
        if task.kind != "run":
            return "done"
        funnel, steps = found["funnel"], found["steps"]
        best = steps[-1]["best"] if steps else None
        reached = "nothing found" if best is None else f"best validation {metric} {best:.4f}"
        seconds = sum(found["seconds"].values())
        return f"{reached}, {funnel['trained']} trained of {funnel['sampled']} sampled in {seconds:.0f} s"

    return message
