"""REINFORCE, the paper's objective (section 4.1.1; Williams, 1992): mean of (reward - baseline) log pi.

Where the paper is silent: the baseline is a moving average of the rewards. Without one, the fixed reward of the many
failures would push the policy in random directions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from core.common.restoring import read
from searchers.controller import Decisions
from searchers.objectives import Batch, Evaluate, Objective


class Reinforce(Objective):
    """Makes programs more probable in proportion to their reward above the moving average.

    Args:
        update_size: number of outcomes averaged in one update (10 in section 5.1.4).
        baseline_decay: decay of the moving average at each update; it starts at the first mean reward.
    """

    def __init__(self, update_size: int, baseline_decay: float) -> None:
        self.update_size, self._decay = update_size, baseline_decay
        self._baseline: float | None = None

    def steps(self, batch: Batch, evaluate: Evaluate) -> Iterator[tuple[Tensor, Decisions]]:
        """See Objective; one step."""
        mean = batch.rewards.mean().item()
        baseline = mean if self._baseline is None else self._baseline
        decisions = evaluate(batch.genomes)
        yield (batch.rewards - baseline).float() * decisions.log_probability, decisions
        self._baseline = self._decay * baseline + (1 - self._decay) * mean

    def state_dict(self) -> dict[str, Any]:
        """See Objective."""
        return {"baseline": self._baseline}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See Objective."""
        self._baseline = read(float | None, state["baseline"])
