"""Risk-seeking policy gradient (Petersen et al., ICLR 2021, arXiv 1912.04871, Eq. 2).

Maximises the mean reward of the best few of a batch instead of all, since a search is judged by its best result.
The gradient is the mean over the best share q of (R - R_q) grad log pi, where R_q is the best reward of the rest.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from searchers.controller import Decisions
from searchers.objectives import Batch, Evaluate, Stateless


class RiskSeeking(Stateless):
    """Learns from the best share of each batch.

    Args:
        update_size: number of programs in a batch.
        share: the share of the batch to learn from (0.05 in the paper).
    """

    def __init__(self, update_size: int, share: float) -> None:
        self.update_size, self._share = update_size, share

    def steps(self, batch: Batch, evaluate: Evaluate) -> Iterator[tuple[Tensor, Decisions]]:
        """See Objective; one step, or none if the best are no better than the rest."""
        n_best = max(1, round(self._share * len(batch.rewards)))
        threshold = torch.topk(batch.rewards, min(n_best + 1, len(batch.rewards))).values[-1]
        best = batch.rewards > threshold
        if not best.any():  # all are equal, as in a batch of failures
            return
        decisions = evaluate(batch.genomes[best])
        yield (batch.rewards[best] - threshold).float() * decisions.log_probability, decisions
