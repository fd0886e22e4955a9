"""Train rating models: vectors of users and items that meet by a program (`.kernel`) or in a network (`.network`)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from core.common.errors import UserError
from core.common.seeding import numpy_rng
from core.interactions.interaction import SMOOTHING, Interaction
from core.interactions.nets import Network, count
from core.phases.contender import TrainingResult
from core.phases.metric import Metric
from core.search.effectiveness import EarlyStopping, TrainingCurve
from recommenders.backends.compiled.cores import Cores
from recommenders.data.explicit import RatingData
from recommenders.tasks.rating import kernel, network

RMSE, MAE = Metric("rmse", higher_is_better=False), Metric("mae", higher_is_better=False)
_STOPPING = EarlyStopping(max_epochs=300, best_ago=10, falling=300)
#: Numbers of a side in a step, so that memory is no question.
_MOST = 2**22
#: Numbers of a layer in a step, likewise.
_MOST_OUTPUTS = 2**24
#: Pairs that are predicted at a time.
_AT_ONCE = 512


class RatingModel(NamedTuple):
    """The parameters of a model, or numbers of the same shapes."""

    users: np.ndarray
    """Vectors [users, d]."""
    items: np.ndarray
    """Vectors [items, d]."""
    user_bias: np.ndarray
    """[users]."""
    item_bias: np.ndarray
    """[items]."""
    weights: np.ndarray
    """Of what the interaction gives [parts, numbers of a part]."""
    inner: np.ndarray
    """Of the network that vectors meet in; none of a program [numbers]."""

    def copied(self) -> RatingModel:
        """Return a copy."""
        return RatingModel(*(one.copy() for one in self))

    def zeros(self) -> RatingModel:
        """Return zeros of the same shapes."""
        return RatingModel(*(np.zeros_like(one) for one in self))


@dataclass(frozen=True, kw_only=True)
class RatingPlan:
    """Settings of trainings. Ratings are standardised by the training part, so that their scale does not matter.

    Raises:
        UserError: a number out of range.
    """

    dimensions: int = 8
    """Length of the vectors."""
    biases: bool = True
    """Whether users and items have biases."""
    learning_rate: float = 0.05
    """Adagrad's, as published."""
    batch_size: int = 512
    """Ratings of a step, as published."""
    init_std: float = 0.05
    """Standard deviation of the vectors that training begins with."""
    decays: tuple[float, ...] = (0.01, 0.02, 0.04, 0.08)
    """Each interaction is trained with each of them; the best one on validation counts. In units of standardised
    ratings, for each rating that a parameter is in."""
    stopping: EarlyStopping = _STOPPING
    """When a training ends; the best epoch on validation counts."""

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name, most in (("dimensions", 1024), ("batch_size", 2**20)):
            if not 1 <= getattr(self, name) <= most:
                raise UserError(f"{name}: expected 1 to {most:,}, got {getattr(self, name)}")
        if (numbers := self.batch_size * self.dimensions) > _MOST:
            raise UserError(f"batch_size times dimensions: expected at most {_MOST:,}, got {numbers:,}")
        for name in ("learning_rate", "init_std"):
            if not 0 < getattr(self, name) <= 10:
                raise UserError(f"{name}: expected a number above 0, at most 10, got {getattr(self, name)}")
        if not self.decays or not all(0 <= one <= 10 for one in self.decays):
            raise UserError(f"decays: expected one or more numbers from 0 to 10, got {self.decays}")
        if len(set(self.decays)) < len(self.decays):
            raise UserError(f"decays: expected different numbers, got {self.decays}")


class Fit(NamedTuple):
    """A trained model."""

    interaction: Interaction | Network
    decay: float
    """The best of those that were tried."""
    plan: RatingPlan
    """How it was trained."""
    model: RatingModel
    """Of the best epoch, for standardised ratings."""
    curve: TrainingCurve
    """Validation scores of standardised ratings, higher is better."""
    epochs: int
    """All epochs, those with other decays included."""

    @property
    def is_finite(self) -> bool:
        """Whether it predicts anything."""
        return self.curve.best_epoch > 0


