"""Trains the losses of a table, stage by stage, and puts their scores together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np

from core.common.seeding import numpy_rng
from core.phases.metric import Metric
from recommenders.tasks.contenders import baseline
from studies.execution.convergence import Convergence, part_values
from studies.execution.runner import CachedRunner
from studies.execution.task import Result, TaskFactory, Training
from studies.tabulation.settings import TableLosses, TableSettings

#: Known losses that are trained alike, to compare with.
BESIDE = ("BCE", "MSE", "focal", "hinge")
#: Losses that a worker trains at once.
AT_ONCE = 128


@dataclass(frozen=True)
class Row:
    """What came of one loss."""

    name: str
    """A known loss, or a formula."""
    number: int | None
    """Of the loss in the table; None for a known one."""
    tried: Mapping[float | None, np.ndarray]
    """Smoothing term (None where a loss has none) -> validation metric after each of the epochs with the first seed;
    NaN where training broke down. Those that were tried."""
    smoothing: float | None
    """The smoothing term that is best after the most epochs."""
    scores: np.ndarray
    """The validation metric with it [seeds, epochs], of one seed where the loss promised little."""
    decay: float | None = None
    """The weight decay that is best at convergence; None where it was not trained so far."""
    converged: tuple[Result, ...] = ()
    """Results of trainings to convergence, one for each seed: `validation` and `test` by the names of metrics."""

    @property
    def score(self) -> float:
        """The validation metric after the most epochs, the mean over its seeds."""
        return float(self.scores[:, -1].mean())


class Tabulation:
    """Makes the rows of a table.

    Args:
        settings: of the table.
        losses: what is in it.
        metric: what is chosen by.
        factory: makes tasks.
        runner: computes them.
    """

    def __init__(
        self,
        settings: TableSettings,
        losses: TableLosses,
        metric: Metric,
        factory: TaskFactory,
        runner: CachedRunner,
    ) -> None:
        self._settings, self._losses, self._metric = settings, losses, metric
        self._factory, self._runner = factory, runner
        self._convergence = Convergence(factory, runner, settings.study, metric, AT_ONCE)

    def run(self) -> list[Row]:
        """Return a row for each loss that was trained: those of the table in order, then the known ones."""
        rows = self._scored(list(self._options()))
        chosen = self._chosen(rows)
        if not chosen:
            return rows
        done = dict(zip(chosen, self._converged([rows[i] for i in chosen]), strict=True))
        return [done.get(i, row) for i, row in enumerate(rows)]

    def raw(self) -> dict[int, np.ndarray]:
        """Return what losses come to that are trained as large as they are written.

        Returns:
            The validation metric after each of the epochs, with the first smoothing term and seed, by the number of
            the loss: of all that are trained and of their multiples; none unless the settings ask for them.
        """
        if not self._settings.raw:
            return {}
        numbers = sorted([*self._losses.trained, *self._losses.multiples])
        each = self._short([self._trainings(i)[0] for i in numbers], [0], scale="raw")
        return dict(zip(numbers, each[0], strict=True)) if each else {}

    def _options(self) -> Iterator[tuple[int | None, list[Training]]]:
        """Yield every loss with each smoothing term."""
        first, epsilons = self._settings.descents[0], self._settings.training.epsilon
        for i in self._losses.trained:
            yield i, self._trainings(i)
        for text in BESIDE:
            variants = baseline(text, self._settings.study.space, epsilons).variants
            yield None, [Training(text, one.constant, None, first) for one in variants]

    def _trainings(self, number: int) -> list[Training]:
        """Return how a loss is trained: with each smoothing term, if it has one."""
        program, first = self._losses.program(number), self._settings.descents[0]
        smoothings = self._settings.training.epsilon if program.is_smoothed else (None,)
        return [Training(str(program), epsilon, program.canonical.to_dict(), first) for epsilon in smoothings]

    def _scored(self, options: Sequence[tuple[int | None, list[Training]]]) -> list[Row]:
        """Train all for a few epochs, the promising ones with every smoothing term, then those with other seeds."""
        (first,) = self._short([of_loss[0] for _, of_loss in options], [0])
        tried = [{of_loss[0].epsilon: scores} for (_, of_loss), scores in zip(options, first, strict=True)]
        promising = self._promising([number for number, _ in options], first[:, -1])
        others = [(i, one) for i in promising for one in options[i][1][1:]]
        for of_seed in self._short([one for _, one in others], [0]):
            for (i, one), scores in zip(others, of_seed, strict=True):
                tried[i][one.epsilon] = scores
        chosen = [self._best(of_loss, found) for (_, of_loss), found in zip(options, tried, strict=True)]
        of_seeds = {i: [found[one.epsilon]] for i, (one, found) in enumerate(zip(chosen, tried, strict=True))}
        for of_seed in self._short([chosen[i] for i in promising], range(1, self._settings.seeds)):
            for i, scores in zip(promising, of_seed, strict=True):
                of_seeds[i].append(scores)
        return [
            Row(training.name, number, of_loss, training.epsilon, np.array(of_seeds[i]))
            for i, ((number, _), training, of_loss) in enumerate(zip(options, chosen, tried, strict=True))
        ]

    def _best(self, of_loss: Sequence[Training], tried: Mapping[float | None, np.ndarray]) -> Training:
        """Return a loss with the smoothing term that is best after the most epochs, of those that were tried."""
        there = [one for one in of_loss if one.epsilon in tried]
        return max(there, key=lambda one: self._score(float(tried[one.epsilon][-1])))

    def _promising(self, numbers: Sequence[int | None], values: np.ndarray) -> list[int]:
        """Return which losses are looked at closely: the known ones, and the best of the others.

        Args:
            numbers: of the losses in the table; None for known ones.
            values: what they came to with the first smoothing term and seed.
        """
        of_table = [i for i, number in enumerate(numbers) if number is not None]
        ranked = sorted(of_table, key=lambda i: -self._score(float(values[i])))
        best = ranked[: math.ceil(self._settings.promising * len(ranked))]
        return sorted([*best, *(i for i, number in enumerate(numbers) if number is None)])

    def _short(
        self, trainings: Sequence[Training], seeds: Sequence[int], scale: str = "normalised"
    ) -> list[np.ndarray]:
        """Return the validation metric after each of the epochs, for each seed: [trainings, epochs].

        Args:
            trainings: the losses.
            seeds: numbers of the seeds.
            scale: how large losses are trained.
        """
        settings, n = self._settings, len(trainings)
        study = replace(settings.study, losses=replace(settings.study.losses, scale=scale))
        blocks = [trainings[k : k + AT_ONCE] for k in range(0, n, AT_ONCE)]
        tasks = [
            self._factory.scores(
                study, f"{scale} losses {k * AT_ONCE + 1} on, seed {seed}", block, seed, settings.epochs
            )
            for seed in seeds
            for k, block in enumerate(blocks)
        ]
        if not tasks:
            return []
        title = f"{n * len(seeds):,} trainings of {settings.epochs[-1]} epochs"
        found = self._runner.stage(title + (", raw" if scale == "raw" else ""), tasks)
        of_seeds = [found[k : k + len(blocks)] for k in range(0, len(found), len(blocks))]
        return [np.array([one for part in parts for one in part["scores"]], dtype=float) for parts in of_seeds]

    def _score(self, value: float) -> float:
        """Return the score that a value of the metric stands for; what broke down is the worst."""
        return self._metric.score_of(value) if math.isfinite(value) else -math.inf

    def _chosen(self, rows: Sequence[Row]) -> list[int]:
        """Return which rows are trained to convergence: the best, as many others, and all known losses."""
        n, known = self._settings.converged, [i for i, row in enumerate(rows) if row.number is None]
        ranked = sorted(
            (i for i, row in enumerate(rows) if row.number is not None), key=lambda i: -self._score(rows[i].score)
        )
        rest = sorted(ranked[n:])
        drawn = numpy_rng(self._settings.seed, "table").choice(len(rest), min(n, len(rest)), replace=False)
        return sorted({*ranked[:n], *(rest[k] for k in drawn)}) + (known if n else [])

    def _converged(self, rows: Sequence[Row]) -> list[Row]:
        """Train them to convergence: every decay with the first seed, the best one with all seeds."""
        options = []
        for row in rows:
            stored = None if row.number is None else self._losses.program(row.number).canonical.to_dict()
            options.append([Training(row.name, row.smoothing, stored, sgd) for sgd in self._settings.descents])
        chosen = self._convergence.choose(
            f"{len(rows):,} losses to convergence, decay chosen on validation", options, (0,), is_trial=True
        )
        best = [one.training for one in chosen]
        runs = self._convergence.train("The same with the best decay and all seeds", best, range(self._settings.seeds))
        return [
            replace(row, decay=training.sgd.weight_decay if training.sgd else None, converged=tuple(of_one))
            for row, training, of_one in zip(rows, best, runs, strict=True)
        ]


def mean_converged(row: Row, part: str, metric: Metric) -> float | None:
    """Return a metric at convergence, the mean over seeds; None where the row was not trained so far.

    Args:
        row: of the table.
        part: validation or test.
        metric: the metric.
    """
    return fmean(part_values(metric, row.converged, part)) if row.converged else None
