"""The interface of objectives: what a policy maximises by gradient ascent, given genomes and rewards."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from searchers.controller import Decisions

#: Genomes [n, D] -> the current policy's log-probabilities and entropies, differentiable by autograd.
Evaluate = Callable[[Tensor], Decisions]


@dataclass(frozen=True)
class Batch:
    """The outcomes that one update learns from."""

    genomes: Tensor
    """[n, D]."""
    rewards: Tensor
    """[n] float64. In float32, differences of equal rewards would be rounding noise, which Adam amplifies."""


class Objective(ABC):
    """Turns a batch into steps of gradient ascent. May remember earlier batches."""

    #: Number of outcomes in a batch.
    update_size: int
    #: Of Adam, unless the settings say another.
    learning_rate: float = 1e-3

    @abstractmethod
    def steps(self, batch: Batch, evaluate: Evaluate) -> Iterator[tuple[Tensor, Decisions]]:
        """Compute the objective for each step of gradient ascent; the policy is updated after each.

        Args:
            batch: n genomes and their rewards.
            evaluate: gives the current policy's log-probabilities and entropies.

        Yields:
            The objective [m] of m genomes, whose mean is maximised, and the decisions that it was computed from.
        """

    @property
    def genomes(self) -> Sequence[Tensor]:
        """The genomes [D] that `steps` remembers; a policy checks them after they were stored."""
        return ()

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Return what `steps` remembers, as dicts, lists, numbers and tensors."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned."""


class Stateless(Objective):
    """An objective without a memory."""

    def state_dict(self) -> dict[str, Any]:
        """See Objective."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See Objective."""