def fit(interaction: Interaction | Network, data: RatingData, plan: RatingPlan, seed: int) -> Fit:
    """Return the model of the best decay.

    Args:
        interaction: the function.
        data: what it is trained on and chosen by; its test part is not looked at.
        plan: how.
        seed: of the vectors that training begins with, and of the order of ratings.
    """
    train, validation = data.parts["train"], data.parts["validation"]
    targets, wanted = ((part.value - data.mean) / data.std for part in (train, validation))
    trainer, epoch = Trainer(interaction, plan), 0
    runs = [_Run(trainer, trainer.fresh(data, seed), decay, plan.stopping) for decay in plan.decays]
    # All decays see ratings in the same order, the drawing of which costs an eighth of the time.
    while going := [one for one in runs if not one.has_ended]:
        order = numpy_rng(seed, "order of ratings", epoch).permutation(len(train))
        ratings = train.user[order], train.item[order], targets[order]
        for one in going:
            one.train_epoch(ratings)
            error = trainer.predictions(one.model, validation.user, validation.item) - wanted
            one.judge(-float(np.sqrt(np.mean(error**2))))
        epoch += 1
    best = max(runs, key=lambda one: one.curve.best_score)
    return Fit(interaction, best.decay, plan, best.kept, best.curve, sum(one.curve.epochs for one in runs))


def fit_all(
    interactions: Sequence[Interaction | Network], data: RatingData, plan: RatingPlan, seed: int, threads: int = 1
) -> list[Fit]:
    """Return the models of several interactions, in order; how many cores there are changes no bit.

    Args:
        interactions: the functions.
        data: see `fit`.
        plan: see there.
        seed: see there.
        threads: cores to train on.
    """
    return Cores(threads).map(lambda k: fit(interactions[k], data, plan, seed), len(interactions))


class Trainer:
    """Trainings of the model of an interaction, and its predictions, in compiled code.

    Args:
        interaction: a program, or a network.
        plan: shapes, and how it is trained.

    Raises:
        UserError: the batches of a network would not fit into memory.
    """

    def __init__(self, interaction: Interaction | Network, plan: RatingPlan) -> None:
        self._plan, self._is_network = plan, isinstance(interaction, Network)
        self._how: tuple[Any, ...]
        if isinstance(interaction, Network):
            self._units = interaction.shape(plan.dimensions)
            if (numbers := plan.batch_size * int(self._units.max())) > _MOST_OUTPUTS:
                raise UserError(
                    f"{interaction}: expected units times batch_size up to {_MOST_OUTPUTS:,}, got {numbers:,}"
                )
            self._how = (self._units, interaction.has_product)
        else:
            self._how, self._parts = (encoded(interaction),), len(interaction.parts)

    def fresh(self, data: RatingData, seed: int) -> RatingModel:
        """Return what training begins with.

        Args:
            data: whose users and items.
            seed: of the vectors, which are the same for all interactions, and of networks.
        """
        rng, plan = numpy_rng(seed, "rating model"), self._plan
        users, items = (plan.init_std * rng.normal(size=(n, plan.dimensions)) for n in (data.n_users, data.n_items))
        inner = np.empty(0)
        if self._is_network:
            shape, units = (1, int(self._units[-1])), self._units.tolist()
            bounds = [np.full((a + 1) * b, 1 / math.sqrt(a)) for a, b in pairwise(units)]
            inner = np.concatenate([inner, *bounds]) * rng.uniform(-1, 1, size=count(units))
        else:
            shape = (self._parts, plan.dimensions)
        weights = np.full(shape, 1 / math.sqrt(math.prod(shape)))
        return RatingModel(users, items, np.zeros(data.n_users), np.zeros(data.n_items), weights, inner)

    def train_epoch(
        self,
        model: RatingModel,
        squares: RatingModel,
        gradients: RatingModel,
        ratings: tuple[np.ndarray, np.ndarray, np.ndarray],
        decay: float,
    ) -> float:
        """Train an epoch in place; return the mean squared error of the predictions before each step.

        Args:
            model: changed in place.
            squares: Adagrad's sums of squares, shaped as the model.
            gradients: of the same shapes, all 0; they are so afterwards.
            ratings: users, items and standardised values [n] each, in the order in which they are taken.
            decay: the factor of a parameter in its own gradient, for each rating that it is in.
        """
        plan = self._plan
        settings = ratings, plan.batch_size, plan.learning_rate, decay, plan.biases
        train = network.train_epoch if self._is_network else kernel.train_epoch
        return float(train(model, squares, gradients, *self._how, *settings))

    def predictions(self, model: RatingModel, user: np.ndarray, item: np.ndarray) -> np.ndarray:
        """Return the predicted standardised ratings of pairs [n].

        Args:
            model: the parameters.
            user: numbers of users [n].
            item: numbers of items [n].
        """
        found, predict = np.empty(len(user)), network.predict if self._is_network else kernel.predict
        predict(model, *self._how, user, item, found, _AT_ONCE)
        return found


