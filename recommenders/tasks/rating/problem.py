"""The problem of an interaction function: which one predicts ratings best, see `core.interactions.interaction`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from hashlib import blake2b
from types import MappingProxyType
from typing import Any

import numpy as np

from core.common.seeding import derive_seed, numpy_rng
from core.export.interaction import interaction_file
from core.interactions.interaction import Interaction
from core.interactions.nets import DEEP, NCF, Network
from core.interactions.spaces import FunctionSpace, InteractionSpace, NetSpace, read_meeting
from core.phases.contender import Contender, TrainingResult, Variant
from core.phases.fitted import FittedProblem
from core.phases.metric import Metric
from core.phases.simple import Part
from core.phases.terms import Terms
from core.search.problem import Finding
from core.search.trial import Verdict
from recommenders.data.explicit import RatingData
from recommenders.tasks.rating.kernel import met
from recommenders.tasks.rating.supernet import InteractionSupernet
from recommenders.tasks.rating.training import MAE, RMSE, Fit, RatingPlan, Trainer, encoded, fit_all, judged, result_of

#: The file with what was found.
EXPORT = "interaction.py"
#: The published ways of two vectors to meet, each by itself.
KNOWN: Mapping[str, str] = MappingProxyType(
    {
        "multiply": "p*q",
        "plus": "p + q",
        "max": "max(p, q)",
        "min": "min(p, q)",
        "concat": "concat(p, q)",
    }
)
#: Networks that are trained with the vectors: those that SIF is compared with.
NETWORKS: Mapping[str, Network] = MappingProxyType({"NCF": NCF, "DeepWide": DEEP})
#: Spaces whose candidates share weights in a supernet.
_WITH_SUPERNET = (FunctionSpace, NetSpace)
#: Numbers of users and items with which functions are compared; gradients below are nothing; digits of directions.
_PROBES, _NOTHING, _DIGITS = 48, 1e-9, 6

TERMS = Terms(
    one="interaction",
    many="interactions",
    complexity="operators",
    verdicts={
        Verdict.ACCEPTED.value: "Trained, and the reward passed the reward filter.",
        Verdict.REJECTED.value: "Trained, and the reward fell below the reward filter.",
        Verdict.DUPLICATE.value: "Not trained: it is an earlier one, but for a factor and a constant.",
        Verdict.ZERO_GRADIENT.value: "Not trained: it knows nothing of the user, or nothing of the item.",
        Verdict.NON_FINITE.value: "It, or its training, gives numbers that are not finite.",
    },
)


class InteractionProblem(FittedProblem[Interaction | Network]):
    """See StudyProblem. Every candidate is trained to convergence, whenever it is measured, and chosen on validation.

    Args:
        data: ratings.
        space: where candidates come from.
        plan: how models are trained.
        seed: of the trainings of the search, all of which begin alike.
        threads: cores to train on.
    """

    terms = TERMS

    def __init__(
        self, data: RatingData, space: InteractionSpace, plan: RatingPlan, seed: int = 0, threads: int = 1
    ) -> None:
        super().__init__(derive_seed(seed, "interactions"), threads)
        self._data, self._space, self._plan = data, space, plan

    @property
    def space(self) -> InteractionSpace:
        """See Problem."""
        return self._space

    @property
    def metric(self) -> Metric:
        """See StudyProblem: the root mean squared error, in units of the ratings."""
        return RMSE

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """See StudyProblem."""
        return RMSE, MAE

    @cached_property
    def compared(self) -> Mapping[str, Interaction | Network]:
        """See SimpleProblem."""
        return {name: Interaction.parse(text) for name, text in KNOWN.items()}

    def known(self, text: str) -> Contender[Interaction | Network]:
        """See StudyProblem."""
        found = super().known(text)
        Trainer(found.variants[0].trained, self._plan)  # which refuses what is too large
        return found

    def written(self, text: str) -> Contender[Interaction | Network]:
        """See SimpleProblem: any interaction may be compared with, whatever is searched."""
        there = {**self.compared, **NETWORKS}
        found = there[text] if text in there else read_meeting(text)
        return Contender(text if text in there else str(found), found, (Variant(found),))

    @property
    def names(self) -> tuple[str, ...]:
        """See SimpleProblem."""
        return (*self.compared, *NETWORKS)

    @property
    def longest(self) -> int:
        """See StudyProblem."""
        return self._plan.stopping.max_epochs

    def fitted(self, candidates: Sequence[Interaction | Network], seed: int) -> list[Fit]:
        """See FittedProblem."""
        return fit_all(candidates, self._data, self._plan, seed, self._threads)

    def result(self, found: Fit) -> TrainingResult:
        """See FittedProblem."""
        return result_of(found, self._data)

    def evaluate(self, candidates: Sequence[Interaction | Network], part: Part, seed: int) -> list[float]:
        """See SimpleProblem."""
        fits = self.fitted(candidates, seed)
        return [judged(one, self._data, part)[RMSE.name] if one.is_finite else math.nan for one in fits]

    def score(self) -> float:
        """See Problem: that of a sum, which is no interaction: what biases can do."""
        if self._start is None:
            (self._start,) = self.scores([self.compared["plus"]], "validation", self._seed)
        return self._start

    def examine(self, candidates: Sequence[Interaction | Network]) -> list[Finding]:
        """See Problem: what functions and their gradients are at some numbers, without training anything."""
        return [self._looked_at(one) for one in candidates]

    def _looked_at(self, candidate: Interaction | Network) -> Finding:
        if isinstance(candidate, Network):
            return self._finding(candidate.key)
        f, of_p, of_q = met(encoded(candidate), *numpy_rng("interaction", "probes").normal(size=(2, _PROBES)))
        if not all(np.isfinite(one).all() for one in (f, of_p, of_q)):
            return Finding(Verdict.NON_FINITE)
        if any(np.abs(one).max() <= _NOTHING for one in (of_p, of_q)):
            return Finding(Verdict.ZERO_GRADIENT)
        centred = f - f.mean(axis=1, keepdims=True)
        with np.errstate(all="ignore"):
            directions = centred / np.linalg.norm(centred, axis=1, keepdims=True)
        rounded = np.nan_to_num(directions).round(_DIGITS) + 0.0  # no -0.0
        return self._finding(blake2b(rounded.tobytes(), digest_size=8).hexdigest())

    def measured(self, found: Fit) -> tuple[float, float]:
        """See FittedProblem."""
        return found.curve.best_score * self._data.std, found.epochs

    def described(self) -> dict[str, Any]:
        """See StudyProblem."""
        return self._data.described()

    def data_digest(self) -> str:
        """See StudyProblem."""
        return self._data.digest()

    def lines(self) -> list[str]:
        """See StudyProblem."""
        return self._data.lines()

    def supernet(self, seed: int) -> InteractionSupernet | None:
        """See StudyProblem: of the 405 functions, or of those with scalar networks."""
        space = self._space
        return InteractionSupernet(self._data, self._plan, seed, space) if isinstance(space, _WITH_SUPERNET) else None

    @property
    def export_names(self) -> tuple[str, ...]:
        """See StudyProblem."""
        return (EXPORT,)

    def exports(self, trained: Any) -> Mapping[str, str]:
        """See StudyProblem: a torch module."""
        return {EXPORT: interaction_file(trained)}
