"""The interface of recommenders whose score of a user and an item is the product of two vectors.

Shapes: n users or items, D dimensions.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from typing import ClassVar, Literal, Self, TypeVar

import torch
from torch import Tensor

from core.common.errors import UserError
from core.common.seeding import torch_rng
from recommenders.data.implicit.user_items import UserItems
from recommenders.models.recommender import RowKind, Weights, check_settings

T = TypeVar("T")

#: Vectors shorter than this are divided by it instead of by their length, as torch's normalize does.
SHORTEST = 1e-12


@dataclass(frozen=True)
class VectorModel(ABC):
    """Gives vectors to users and items; a score is their cosine, or their dot product.

    A model holds settings but no parameters.

    Raises:
        UserError: a setting is out of range.
    """

    embedding_size: int = 64
    """Dimensions of the vectors."""
    similarity: Literal["cosine", "dot"] = "cosine"
    """The score of two vectors."""
    dropout: float = 0.1
    """The share of a user's elements that a training pass drops; the rest grow by 1 / (1 - dropout)."""
    dropout_place: Literal["after", "before"] = "after"
    """Whether elements are dropped after vectors were brought to length 1 (SimpleX) or before (BSL)."""
    init: Literal["normal", "xavier"] = "normal"
    """How tables begin: normal with init_std, or uniform as Glorot and Bengio (2010) have it."""
    init_std: float = 0.1
    """The standard deviation of normal elements. With cosine and Adam only its ratio to the learning rate matters."""

    #: A phrase for --help.
    about: ClassVar[str]
    #: Name of a table -> whether it has a row for each user or for each item. All other parameters are dense.
    tables: ClassVar[Mapping[str, RowKind]] = {"user_embedding": "user", "item_embedding": "item"}

    def __post_init__(self) -> None:
        """Check the settings."""
        check_settings(self, embedding_size=(1, 10_000), dropout=(0, 1), init_std=(0, 1e6))

    def on(self, train: UserItems, n_items: int) -> Self:
        """Return a model of one training part. Override it where vectors depend on it; the default returns self.

        Args:
            train: the items of every user.
            n_items: the number of items.
        """
        return self

    def _knowing(self, learnt: object) -> Self:
        """Return a copy that keeps something made of a training part, beside its settings."""
        placed = copy(self)
        object.__setattr__(placed, "_learnt", learnt)
        return placed

    def _known(self, kind: type[T]) -> T:
        """Return what `_knowing` kept, of this class; raise a UserError if there is none."""
        learnt = vars(self).get("_learnt")
        if not isinstance(learnt, kind):
            raise UserError(
                f"{type(self).__name__}: expected a model of a training part, got one without; make it with "
                "on(train, n_items)"
            )
        return learnt

    def initial(self, n_users: int, n_items: int, seed: int) -> Weights:
        """Return the initial parameters, float32.

        Args:
            n_users: number of users.
            n_items: number of items.
            seed: of the draws.
        """
        rows = {"user": n_users, "item": n_items}
        return {name: self._table(rows[kind], seed, name) for name, kind in self.tables.items()}

    def _table(self, n: int, seed: int, name: str) -> Tensor:
        rng, shape = torch_rng(seed, "initial", name), (n, self.embedding_size)
        if self.init == "xavier":
            return (torch.rand(shape, generator=rng) * 2 - 1) * math.sqrt(6 / sum(shape))
        return torch.randn(shape, generator=rng) * self.init_std

    @abstractmethod
    def vectors(
        self, weights: Weights, users: Tensor | None, items: Tensor | None, positives: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return vectors as they are, neither brought to length 1 nor dropped.

        Args:
            weights: the parameters.
            users: [n] whose vectors are wanted; None: all.
            items: [m] whose vectors are wanted; None: all.
            positives: [n] in training, for each of `users` the item to be predicted, for models that look at a user's
                items and must not see this one; None: nothing is to be predicted.

        Returns:
            [n, D] and [m, D], differentiable.
        """

    def keep(self, mask: Tensor | None, users: Tensor) -> Tensor:
        """Return what the vectors of users [n, D] are in scores.

        Args:
            mask: [n, D] 0 where an element is dropped, 1 / (1 - dropout) elsewhere; None: nothing is dropped.
            users: the vectors.
        """
        if mask is not None and self.dropout_place == "before":
            users = users * mask
        users = self.scored(users)
        return users * mask if mask is not None and self.dropout_place == "after" else users

    def scored(self, vectors: Tensor) -> Tensor:
        """Return vectors [n, D] of length 1 where scores are cosines, else as they are."""
        return torch.nn.functional.normalize(vectors, dim=-1, eps=SHORTEST) if self.similarity == "cosine" else vectors
