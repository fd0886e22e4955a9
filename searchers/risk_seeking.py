"""Risk-seeking policy gradient (Petersen et al., ICLR 2021, arXiv 1912.04871, Eq. 2).

Maximises the mean reward of the best few of a batch, not of all: a search is judged by its best find. The
gradient is the mean over the best share q of (R - R_q) grad log pi, where R_q is the best reward of the rest.
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
        update_size: programs in a batch.
        share: the part of them that counts (0.05 in the source).
    """

    def __init__(self, update_size: int, share: float) -> None:
        self.update_size, self._share = update_size, share

    def steps(self, batch: Batch, evaluate: Evaluate) -> Iterator[tuple[Tensor, Decisions]]:
        """See Objective; one step, none where the best are no better than the rest."""
        n_best = max(1, round(self._share * len(batch.rewards)))
        threshold = torch.topk(batch.rewards, min(n_best + 1, len(batch.rewards))).values[-1]
        best = batch.rewards > threshold
        if not best.any():  # all are equal: the failures of a barren batch
            return
        decisions = evaluate(batch.genomes[best])
        yield (batch.rewards[best] - threshold).float() * decisions.log_probability, decisions
