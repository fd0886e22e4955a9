"""Phase II, the validation check: does a loss move predictions towards labels? Paper, section 4.2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from core.common.errors import UserError
from core.common.seeding import torch_rng
from core.losses.loss import ProgramLoss
from core.losses.running import run_programs
from core.programs.compile import LossFn, prediction_gradient

#: Losses that are looked at together: some MB of gradients.
_AT_ONCE = 256


@dataclass(frozen=True)
class Direction:
    """The shares of simulated pairs on which the gradient of a loss has the right sign."""

    positive_rate: float
    """Share of pairs with a gradient of the right sign or of zero, as the paper counts."""
    strict_rate: float
    """Share of pairs with a gradient of the right sign. A loss with a high positive rate and a low strict
    rate has no gradient on most pairs."""


class ValidationCheck:
    """Tests the sign of a loss's gradient on simulated pairs: y_hat uniform in [0, 1], y in {0, 1}.

    Gradients with respect to y_hat are those of the compiled loss, by autograd in float64.

    Args:
        min_positive_rate: the smallest positive rate that passes (the paper's text asks for all
            pairs, its Table 8 for 0.9).
        n_pairs: number of simulated pairs (section 5.1.4).
        seed: of the pairs.

    Raises:
        UserError: a rate outside [0, 1], or no pairs.
    """

    def __init__(self, min_positive_rate: float = 0.9, n_pairs: int = 2000, seed: int = 0) -> None:
        if not 0 <= min_positive_rate <= 1 or n_pairs < 1:
            raise UserError(
                "validation check: expected a min_positive_rate in [0, 1] and at least 1 pair, "
                f"got {min_positive_rate} and {n_pairs}"
            )
        self.min_positive_rate = min_positive_rate
        rng = torch_rng(seed, "validation check")
        self._y_hat = torch.rand(n_pairs, generator=rng, dtype=torch.float64)
        self._y = torch.randint(2, (n_pairs,), generator=rng).double()

    def direction(self, function: LossFn) -> Direction:
        """Return how often a loss (y_hat [B], y [B]) -> [B] moves y_hat towards y; NaN counts as wrong."""
        wanted = 1 - 2 * self._y  # the sign of the gradient that moves y_hat towards y
        towards = wanted * prediction_gradient(function, self._y_hat, self._y)
        return Direction((towards >= 0).double().mean().item(), (towards > 0).double().mean().item())

    def positive_rates(self, losses: Sequence[ProgramLoss]) -> np.ndarray:
        """Return the positive rates of many losses [n], of gradients by machine code: a thousandth of the time."""
        wanted, found = (1 - 2 * self._y).numpy(), np.empty(len(losses))
        for first in range(0, len(losses), _AT_ONCE):
            _, gradients = run_programs(losses[first : first + _AT_ONCE], self._y_hat, self._y)
            with np.errstate(invalid="ignore"):
                found[first : first + _AT_ONCE] = (wanted * gradients >= 0).mean(axis=1)
        return found

    def passes(self, loss: ProgramLoss) -> bool:
        """Return whether the positive rate of a loss is at least `min_positive_rate`."""
        return self.direction(loss.function).positive_rate >= self.min_positive_rate
