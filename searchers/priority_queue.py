"""Priority-queue training (Abolafia et al., 2018, arXiv 1801.03526; with expressions in Mundhenk et al., 2021).

Makes the best distinct programs so far more probable, whatever was proposed last: maximises the mean of
log pi over a queue of the best ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from core.common.restoring import read
from searchers.controller import Decisions
from searchers.objectives import Batch, Evaluate, Objective


class PriorityQueue(Objective):
    """Imitates the best programs so far.

    Args:
        update_size: number of outcomes between two steps.
        queue_size: how many programs to imitate (10 in the paper).
        failure_reward: programs enter the queue only with a reward above this.
    """

    learning_rate = 1e-2

    def __init__(self, update_size: int, queue_size: int, failure_reward: float) -> None:
        self.update_size, self._size, self._failure = update_size, queue_size, failure_reward
        self._queue: list[tuple[float, Tensor]] = []  # the best first, of equals the older

    def steps(self, batch: Batch, evaluate: Evaluate) -> Iterator[tuple[Tensor, Decisions]]:
        """See Objective; one step, or none while the queue is empty."""
        for genomes, reward in zip(batch.genomes, batch.rewards.tolist(), strict=True):
            if reward > self._failure:
                self._add(reward, genomes)
        if self._queue:
            decisions = evaluate(torch.stack([genomes for _, genomes in self._queue]))
            yield decisions.log_probability, decisions

    def _add(self, reward: float, genomes: Tensor) -> None:
        """Add a program; one that is in the queue already gets its newest reward."""
        others = [entry for entry in self._queue if not torch.equal(entry[1], genomes)]
        self._queue = sorted([*others, (reward, genomes)], key=lambda entry: -entry[0])[: self._size]

    def state_dict(self) -> dict[str, Any]:
        """See Objective."""
        return {"queue": [[reward, genomes.clone()] for reward, genomes in self._queue]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See Objective."""
        queue = read(list[tuple[float, Tensor]], state["queue"])
        self._queue = [(reward, genomes.clone()) for reward, genomes in queue]

    @property
    def genomes(self) -> Sequence[Tensor]:
        """See Objective."""
        return [genomes for _, genomes in self._queue]
