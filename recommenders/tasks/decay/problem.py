"""The problem of weight decay: which decays of users and items rank best, see `core.decays.rules`."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from core.common.errors import UserError
from core.common.seeding import derive_seed
from core.decays.rules import DecayRule, Law, Levels
from core.decays.spaces import LawSpace, LevelSpace
from core.decays.treatment import BY_NAME, COMPARED, FIXED, Treatment
from core.phases.contender import Contender, TrainingResult, Variant
from core.phases.fitted import FittedProblem
from core.phases.metric import Metric
from core.phases.simple import Part
from core.phases.terms import Terms
from core.search.problem import Finding
from core.search.trial import Verdict
from recommenders.data.implicit import ImplicitDataset, described, summarise
from recommenders.tasks.decay.fitting import DecayFit, fit, fit_all, result_of
from recommenders.tasks.decay.schedule import frequencies
from recommenders.tasks.decay.training import DecayPlan
from recommenders.tasks.ranking.metrics import find_ranking_metric

#: The file with what was found.
EXPORT = "decays.csv"
#: Formulas that say the same in so many digits are one: at these moments of a training, for these frequencies.
_DIGITS, _MOMENTS, _FREQUENCIES = 6, (0.1, 0.5, 0.9), np.geomspace(1.0, 1e3, 24)


def _terms(complexity: str) -> Terms:
    return Terms(
        one="rule of decays",
        many="rules of decays",
        complexity=complexity,
        verdicts={
            Verdict.ACCEPTED.value: "Trained, and the reward passed the reward filter.",
            Verdict.REJECTED.value: "Trained, and the reward fell below the reward filter.",
            Verdict.DUPLICATE.value: "Not trained: it says the same as an earlier one.",
            Verdict.ZERO_GRADIENT.value: "Not trained: it decays nothing.",
            Verdict.NON_FINITE.value: "It, or its training, gives numbers that are not finite.",
        },
    )


class DecayProblem(FittedProblem[DecayRule]):
    """See StudyProblem. Every candidate is trained to convergence, whenever it is measured, and chosen on validation.

    Args:
        data: the training, validation and test items of users.
        space: where candidates come from.
        plan: how models are trained.
        seed: of the trainings of the search, all of which begin alike.
        threads: cores to train on.

    Raises:
        UserError: there is no validation part.
    """

    def __init__(
        self, data: ImplicitDataset, space: LevelSpace | LawSpace, plan: DecayPlan, seed: int = 0, threads: int = 1
    ) -> None:
        super().__init__(derive_seed(seed, "decays"), threads)
        if not len(data.validation):
            raise UserError(f"data set {data.name}: decays are chosen on validation, expected items in it, got none")
        self._data, self._space, self._plan = data, space, plan
        self.terms = _terms("numbers" if isinstance(space, LevelSpace) else "operators")

    @property
    def space(self) -> LevelSpace | LawSpace:
        """See Problem."""
        return self._space

    @property
    def metric(self) -> Metric:
        """See StudyProblem."""
        return self.metrics[0]

    @cached_property
    def metrics(self) -> tuple[Metric, ...]:
        """See StudyProblem."""
        return tuple(map(find_ranking_metric, self._plan.metrics))

    @property
    def compared(self) -> Mapping[str, DecayRule]:
        """See SimpleProblem: what is a rule; more may be compared with, see `known`."""
        return {str(Treatment(FIXED)): FIXED}

    @property
    def known_names(self) -> tuple[str, ...]:
        """See StudyProblem."""
        return COMPARED

    def written(self, text: str) -> Contender[DecayRule]:
        """See SimpleProblem: any rule may be compared with, whatever is searched, and decays that are learned."""
        found = Treatment.parse(text)
        return Contender(str(found), None, (Variant(found),))

    @property
    def names(self) -> Iterable[str]:
        """See SimpleProblem."""
        return BY_NAME

    def contender(self, solution: DecayRule, notes: Mapping[str, Any]) -> Contender[DecayRule]:
        """See StudyProblem."""
        return Contender(str(solution), solution, (Variant(Treatment(solution)),), notes)

    def simplified(self, trained: Treatment) -> DecayRule | None:
        """See StudyProblem: known ones are no candidates, unless they are of the space."""
        of_space = Levels if isinstance(self._space, LevelSpace) else Law
        return trained.rule if isinstance(trained.rule, of_space) and not trained.refit else None

    @property
    def longest(self) -> int:
        """See StudyProblem."""
        return self._plan.stopping.max_epochs * self._plan.every

    def fitted(self, candidates: Sequence[Treatment], seed: int) -> list[DecayFit]:
        """See FittedProblem."""
        return fit_all(candidates, self._data, self._plan, seed, self._threads)

    def result(self, found: DecayFit) -> TrainingResult:
        """See FittedProblem."""
        return result_of(found, self._data, self._plan)

    def evaluate(self, candidates: Sequence[Any], part: Part, seed: int) -> list[float]:
        """See SimpleProblem."""
        given = [one if isinstance(one, Treatment) else Treatment(one) for one in candidates]
        results, name = [self.result(one) for one in self.fitted(given, seed)], self.metric.name
        parts = [one.test if part == "test" else one.validation for one in results]
        return [one.get(name, math.nan) for one in parts]

    def score(self) -> float:
        """See Problem: that of no decay."""
        if self._start is None:
            self._start = fit(FIXED, {"decay": 0.0}, self._data, self._plan, self._seed).curve.best_score
        return self._start

    def examine(self, candidates: Sequence[DecayRule]) -> list[Finding]:
        """See Problem: what formulas say at some frequencies and moments, without training anything."""
        return [self._looked_at(one) for one in candidates]

    def _looked_at(self, candidate: DecayRule) -> Finding:
        if not candidate.is_relative:
            return self._finding(candidate.key)
        with np.errstate(all="ignore"):
            said = np.concatenate([candidate.decays(_FREQUENCIES, 0, moment) for moment in _MOMENTS])
        if not np.isfinite(said).all():
            return Finding(Verdict.NON_FINITE)
        if not said.max() > 0:
            return Finding(Verdict.ZERO_GRADIENT)
        return self._finding(" ".join(f"{one:.{_DIGITS}g}" for one in said / said.max()))

    def measured(self, found: DecayFit) -> tuple[float, float]:
        """See FittedProblem."""
        return found.curve.best_score, found.passes

    def described(self) -> dict[str, Any]:
        """See StudyProblem."""
        return described(self._data)

    def data_digest(self) -> str:
        """See StudyProblem."""
        return self._data.digest()

    def lines(self) -> list[str]:
        """See StudyProblem."""
        return summarise(self._data).lines()

    @property
    def export_names(self) -> tuple[str, ...]:
        """See StudyProblem."""
        return (EXPORT,)

    def exports(self, trained: Treatment) -> Mapping[str, str]:
        """See StudyProblem: the decay of every user and item, as in the best epoch of a training of the search."""
        (found,) = self.fitted([trained], self._seed)
        return {EXPORT: decay_table(found, self._data)}


def decay_table(found: DecayFit, data: ImplicitDataset) -> str:
    """Return decays as CSV: side, id, how often it is in the training part, and the decay, or those of each dimension.

    Args:
        found: a model with its decays.
        data: that it was trained on.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    width = max(one.shape[1] for one in found.decays)
    table.writerow(
        ["side", "id", "training_pairs", *(["decay"] if width == 1 else [f"decay_{k}" for k in range(width)])]
    )
    sides = zip(("user", "item"), (data.user_ids, data.item_ids), frequencies(data), found.decays, strict=True)
    for side, ids, often, decays in sides:
        for one, n, own in zip(ids.tolist(), often.tolist(), np.broadcast_to(decays, (len(ids), width)), strict=True):
            table.writerow([side, one, int(n), *(f"{value:.6g}" for value in own)])
    return text.getvalue()
