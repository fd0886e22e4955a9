"""The problem of a law of decays: which formula of frequency and moment explains decays that were learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from core.common.errors import UserError
from core.common.seeding import derive_seed
from core.decays.rules import DecayRule, Law
from core.decays.spaces import LawSpace
from core.decays.treatment import Learned
from core.phases.metric import Metric
from core.phases.simple import Part, SimpleProblem
from core.phases.terms import Terms
from core.search.problem import Finding
from core.search.trial import Verdict
from recommenders.backends.compiled.cores import Cores
from recommenders.data.implicit import ImplicitDataset, described, summarise
from recommenders.tasks.decay.fitting import halves
from recommenders.tasks.decay.schedule import decays_of, frequencies
from recommenders.tasks.decay.training import DecayPlan, DecayTraining

#: The share of the variance of learned decays that a formula explains; below 0 where their mean explains more.
EXPLAINED = Metric("explained", higher_is_better=True)
#: Laws to compare with: one decay for all first.
KNOWN = ("1", "n", "root(n)", "1/(n)", "1/(root(n))", "e", "e*n")
#: Moments of a training at which its decays are looked at.
_MOMENTS = 5

TERMS = Terms(
    one="law",
    many="laws",
    complexity="operators",
    verdicts={
        Verdict.ACCEPTED.value: "It explains enough more than the least of what it is compared with.",
        Verdict.REJECTED.value: "The reward fell below the reward filter.",
        Verdict.DUPLICATE.value: "Not looked at: it is an earlier one, written otherwise.",
        Verdict.NON_FINITE.value: "It gives numbers that are not finite.",
    },
)


@dataclass(frozen=True, kw_only=True)
class LearnedPlan:
    """A training in which the decays are learned that a law is to explain.

    Raises:
        UserError: a number out of range.
    """

    learned: Learned = Learned("DUI")  # noqa: RUF009  # frozen
    """What has a decay of its own; those of all dimensions are averaged."""
    rate: float = 0.001
    """The learning rate of decays."""
    epochs: int = 50
    """Of the training in which they are learned."""

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not 0 < self.rate <= 10:
            raise UserError(f"rate: expected a number above 0, at most 10, got {self.rate}")
        if not _MOMENTS <= self.epochs <= 100_000:
            raise UserError(f"epochs: expected {_MOMENTS} to 100,000, got {self.epochs}")


class _Target(NamedTuple):
    """Decays of one training."""

    decays: np.ndarray
    """Of all users and items at each moment [moments, n_users + n_items]."""
    moments: tuple[float, ...]
    """How far the training was."""


class LawProblem(SimpleProblem[DecayRule]):
    """See StudyProblem. What a candidate explains are decays of one training, and in the end those of another one.

    Args:
        data: what is trained on; its validation part teaches decays.
        space: where candidates come from.
        plan: how models are trained.
        learned: how decays are learned.
        seed: of the trainings.
        threads: cores to train on.
    """

    terms = TERMS

    def __init__(
        self, data: ImplicitDataset, space: LawSpace, plan: DecayPlan, learned: LearnedPlan, seed: int, threads: int = 1
    ) -> None:
        super().__init__()
        self._data, self._space, self._plan, self._learned, self._seed = data, space, plan, learned, seed
        self._threads, self._targets = threads, dict[int, tuple[_Target, _Target]]()

    @property
    def space(self) -> LawSpace:
        """See Problem."""
        return self._space

    @property
    def metric(self) -> Metric:
        """See StudyProblem."""
        return EXPLAINED

    @cached_property
    def _frequencies(self) -> tuple[np.ndarray, np.ndarray]:
        return frequencies(self._data)

    @cached_property
    def compared(self) -> Mapping[str, DecayRule]:
        """See SimpleProblem."""
        return MappingProxyType({text: Law.parse(text) for text in KNOWN})

    def examine(self, candidates: Sequence[DecayRule]) -> list[Finding]:
        """See Problem."""
        often = np.concatenate(self._frequencies)
        with np.errstate(all="ignore"):
            finite = [all(np.isfinite(one.decays(often, 0, at)).all() for at in (0.0, 1.0)) for one in candidates]
        return [
            self._finding(one.key) if is_finite else Finding(Verdict.NON_FINITE)
            for one, is_finite in zip(candidates, finite, strict=True)
        ]

    def evaluate(self, candidates: Sequence[DecayRule], part: Part, seed: int) -> list[float]:
        """See SimpleProblem: the scale of a law is that which suits the decays of the first training."""
        first, second = self._learned_decays(seed)
        return [self._explained(one, first, first if part == "validation" else second) for one in candidates]

    def _explained(self, law: DecayRule, fitted: _Target, judged: _Target) -> float:
        with np.errstate(all="ignore"):
            said = self._said(law, fitted)
            scale = float((said * fitted.decays).sum() / (said * said).sum())
            missed = judged.decays - scale * (said if judged is fitted else self._said(law, judged))
            return float(1 - (missed**2).sum() / ((judged.decays - judged.decays.mean()) ** 2).sum())

    def _said(self, law: DecayRule, target: _Target) -> np.ndarray:
        """What a law says of all users and items at the moments of a training [moments, n_users + n_items]."""
        sides = self._frequencies
        rows = [np.concatenate([law.decays(own, k, at) for k, own in enumerate(sides)]) for at in target.moments]
        found: np.ndarray = np.stack(rows)
        return found

    def _learned_decays(self, seed: int) -> tuple[_Target, _Target]:
        if seed not in self._targets:
            both = Cores(min(self._threads, 2)).map(lambda k: self._train(derive_seed(self._seed, seed, "law", k)), 2)
            self._targets[seed] = both[0], both[1]
        return self._targets[seed]

    def _train(self, seed: int) -> _Target:
        rule, learning = self._learned.learned, halves(self._data, seed)[0]
        schedule = decays_of(rule, self._data, self._plan)
        training = DecayTraining(schedule, {"rate": self._learned.rate}, self._data, learning, self._plan, seed)
        looked = np.linspace(0, self._learned.epochs, _MOMENTS + 1).astype(int)[1:]
        decays, moments = [], []
        for epoch in range(1, self._learned.epochs + 1):
            training.epoch()
            if epoch in looked:
                decays.append(np.concatenate([one.mean(axis=1, dtype=np.float64) for one in training.decays]))
                moments.append(min(1.0, epoch / self._plan.horizon))
        return _Target(np.stack(decays), tuple(moments))

    def described(self) -> dict[str, Any]:
        """See StudyProblem."""
        return described(self._data)

    def data_digest(self) -> str:
        """See StudyProblem."""
        return self._data.digest()

    def lines(self) -> list[str]:
        """See StudyProblem."""
        return summarise(self._data).lines()
