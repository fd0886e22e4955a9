"""The recommendation task: a recommender, data on a device, and how to train and score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.common.errors import UserError, first_line
from core.common.memory import ran_out
from core.common.seeding import derive_seed
from recommenders.backends.base import TrainEpoch
from recommenders.backends.model_copies import ModelCopies
from recommenders.backends.trainer import Trainer
from recommenders.common.machine import Machine
from recommenders.data.dataset import Dataset, Interactions
from recommenders.models.recommender import Recommender, Weights
from recommenders.tasks.metrics import PredictionMetric, best_threshold, report

#: The largest share of a parameter that weight decay may remove in one step.
_STRONGEST_DECAY = 0.99


@dataclass(frozen=True)
class TrainSettings:
    """Settings of training.

    Raises:
        UserError: a number out of range.
    """

    learning_rate: float = 0.5
    """Learning rate of plain SGD."""
    weight_decay: float = 3e-4
    """Effective decay: p <- p - learning_rate * (gradient + weight_decay * p). The published code's
    "l2 1e-4" comes to 3e-4 by this count."""
    search_weight_decay: float = 1e-4
    """Effective decay during the search, where the published code applies a third of it."""
    batch_size: int = 128
    """Examples per step."""
    clip: float = 50.0
    """The largest absolute value of an element of a gradient."""

    @property
    def sgd(self) -> SgdSettings:
        """SGD settings for training to convergence."""
        return SgdSettings(self.learning_rate, self.weight_decay, self.clip)

    def __post_init__(self) -> None:
        """Check the settings."""
        for name in ("learning_rate", "clip", "batch_size"):
            if not 0 < getattr(self, name) < float("inf"):
                raise UserError(f"{name}: expected a number above 0, got {getattr(self, name)}")
        for name in ("weight_decay", "search_weight_decay"):
            if not 0 <= getattr(self, name) * self.learning_rate <= _STRONGEST_DECAY:
                most = _STRONGEST_DECAY / self.learning_rate
                raise UserError(f"{name}: expected 0 to {most:g} (0.99/learning_rate), got {getattr(self, name)}")


@dataclass(frozen=True)
class SgdSettings:
    """Settings of SGD for one copy of a recommender: p <- p - learning_rate * (clip(g) + weight_decay * p).

    Raises:
        UserError: a number out of range.
    """

    learning_rate: float
    weight_decay: float
    clip: float

    def __post_init__(self) -> None:
        """Check the numbers by the rules of TrainSettings."""
        TrainSettings(self.learning_rate, self.weight_decay, 0.0, clip=self.clip)


@dataclass(frozen=True)
class Pairs:
    """A part of a data set on the device."""

    user: Tensor
    """[n] int64."""
    item: Tensor
    """[n] int64."""
    label: Tensor
    """[n] float32, 0 or 1."""

    @classmethod
    def of(cls, interactions: Interactions, device: torch.device) -> Pairs:
        """Copy interactions to a device.

        Args:
            interactions: n examples.
            device: where the tensors are needed.
        """
        return cls(
            torch.as_tensor(interactions.user, device=device),
            torch.as_tensor(interactions.item, device=device),
            torch.as_tensor(interactions.label, device=device),
        )


class RecommendationTask:
    """Trains and scores copies of a recommender on a data set; used in all phases.

    Args:
        recommender: the model.
        dataset: the data, with both classes in every part.
        metric: the metric of the validation score.
        settings: of training.
        machine: what to train on.
    """

    def __init__(
        self,
        recommender: Recommender,
        dataset: Dataset,
        metric: PredictionMetric,
        settings: TrainSettings,
        machine: Machine,
    ) -> None:
        recommender = recommender.sized(dataset.n_users, dataset.n_items)
        self.recommender, self.dataset, self.metric, self.settings = recommender, dataset, metric, settings
        self.trainer = Trainer(recommender, dataset.train, settings.batch_size, settings.clip, machine)
        self.validation = Pairs.of(dataset.validation, machine.device)
        self.test = Pairs.of(dataset.test, machine.device)

    def initial(self, seed: int) -> Weights:
        """Return the initial parameters of one copy, without a leading K.

        Raises:
            UserError: they cannot be made, or do not fit into memory.
        """
        users, items = self.dataset.n_users, self.dataset.n_items
        try:
            return self.recommender.initial(users, items, derive_seed(seed, "recommender"))
        except (RuntimeError, MemoryError, OverflowError, TypeError) as error:
            problem = "do not fit into memory" if ran_out(error) else f"cannot be made: {first_line(error)}"
            raise UserError(f"the recommender's parameters for {users} users and {items} items {problem}") from None

    def model_copies(self, weights: Weights, k: int, weight_decay: float) -> ModelCopies:
        """Make K copies of one set of parameters.

        Args:
            weights: of one copy, without a leading K.
            k: number of copies.
            weight_decay: of all copies; other settings are those of the task.
        """
        return self.trainer.model_copies(weights, [self.settings.learning_rate] * k, [weight_decay] * k)

    def copies_for(self, weights: Weights, sgd: Sequence[SgdSettings]) -> ModelCopies:
        """Make a copy of one set of parameters for each of K SGD settings.

        Args:
            weights: of one copy, without a leading K.
            sgd: SGD settings [K].
        """
        columns = zip(*((one.learning_rate, one.weight_decay, one.clip) for one in sgd), strict=True)
        return self.trainer.model_copies(weights, *columns)

    def predict(self, weights: Weights, pairs: Pairs) -> Tensor:
        """Return predictions y_hat [K, n].

        Args:
            weights: of K copies, [K, ...] each.
            pairs: n pairs of users and items.
        """
        return self.trainer.predict(weights, pairs.user, pairs.item)

    def scores(self, weights: Weights) -> Sequence[float]:
        """Return the validation score of every copy, higher is better; NaN if a prediction is not finite."""
        return self._scores(self.predict(weights, self.validation))

    def scores_on(self, weights: Weights, pairs: Pairs) -> Sequence[float]:
        """Return the score of every copy on given pairs, higher is better; NaN if a prediction is not finite.

        Args:
            weights: of K copies, [K, ...] each.
            pairs: the pairs, with labels.
        """
        scores: Sequence[float] = self.metric.score(self.predict(weights, pairs), pairs.label).tolist()
        return scores

    def train_and_score(self, models: ModelCopies, losses: TrainEpoch, seed: int, epoch: int) -> Sequence[float]:
        """Train every copy for an epoch and return the validation scores after it.

        Args:
            models: K copies, trained in place.
            losses: K losses, see `Trainer.prepare`.
            seed: of the batches.
            epoch: number of the epoch.
        """
        users, items = self.validation.user, self.validation.item
        return self._scores(self.trainer.train_and_predict(models, losses, seed, epoch, users, items))

    def _scores(self, y_hat: Tensor) -> Sequence[float]:
        scores: Sequence[float] = self.metric.score(y_hat, self.validation.label).tolist()
        return scores

    def report(self, weights: Weights, threshold_from: str) -> tuple[dict[str, float], dict[str, float]]:
        """Return every metric of the task, on validation and on test, for one copy.

        Args:
            weights: of the copy, with a leading K = 1.
            threshold_from: the part on which the threshold of F1 and accuracy is chosen: "validation", or "test" as in
                the published code.

        Returns:
            Name -> value on validation, and name -> value on test.
        """
        parts = {"validation": self.validation, "test": self.test}
        y_hats = {name: self.predict(weights, pairs) for name, pairs in parts.items()}
        threshold = best_threshold(y_hats[threshold_from], parts[threshold_from].label)
        values = [report(self.metric.task, y_hats[name], parts[name].label, threshold) for name in parts]
        validation, test = ({name: value[0] for name, value in part.items()} for part in values)
        return validation, test
