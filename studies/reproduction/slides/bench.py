"""What reproductions of what slides report measure with: trains what a problem knows by name, or searches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.common.errors import counted
from recommenders.data import DataFiles
from recommenders.data.fields import FieldData, load_fields
from studies.execution.convergence import Convergence, settings_of
from studies.execution.experiment import Experiment
from studies.execution.runner import TaskCallback
from studies.execution.task import Result, TaskFactory, Training, data_file_digest
from studies.study.parts import compose
from studies.study.problems import Ingredients, make_problem
from studies.study.settings import StudySettings
from studies.study.settings_search import SearchSettings


class _Bench:
    """What a reproduction measures with.

    Args:
        settings: of the reproduction; they have the line of a problem.
        files: of the data set.
        work: computes tasks.
        callbacks: told what happens.

    Raises:
        UserError: settings or files that no study could run with.
    """

    def __init__(
        self, settings: Any, files: DataFiles, work: Experiment, callbacks: Sequence[TaskCallback] = ()
    ) -> None:
        self.settings, self._files = settings, files
        self._study = StudySettings(search=SearchSettings(problem=settings.problem))
        self._problem = make_problem(Ingredients(self._study.on(files), files))
        self.lines = self._problem.lines()
        """What a person is told of the data."""
        self.dataset = str(self._problem.described()["name"])
        """The name of the data set."""
        digest = data_file_digest(files)
        self._factory, self._runner = TaskFactory(digest), work.runner({digest: files}, "cpu", callbacks)

    def _trainings(self, names: Sequence[str]) -> list[Training]:
        """Return what is known by these names, each once."""
        return [settings_of(self._problem.known(name), self._problem)[0] for name in dict.fromkeys(names)]


class ProblemBench(_Bench):
    """Trains what a problem knows by name with every seed, see _Bench."""

    def trained(self, names: Sequence[str]) -> Iterator[tuple[str, int, Result]]:
        """Train with every seed.

        Args:
            names: what the problem knows.

        Returns:
            The name, the number of the seed, and what was found.

        Raises:
            UserError: the problem does not know it.
        """
        trainings, seeds = self._trainings(names), range(self.settings.seeds)
        convergence = Convergence(self._factory, self._runner, self._study, self._problem.metric, 1)
        text = f"{counted(len(trainings), 'treatment')}, {counted(len(seeds), 'training')} of each"
        for training, runs in zip(trainings, convergence.train(text, trainings, seeds), strict=True):
            for seed, found in zip(seeds, runs, strict=True):
                yield training.name, seed, found


#: The first split that crosses are measured on: with those before it their defaults were tried out.
_FIRST = 100


class CrossBench(_Bench):
    """Trains what a problem knows by name on every split, see _Bench."""

    def trained(self, names: Sequence[str]) -> Iterator[tuple[str, int, Result]]:
        """Train on every split.

        Args:
            names: what the problem knows.

        Returns:
            The name, the seed of the split, and what was found.

        Raises:
            UserError: the problem does not know it.
        """
        trainings = self._trainings(names)
        pairs = [(one, _FIRST + k) for one in trainings for k in range(self.settings.seeds)]
        tasks = [self._factory.training(replace(self._study, seed=seed), one, 0) for one, seed in pairs]
        text = f"{counted(len(trainings), 'model')} on {counted(self.settings.seeds, 'split')}"
        for (training, seed), found in zip(pairs, self._runner.stage(text, tasks), strict=True):
            yield training.name, seed, found

    def tables(self) -> Iterator[tuple[int, FieldData]]:
        """Return the seed of each split, and the table that is split so."""
        asked, data = self.settings.asked, getattr(self._files, "data", None)
        for seed in range(_FIRST, _FIRST + self.settings.seeds):
            yield seed, load_fields(asked.name_on(data), data, seed, asked.options())


#: Candidates of a step: so that those who learn have several steps to learn from.
_AT_ONCE = 4
#: Of the reward filter: what a search finds counts, however bad it is.
_ALL = 1e6


@dataclass(frozen=True)
class Search:
    """A search of interaction functions, and what is trained beside what it finds."""

    searcher: str
    """Its line."""
    trainings: int
    """Candidates that it trains."""
    dimensions: int
    """Length of the vectors."""
    space: str = "nets"
    """See `studies.study.interactions`."""
    biases: bool = True
    """Whether users and items have biases."""
    beside: tuple[str, ...] = ("multiply",)
    """Known interactions that are trained as what is found is: at least one."""


class SearchBench(_Bench):
    """Runs searches with every seed, see _Bench."""

    def searched(self, searches: Sequence[Search]) -> Iterator[tuple[Search, int, Result]]:
        """Run searches with every seed.

        Args:
            searches: them.

        Returns:
            The search, the seed, and what `studies.execution.searches.whole_study` returns.
        """
        pairs = [(search, seed) for seed in range(self.settings.seeds) for search in searches]
        tasks = [self._factory.study(self._study_of(*pair), f"{pair[0].searcher} seed {pair[1]}") for pair in pairs]
        text = f"{counted(len(searches), 'search', 'searches')}, each with {counted(self.settings.seeds, 'seed')}"
        for pair, found in zip(pairs, self._runner.stage(text, tasks), strict=True):
            yield *pair, found

    def _study_of(self, search: Search, seed: int) -> StudySettings:
        own: dict[str, Any] = {name: getattr(search, name) for name in ("dimensions", "space", "biases")}
        given: dict[str, Any] = {name: getattr(search, name) for name in ("searcher", "trainings")}
        given |= {"candidates_per_step": min(_AT_ONCE, search.trainings)}
        judging = {"eta": _ALL, "finalists": 1, "simpler": 0, "repeats": 1, "rehearsals": 1, "baseline": search.beside}
        return compose(StudySettings, {"seed": seed, "problem": self.settings.problem_with(**own), **given, **judging})