class _Run:
    """A training with one decay."""

    def __init__(self, trainer: Trainer, model: RatingModel, decay: float, stopping: EarlyStopping) -> None:
        self._trainer, self._stopping, self.model, self.decay, self.kept = trainer, stopping, model, decay, model
        self._squares, self._gradients, self.curve = model.zeros(), model.zeros(), TrainingCurve()

    @property
    def has_ended(self) -> bool:
        return bool(self.curve.epochs) and self.curve.has_converged(self._stopping)

    def train_epoch(self, ratings: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
        self._trainer.train_epoch(self.model, self._squares, self._gradients, ratings, self.decay)

    def judge(self, score: float) -> None:
        if self.curve.update(score):
            self.kept = self.model.copied()


def encoded(interaction: Interaction) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return an interaction for compiled code, see `.kernel.train_epoch`.

    Returns:
        The lines of all parts, also with p and q exchanged [2, lines, 3], their ends [parts], constants [4], and the
        networks of p and of q [2, numbers].
    """
    sides = [np.concatenate([part[side] for part in interaction.encoded]) for side in (0, 1)]
    ends = np.cumsum([len(part[0]) for part in interaction.encoded])
    nets = np.array([one.numbers for one in interaction.nets]) if interaction.nets else np.empty((2, 0))
    return np.stack(sides), ends, np.array([SMOOTHING, 0.0, math.inf, 1.0]), nets


def judged(found: Fit, data: RatingData, part: str) -> dict[str, float]:
    """Return the metrics of a model on a part, in units of the ratings.

    Args:
        found: the model.
        data: that it was trained on.
        part: its name.
    """
    own = data.parts[part]
    predicted = Trainer(found.interaction, found.plan).predictions(found.model, own.user, own.item)
    error = predicted * data.std + data.mean - own.value
    return {RMSE.name: float(np.sqrt(np.mean(error**2))), MAE.name: float(np.abs(error).mean())}


def result_of(found: Fit, data: RatingData) -> TrainingResult:
    """Return what the training with the best decay came to, in units of the ratings: also on the test part.

    Args:
        found: the model.
        data: that it was trained on.
    """
    curve = tuple(score * data.std for score in found.curve.curve)
    if not found.is_finite:
        return TrainingResult(found.curve.epochs, 0, {}, {}, curve)
    validation, test = (judged(found, data, part) for part in ("validation", "test"))
    chosen = {"decay": found.decay}
    return TrainingResult(found.curve.epochs, found.curve.best_epoch, validation, test, curve, chosen)
