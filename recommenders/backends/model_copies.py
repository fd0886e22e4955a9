"""K copies of a recommender."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.common.errors import UserError
from recommenders.common.machine import Machine
from recommenders.models.recommender import Weights


@dataclass
class ModelCopies:
    """K copies of a recommender with their own optimisation settings."""

    weights: Weights
    """Parameters [K, ...]."""
    learning_rate: tuple[float, ...]
    """One for each copy."""
    weight_decay: tuple[float, ...]
    """The effective decay of each copy: p <- p - learning_rate * (clip(g) + weight_decay * p)."""
    clip: tuple[float, ...]
    """The largest absolute value of an element of a gradient, for each copy."""

    @classmethod
    def of(
        cls,
        weights: Weights,
        learning_rate: Sequence[float],
        weight_decay: Sequence[float],
        clip: Sequence[float],
        machine: Machine,
    ) -> ModelCopies:
        """Make K copies of one set of parameters.

        Args:
            weights: of one copy, without a leading K.
            learning_rate: one for each copy [K].
            weight_decay: one for each copy [K].
            clip: one for each copy [K].
            machine: gives device and type of the copies.
        """
        k = len(learning_rate)
        copies = {
            name: w.to(machine.device, machine.dtype).expand(k, *w.shape).clone(memory_format=torch.contiguous_format)
            for name, w in weights.items()
        }
        return cls(copies, tuple(learning_rate), tuple(weight_decay), tuple(clip))

    def __len__(self) -> int:
        """Return K."""
        return len(self.learning_rate)

    def select(self, copies: Sequence[int]) -> ModelCopies:
        """Return new copies of the copies with these numbers, which may repeat."""
        device = next(iter(self.weights.values())).device
        index = torch.tensor(list(copies), device=device)
        return ModelCopies(
            {name: weight.index_select(0, index) for name, weight in self.weights.items()},
            tuple(self.learning_rate[copy] for copy in copies),
            tuple(self.weight_decay[copy] for copy in copies),
            tuple(self.clip[copy] for copy in copies),
        )

    def keep(self, copies: Sequence[int]) -> None:
        """Drop all but these copies (in ascending order), in place, without allocating memory."""
        for name, weight in self.weights.items():
            for to, copy in enumerate(copies):
                if to != copy:
                    weight[to] = weight[copy]
            self.weights[name] = weight[: len(copies)]
        self.learning_rate = tuple(self.learning_rate[copy] for copy in copies)
        self.weight_decay = tuple(self.weight_decay[copy] for copy in copies)
        self.clip = tuple(self.clip[copy] for copy in copies)

    def put_back(self, copies: Sequence[int], selected: ModelCopies) -> None:
        """Overwrite the parameters of some copies.

        Args:
            copies: numbers of the copies.
            selected: their new parameters, in the same order.
        """
        for name, weight in self.weights.items():
            weight[list(copies)] = selected.weights[name]

    def load(self, stored: Mapping[str, Tensor]) -> None:
        """Overwrite all parameters with stored ones.

        Raises:
            UserError: the stored ones belong to another recommender or another number of copies.
        """
        expected, got = _shapes(self.weights), _shapes(stored)
        if expected != got:
            raise UserError(f"stored parameters: expected {expected}, got {got}")
        for name, weight in self.weights.items():
            weight.copy_(stored[name])


def _shapes(weights: Mapping[str, Tensor]) -> str:
    """Return names, shapes and types as one line, sorted by name."""
    return ", ".join(f"{name} {list(weight.shape)} {weight.dtype}" for name, weight in sorted(weights.items()))
