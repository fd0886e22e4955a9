"""All that a study asks of what it searches: phase I, and beside it who goes on, and training to convergence."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic

import torch

from core.common.errors import UserError, format_value
from core.phases.contender import Contender, ConvergenceTraining
from core.phases.front import leading
from core.phases.metric import Metric
from core.phases.tally import Tally
from core.phases.terms import Terms
from core.phases.told import ToldTable
from core.search.expansion import Expansion
from core.search.problem import Problem
from core.search.space import C
from core.search.supernet import Supernet


@dataclass(frozen=True)
class Leading(Generic[C]):
    """The result of phase II."""

    finalists: tuple[Contender[C], ...]
    """What goes on to Phase III, the most promising first."""
    simpler: tuple[Contender[C], ...]
    """More of them: not among the most promising, and the best of all that are no more complex."""
    n_passed: int
    """Accepted candidates that passed whatever phase II checks."""


@dataclass(frozen=True)
class Optimum:
    """The best that there is to find in a search, where that is known, in units of the metric."""

    best: float
    """The best one."""
    top: float
    """What is as good as this is among the best share of all."""
    share: float
    """How many those are, of 1."""
    cost: float
    """Passes over the training rows that each candidate costs."""


class StudyProblem(Problem[C]):
    """A problem with all that commands need: words, a metric, known things to compare with, and phases II and III."""

    terms: Terms = Terms()
    """How one speaks of it."""
    keeps: bool = False
    """Whether trainings to convergence leave something to keep, such as a trained recommender."""
    are_whole: bool = False
    """Whether trainings to convergence come whole, one after the other, and not epoch by epoch."""
    device: str = "cpu"
    """The kind of device that computes."""

    @property
    @abstractmethod
    def metric(self) -> Metric:
        """The metric of scores."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """All metrics of a training to convergence, in the order in which tables show them."""
        return (self.metric,)

    @property
    @abstractmethod
    def known_names(self) -> tuple[str, ...]:
        """Names of the known solutions to compare with by default: at least one."""

    @property
    def draws(self) -> bool:
        """Whether trainings draw anything; if not, they come to the same whatever their seed, and one is enough."""
        return True

    def supernet(self, seed: int) -> Supernet | None:
        """Return all candidates at once, sharing weights, for one-shot searchers; None: there is no such, as usual.

        Args:
            seed: of all draws.
        """
        return None

    def expansion(self, seed: int) -> Expansion | None:
        """Return what grows candidates by a part at a time, for beam search; None: there is no such, as usual.

        Args:
            seed: of all draws.
        """
        return None

    @property
    def optimum(self) -> Optimum | None:
        """The best that there is to find, to measure searchers by; None where nobody knows, as usual."""
        return None

    @abstractmethod
    def known(self, text: str) -> Contender[C]:
        """Return something to compare with.

        Args:
            text: its name, or a candidate as a person writes it.

        Raises:
            UserError: neither.
        """

    @abstractmethod
    def contender(self, solution: C, notes: Mapping[str, Any]) -> Contender[C]:
        """Return a searched candidate as a contender.

        Args:
            solution: the candidate.
            notes: what phase II found out about it.
        """

    @abstractmethod
    def convergence(
        self, trained: Sequence[Any], seed: int, keep: int | None = None, ways: Sequence[Any] | None = None
    ) -> ConvergenceTraining:
        """Return trainings to convergence, all with one seed.

        Args:
            trained: what is trained: of the variants of contenders.
            seed: of all draws.
            keep: the number of the one of which something is kept, such as the trained recommender.
            ways: how each is trained, in plain data, where that is not how the problem trains.
        """

    @abstractmethod
    def trained(self, entry: Mapping[str, Any]) -> Any:
        """Return what is trained, as in the variants of a contender.

        Args:
            entry: how tasks store it: the contender's name, the value of its constant (epsilon), and what `stored`
                gave of a searched candidate (program) or None.

        Raises:
            Exception: there is no such thing; nothing in the entry is executed.
        """

    @abstractmethod
    def short_score(self, trained: Any, seed: int) -> float:
        """Return the score after as short a training as in phase I, from a fresh start of this seed.

        Args:
            trained: see `convergence`.
            seed: of all draws.
        """

    @property
    @abstractmethod
    def longest(self) -> int:
        """The most epochs of a training to convergence."""

    @abstractmethod
    def described(self) -> dict[str, Any]:
        """Return what it is searched on, such as a data set, in numbers: a part of result.json."""

    def data_digest(self) -> str | None:
        """Return a digest of the data that it is searched on; None without any."""
        return None

    def lines(self) -> list[str]:
        """Return what a person is told of these data before anything is done with them, a sentence each."""
        return []

    def use_cores(self) -> None:
        """Let torch use the cores that it may: one, unless torch trains something large; more change rounding."""
        torch.set_num_threads(1)

    def simplified(self, trained: Any) -> C | None:
        """Return the simplest known form of what is trained; None for known ones that are no candidates."""
        solution: C | None = trained
        return solution

    def complexity(self, solution: C) -> int:
        """Return the complexity of the simplest form of a candidate."""
        return solution.complexity

    def details(self, trained: Any) -> dict[str, Any]:
        """Return what results say of something trained beside its metrics, in plain data."""
        return {}

    def tables(self, trained: Any) -> Sequence[ToldTable]:
        """Return what was found in tables for a person, the most important one first.

        Args:
            trained: see `convergence`; a searched one.
        """
        return ()

    @property
    def export_names(self) -> tuple[str, ...]:
        """Names of the files that `exports` gives."""
        return ()

    def exports(self, trained: Any) -> Mapping[str, str]:
        """Return what was found as files for use elsewhere: by the names of `export_names`, the content.

        Args:
            trained: see `convergence`; a searched one.
        """
        return {}

    def read_kept(self, stored: Any) -> Any:
        """Return what a `ConvergenceTraining` kept, as it was stored; checked, since it comes from a file.

        Raises:
            UserError: it does not fit.
        """
        if stored is not None:
            raise UserError(f"stored phase III: expected nothing that is kept, got {format_value(stored)}")

    def stored(self, solution: C) -> dict[str, Any]:
        """Return plain data by which a task knows a candidate: the same for candidates of equal keys."""
        return solution.to_dict()

    def leading(self, tally: Tally[C], finalists: int, simpler: int, say: Callable[[str], None]) -> Leading[C]:
        """Choose the candidates that are trained to convergence (phase II): by default those with the best scores.

        Args:
            tally: what phase I came to.
            finalists: how many of the most promising.
            simpler: how many more, of those that are the best of all that are no more complex.
            say: told in a sentence what was decided.
        """
        accepted = sorted(tally.accepted.values(), key=lambda one: one.complexity)
        say(f"Phase II: {len(accepted)} distinct {self.terms.many} were accepted, the best go on")

        def score(one: C) -> float:
            return tally.scores.get(one.key, -math.inf)

        chosen = leading(accepted, score, self.complexity, finalists, simpler)
        first, more = (tuple(self.contender(one, {}) for one in part) for part in chosen)
        return Leading(first, more, len(accepted))
