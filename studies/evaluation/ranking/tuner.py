"""Settings for one loss on rankings, chosen on validation: how it is trained, and its constants.

Every loss has the same region of settings of the training, and its constants the regions of their kind. The first
trial is what a person would begin with; then a method proposes, see `methods`. Constants that are given with the loss
stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from core.common.region import Range, short
from core.common.seeding import derive_seed
from core.losses.setwise.formula import FormulaLoss
from core.losses.setwise.ranking_loss import RankingLoss
from core.losses.setwise.registry import constants_given, parse_ranking_loss
from recommenders.models.vectors.model import VectorModel
from studies.common.processes import quiet
from studies.evaluation.ranking.methods import TUNING_METHODS
from studies.evaluation.tuner import OptunaTuner

_RATES = Range(0.003, 0.3, True)
#: Setting of a model -> where it is tuned, if the model has it and it is not given.
_OF_MODEL: Mapping[str, Range | tuple[str, ...]] = {
    "similarity": ("cosine", "dot"),
    "dropout": Range(0.0, 0.5, False),
    "init_std": Range(0.003, 0.3, True),
}
Value = float | str


@dataclass(frozen=True)
class Point:
    """Settings of a loss."""

    loss: RankingLoss
    """With its constants."""
    learning_rate: float
    model: Mapping[str, Value]
    """Settings of the model that were chosen for it."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {"loss": str(self.loss), "learning_rate": self.learning_rate, **self.model}


class RankingTuner(OptunaTuner[Point]):
    """Asks for points and is told what they came to.

    Args:
        line: the loss as it was given; constants in it stay.
        model: the model as it was given.
        given: settings of the model that were given, which stay.
        first: the point that a person would begin with.
        seed: of all draws.
        method: a key of TUNING_METHODS.
        start: coordinates of the loss that the first trial has instead of those of its point.
        higher_is_better: which way the metric is read.
    """

    def __init__(
        self,
        line: str,
        model: VectorModel,
        given: frozenset[str],
        first: Point,
        seed: int,
        method: str = "tpe",
        start: Mapping[str, float] = MappingProxyType({}),
        higher_is_better: bool = True,
    ) -> None:
        super().__init__(seed, higher_is_better)
        self._start, self._first, self._method = start, first, TUNING_METHODS[method]
        kept = constants_given(line)
        ranges = first.loss.ranges
        self._constants = {name: one for name, one in ranges.items() if name.partition(".")[0] not in kept}
        open_ones = [name for name in _OF_MODEL if hasattr(model, name) and name not in given]
        self._of_model = {name: _OF_MODEL[name] for name in open_ones}
        if first.loss.scores == "cosine":
            self._of_model.pop("similarity", None)  # its constants presuppose cosines

    def ask(self, n: int) -> list[Point]:
        """Return the points to try next, none of which was tried before.

        Args:
            n: how many.
        """
        space = {name: self._distribution(one) for name, one in self._open.items()}
        if not self.tried:
            self._study.enqueue_trial(self._first_params())
        seed = derive_seed(self._seed, "ranking tuner", self._round) % 2**32
        self._round += 1
        with quiet():
            own, drawn = (method.make(seed, len(space)) for method in (self._method, TUNING_METHODS["random"]))
            known = [one.point for one in self.tried]
            for _ in range(n):
                self._study.sampler = own
                trial, point = self._asked_of(space)
                while point in known:  # a training again would tell nothing new
                    self._study.tell(trial, state=TrialState.FAIL)
                    self._study.sampler = drawn
                    trial, point = self._asked_of(space)
                known.append(point)
                self._asked.append((trial, point))
        return [point for _, point in self._asked]

    def _asked_of(self, space: dict[str, BaseDistribution]) -> tuple[optuna.Trial, Point]:
        trial = self._study.ask(space)
        return trial, self._point(trial.params)

    def constants(self, point: Point) -> Mapping[str, float]:
        """Return the constants of a point that the loss has no number for as it is written; none of a loss by name.

        Args:
            point: of this tuner.
        """
        loss = self._first.loss
        return loss.numbers_as(point.loss) or {} if isinstance(loss, FormulaLoss) else {}

    @property
    def _open(self) -> dict[str, Range | tuple[str, ...]]:
        """Return everything that is tuned."""
        return {"learning_rate": _RATES, **self._of_model, **self._constants}

    def _distribution(self, one: Range | tuple[str, ...]) -> BaseDistribution:
        if isinstance(one, Range):
            return FloatDistribution(one.low, one.high, log=one.log)
        return CategoricalDistribution(one) if self._method.has_choices else IntDistribution(0, len(one) - 1)

    def _first_params(self) -> dict[str, Value]:
        """Return the first point as Optuna has it; what is out of a range is at its end."""
        point = self._first
        values: dict[str, Value] = {"learning_rate": point.learning_rate, **point.loss.coordinates, **self._start}
        values |= point.model
        found: dict[str, Value] = {}
        for name, one in self._open.items():
            value = values[name]
            if isinstance(one, Range):
                found[name] = min(max(value, one.low), one.high)
            else:
                found[name] = value if self._method.has_choices else one.index(value)
        return found

    def _point(self, params: Mapping[str, Any]) -> Point:
        loss = self._first.loss.moved({name: params[name] for name in self._constants})
        model: dict[str, Value] = {}
        for name, one in self._of_model.items():
            if isinstance(one, Range):
                model[name] = short(params[name])
            else:
                model[name] = params[name] if self._method.has_choices else one[params[name]]
        return Point(loss, short(params["learning_rate"]), {**self._first.model, **model})


def first_point(line: str, learning_rate: float, model: VectorModel) -> Point:
    """Return the point that a person would begin with.

    Args:
        line: the loss.
        learning_rate: of the evaluation.
        model: as it was given.
    """
    own = {name: getattr(model, name) for name in _OF_MODEL if hasattr(model, name)}
    return Point(parse_ranking_loss(line), learning_rate, own)
