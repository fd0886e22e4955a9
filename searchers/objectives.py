"""What a policy climbs, given genomes and their rewards: the interface, and the objectives by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from searchers.controller import Decisions

#: Genomes [n, D] -> what the policy thinks of them now, with gradients.
Evaluate = Callable[[Tensor], Decisions]


@dataclass(frozen=True)
class Batch:
    """Outcomes that one update learns from."""

    genomes: Tensor
    """[n, D]."""
    rewards: Tensor
    """[n], float64: exact, since Adam blows up the noise of equal rewards."""


class Objective(ABC):
    """Turns a batch into steps of gradient ascent. May remember earlier batches."""

    #: Outcomes that make a batch.
    update_size: int

    @abstractmethod
    def steps(self, batch: Batch, evaluate: Evaluate) -> Iterator[tuple[Tensor, Decisions]]:
        """What to climb, one step after the other; the policy moves between them.

        Yields:
            The objective [m] of m genomes, of which the mean is climbed, with the decisions that it
            was computed from.
        """

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """What `steps` remembers; tensors, numbers, lists and dicts only."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""


class Stateless(Objective):
    """An objective without a memory."""

    def state_dict(self) -> dict[str, Any]:
        """See Objective."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See Objective."""
