"""Reward and reward filter: paper, Algorithm 1 lines 11 to 15 and section 4.1.3."""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.common.errors import UserError
from core.search.trial import Verdict


def reward_of(updated: float, init: float) -> float | None:
    """Return the gain in validation score, higher is better; None if training broke down.

    Args:
        updated: score after training, such as AUC or -RMSE; not finite if training broke down.
        init: score before training.
    """
    return updated - init if math.isfinite(updated) else None


@dataclass(frozen=True)
class RewardFilter:
    """Accepts a candidate if training with it lowered the validation score by at most eta.

    Raises:
        UserError: eta is negative or not a number.
    """

    eta: float = 0.001
    """The largest fall of the score that is still accepted, for the sake of exploration."""

    def __post_init__(self) -> None:
        """Check the setting."""
        if not self.eta >= 0:
            raise UserError(f"reward threshold eta: expected a number >= 0, got {self.eta}")

    def verdict(self, reward: float | None) -> Verdict:
        """Return the verdict on a measured candidate; `reward` is None if training broke down."""
        if reward is None:
            return Verdict.NON_FINITE
        return Verdict.ACCEPTED if reward >= -self.eta else Verdict.REJECTED
