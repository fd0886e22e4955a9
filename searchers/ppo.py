"""Proximal policy optimisation (Schulman et al., 2017, arXiv 1707.06347, Eq. 7), without a critic.

Several steps on one batch, in which the ratio of new to old probability counts only within [1 - clip, 1 + clip].
A program is one action. Departures: advantages are rewards standardised within the batch, since there are no
intermediate states to value; the old policy is that at the beginning of the update, which for outcomes that arrive
late is not the policy that the programs were drawn from.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from searchers.controller import Decisions
from searchers.objectives import Batch, Evaluate, Stateless


class Ppo(Stateless):
    """Maximises the clipped surrogate objective.

    Args:
        update_size: number of programs in a batch.
        clip: how far the ratio may move from 1.
        n_epochs: number of steps on each batch.
    """

    def __init__(self, update_size: int, clip: float, n_epochs: int) -> None:
        self.update_size, self._clip, self._n_epochs = update_size, clip, n_epochs

    def steps(self, batch: Batch, evaluate: Evaluate) -> Iterator[tuple[Tensor, Decisions]]:
        """See Objective; `n_epochs` steps, or none if all rewards are equal."""
        spread = batch.rewards.std(correction=0).item()
        if spread == 0:
            return
        advantages = ((batch.rewards - batch.rewards.mean()) / spread).float()
        with torch.no_grad():
            old = evaluate(batch.genomes).log_probability
        for _ in range(self._n_epochs):
            decisions = evaluate(batch.genomes)
            ratio = (decisions.log_probability - old).exp()
            clipped = ratio.clamp(1 - self._clip, 1 + self._clip)
            yield torch.minimum(ratio * advantages, clipped * advantages), decisions
