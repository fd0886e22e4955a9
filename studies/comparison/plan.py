"""What a comparison consists of, and how its parts come together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from core.programs.program import LossProgram
from recommenders.data import DataFiles
from recommenders.tasks.metrics import find_metric
from studies.comparison.outcome import Converged, NoiseFloor, Outcome, Point, Run
from studies.comparison.settings import CHANCE, CompareSettings
from studies.execution.making import PartMaker, data_file_digest
from studies.execution.part import Part
from studies.study.finals import Contender, baseline, searched

#: Losses that are trained together: a fixed number, since it may decide over the last bit.
_TOGETHER = 32

#: File of a part -> what was found.
Found = Mapping[str, dict[str, Any]]


@dataclass(frozen=True)
class Entrant:
    """A loss that is trained to convergence in a comparison."""

    name: str
    """The formula, or the name of a known loss."""
    program: LossProgram | None
    """What a search found; None for known losses."""
    complexity: int | None
    """Operators; None for losses with a closed form."""
    epsilons: tuple[float | None, ...]
    """Smoothing terms to try."""

    def entry(self, epsilon: float | None) -> dict[str, Any]:
        """As plain data."""
        return {"name": self.name, "program": self.program and self.program.to_dict(), "epsilon": epsilon}


class Plan:
    """The parts of a comparison, stage by stage: what is needed later depends on what was found before.

    Args:
        settings: of the comparison.
        data: the raw file or files of the data set, where it needs some.

    Raises:
        UserError: the file cannot be read.
    """

    def __init__(self, settings: CompareSettings, data: Path | DataFiles | None) -> None:
        self.settings = settings
        self._make = PartMaker(data_file_digest(data))
        self._space = settings.space
        self._baselines = [
            _entrant(baseline(text, self._space, settings.epsilon), known=True) for text in settings.baseline
        ]
        self.noise = self._make.noise(settings.study(CHANCE, 0), settings.noise_loss, settings.noise_seeds)
        pairs = [(name, seed) for seed in range(settings.seeds) for name in settings.names]
        self.runs = tuple(self._make.run(settings.study(name, seed)) for name, seed in pairs)

    def entrants(self, found: Found) -> list[Entrant]:
        """Every loss to be trained to convergence, once: those that runs found, in order, and the baselines."""
        distinct: dict[str, Entrant] = {}
        for part in self.runs:
            for entrant in self._finalists(found[part.file]):
                assert entrant.program is not None, "a run finds programs"
                distinct.setdefault(entrant.program.key, entrant)
        return [*distinct.values(), *self._baselines]

    def _finalists(self, run: Mapping[str, Any]) -> list[Entrant]:
        programs = [LossProgram.from_dict(finalist["program"]) for finalist in run["finalists"]]
        return [
            _entrant(searched(program, None, self._space, self.settings.epsilon), known=False) for program in programs
        ]

    def first_finals(self, found: Found) -> list[Part]:
        """Every entrant with every smoothing term and the first training seed."""
        entries = [one.entry(epsilon) for one in self.entrants(found) for epsilon in one.epsilons]
        return self._finals(entries, 0)

    def _finals(self, entries: Sequence[Mapping[str, Any]], repeat: int) -> list[Part]:
        study, parts = self.settings.study(CHANCE, 0), []
        for i in range(0, len(entries), _TOGETHER):
            losses = list(entries[i : i + _TOGETHER])
            label = f"convergence, training seed {repeat}, losses {i + 1} to {i + len(losses)}"
            parts.append(self._make.finals(study, losses, repeat, label))
        return parts

    def later_finals(self, found: Found) -> list[Part]:
        """The best entrant of every run and the baselines, with their best smoothing term and the other seeds."""
        first = self._fitted(self.first_finals(found), found)
        best = [self._best(found[part.file], first) for part in self.runs]
        survivors = [*(one for one in best if one is not None), *self._baselines]
        entries = {one.name: one.entry(_best_epsilon(one, first)) for one in survivors}
        return [part for i in range(1, self.settings.repeats) for part in self._finals(list(entries.values()), i)]

    def _best(self, run: Mapping[str, Any], first: Mapping[str, dict[str, Any]]) -> Entrant | None:
        """The finalist of a run that did best on validation with the first training seed."""
        finalists = self._finalists(run)
        return max(finalists, key=lambda one: _score(first[_key(one.entry(_best_epsilon(one, first)))]), default=None)

    def _fitted(self, parts: Sequence[Part], found: Found) -> dict[str, dict[str, Any]]:
        """Key of an entry -> what its training came to."""
        return {
            _key(entry): fitted
            for part in parts
            for entry, fitted in zip(part.content["losses"], found[part.file]["fitted"], strict=True)
        }

    def outcome(self, found: Found, data: Mapping[str, Any], command: str) -> Outcome:
        """All parts together.

        Args:
            found: every part.
            data: see Outcome.
            command: see Outcome.
        """
        metric = find_metric(self.settings.task, self.settings.metric)
        first = self._fitted(self.first_finals(found), found)
        later = self.later_finals(found)
        by_repeat = ([part for part in later if part.content["repeat"] == n] for n in range(1, self.settings.repeats))
        seeds = [first, *(self._fitted(parts, found) for parts in by_repeat)]

        def converged(one: Entrant) -> Converged:
            epsilon = _best_epsilon(one, first)
            fits = [seed[_key(one.entry(epsilon))] for seed in seeds]
            parts = [tuple(_number(fit[part].get(metric.name)) for fit in fits) for part in ("validation", "test")]
            return Converged(one.name, one.complexity, epsilon, *parts)

        runs = []
        for part in self.runs:
            best = self._best(found[part.file], first)
            runs.append(_run_of(part, found[part.file], None if best is None else converged(best)))
        order = {name: i for i, name in enumerate(self.settings.names)}
        noise = found[self.noise.file]
        return Outcome(
            runs=tuple(sorted(runs, key=lambda run: (order[run.searcher], run.seed))),
            baselines=tuple(map(converged, self._baselines)),
            noise=NoiseFloor(
                self.settings.noise_loss, tuple(map(_number, noise["search"])), tuple(map(_number, noise["converged"]))
            ),
            metric=metric.name,
            higher_is_better=metric.higher_is_better,
            start=fmean(_number(found[part.file]["start"]) for part in self.runs),
            settings=self.settings.to_dict(),
            data=data,
            command=command,
        )


def _entrant(contender: Contender, known: bool) -> Entrant:
    program = contender.program
    return Entrant(
        contender.name,
        None if known else program,
        None if program is None else program.complexity,
        tuple(epsilon for epsilon, _ in contender.choices),
    )


def _key(entry: Mapping[str, Any]) -> str:
    return f"{entry['name']} {entry['epsilon']}"


def _score(fitted: Mapping[str, Any]) -> float:
    return -math.inf if fitted["score"] is None else fitted["score"]


def _best_epsilon(one: Entrant, first: Mapping[str, dict[str, Any]]) -> float | None:
    """The smoothing term that did best on validation; of equal ones the first."""
    return max(one.epsilons, key=lambda epsilon: _score(first[_key(one.entry(epsilon))]))


def _run_of(part: Part, found: Mapping[str, Any], best: Converged | None) -> Run:
    points = tuple(Point(step["candidate_epochs"], step["seconds"], _number(step["best"])) for step in found["steps"])
    settings = part.content["settings"]
    return Run(settings["searcher"], settings["seed"], points, found["funnel"], found["stop"], found["seconds"], best)


def _number(value: float | None) -> float:
    return math.nan if value is None else value
