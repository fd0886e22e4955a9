"""The interface of back ends that train vectors on rankings.

A step, for the examples (user, positive) b = 1 ... B of a batch, each with N negatives:

1. scores s(u, i) are cosines or dot products of vectors, with dropout on the vector of the user;
2. the gradient of the mean over b of loss(p_b, n_b1 ... n_bN), or of one loss of all vectors of the batch as they are
   in scores, which needs no negatives (N = 0), plus weight_decay / 2 times squared norms: of the rows
   that the batch names, a row as often as it is named, divided by B (`rows`), or of whole tables (`tables`);
3. the gradient of all parameters together, shortened to `clip_norm` where it is longer;
4. the update of the optimiser, as torch defines it.

The order of examples, negatives and dropped elements are drawn by `recommenders.backends.ranking.epochs`, the same for
every back end.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Generic, Literal, TypeVar

import numpy as np
from torch import Tensor

from core.common.errors import UserError
from core.losses.setwise.ranking_loss import RankingLoss
from core.losses.setwise.vector_loss import VectorLoss
from recommenders.backends.ranking.optimisers import Optimiser, RowWiseAdam
from recommenders.common.machine import Machine
from recommenders.data.implicit.dataset import ImplicitDataset
from recommenders.data.implicit.samplers import NoNegatives, Sampler, Shared
from recommenders.models.vectors.model import VectorModel

#: The kind of loss that a back end trains with.
L = TypeVar("L", bound=RankingLoss, contravariant=True)


@dataclass(frozen=True)
class Recipe:
    """A way to train vectors, whatever the loss.

    Raises:
        UserError: a number is out of range.
    """

    sampler: Sampler = field(default_factory=Shared)
    """Draws negatives."""
    optimiser: Optimiser = field(default_factory=RowWiseAdam)
    """Updates parameters."""
    batch_size: int = 1024
    """Examples of a step."""
    weight_decay: float = 0.0
    """The weight of squared norms, see the module."""
    decay_of: Literal["rows", "tables"] = "rows"
    """Of what they are."""
    clip_norm: float | None = None
    """The largest norm of the gradient of a step; None: any."""

    def __post_init__(self) -> None:
        """Check numbers."""
        if not 1 <= self.batch_size <= 1_000_000:
            raise UserError(f"batch_size: expected 1 to 1,000,000, got {self.batch_size}")
        if not 0 <= self.weight_decay < 1e6:
            raise UserError(f"weight_decay: expected 0 to below 1e6, got {self.weight_decay}")
        if self.clip_norm is not None and not 0 < self.clip_norm < 1e9:
            raise UserError(f"clip_norm: expected a number above 0 and below 1e9, got {self.clip_norm}")

    def of(self, loss: RankingLoss) -> Recipe:
        """Return the recipe as it is for a loss: without negatives where it needs none."""
        return replace(self, sampler=NoNegatives()) if isinstance(loss, VectorLoss) else self

    @property
    def has_negatives(self) -> bool:
        """Whether positives are compared with negatives; if not, the loss is one of vectors."""
        return self.sampler.negatives > 0


@dataclass(frozen=True, eq=False)
class VectorTask:
    """A model, the data that it is trained on, and the recipe."""

    model: VectorModel
    data: ImplicitDataset
    recipe: Recipe

    def of(self, loss: RankingLoss) -> VectorTask:
        """Return the task as it is for a loss, see `Recipe.of`."""
        recipe = self.recipe.of(loss)
        return self if recipe is self.recipe else replace(self, recipe=recipe)


class VectorTrainer(ABC, Generic[L]):
    """Trains one copy of a model. A back end.

    Args:
        task: the task.
        machine: the device, its type of numbers and threads.
        seed: of the initial parameters and of all draws.
    """

    trains: ClassVar[str]
    """What it can train, for messages."""
    side_by_side: ClassVar[bool] = False
    """Whether threads may train by several of them at once, each on a core, and come to the same bits."""

    @classmethod
    @abstractmethod
    def takes(cls, model: VectorModel, recipe: Recipe, machine: Machine) -> bool:
        """Tell whether it can train this on this machine, whatever the data.

        Args:
            model: the model.
            recipe: how it is trained, for the kind of loss (`Recipe.of`).
            machine: the device, its type of numbers and threads.
        """

    @abstractmethod
    def __init__(self, task: VectorTask, machine: Machine, seed: int) -> None:
        """Begin with initial parameters."""

    @abstractmethod
    def train_epoch(self, loss: L, epoch: int, learning_rate: float, quantile: np.ndarray | None = None) -> float:
        """Train for one epoch.

        Args:
            loss: what is minimised: a SetLoss where the task has negatives, else a VectorLoss.
            epoch: its number, from 0, by which everything random is drawn.
            learning_rate: of the optimiser.
            quantile: [n_users] for losses that need it, see `SetScores.quantile`.

        Returns:
            The mean loss of all examples, each in the step that it was trained in.
        """

    @abstractmethod
    def vectors(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the vectors of all users [n_users, D] and all items [n_items, D], whose dot products are scores."""

    @abstractmethod
    def parameters(self) -> dict[str, Tensor]:
        """Return a copy of the model's parameters by name, on the CPU, as they are between epochs."""

    @abstractmethod
    def load_parameters(self, stored: Mapping[str, Tensor]) -> None:
        """Replace the parameters; the optimiser stays as it is.

        Raises:
            UserError: they belong to another model.
        """

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Return parameters and the state of the optimiser: texts, numbers and tensors."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` of a trainer of the same task returned.

        Raises:
            UserError: a state of something else.
        """


def load_arrays(own: Mapping[str, Tensor], stored: Mapping[str, Tensor]) -> None:
    """Overwrite tensors with stored ones of the same names, shapes and types.

    Args:
        own: what is overwritten.
        stored: from wherever.

    Raises:
        UserError: they belong to something else.
    """
    kinds = [{name: (tuple(one.shape), one.dtype) for name, one in side.items()} for side in (own, stored)]
    if kinds[0] != kinds[1]:
        raise UserError(f"stored training: expected arrays {kinds[0]}, got {kinds[1]}: it is one of something else")
    for name, one in own.items():
        one.copy_(stored[name])
