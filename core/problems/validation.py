"""Phase II, the validation check: does a loss move predictions towards labels? Paper, section 4.2.

The paper's check lets losses pass that have a gradient for one of the labels alone, which move all predictions the same
way and train nothing: 96 of them, drawn from those that pass, ended at an AUC of .458 to .542 (docs/results.md). The
strict check does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from core.common.errors import UserError
from core.common.seeding import torch_rng
from core.losses.loss import ProgramLoss
from core.losses.running import run_programs
from core.programs.compile import LossFn, prediction_gradient
from core.programs.probes import LARGE_SMOOTHING
from core.programs.screening import NOTHING

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
        is_strict: whether `passes` asks for losses that `moves_both` as well.

    Raises:
        UserError: a rate outside [0, 1], or no pairs.
    """

    def __init__(
        self, min_positive_rate: float = 0.9, n_pairs: int = 2000, seed: int = 0, is_strict: bool = False
    ) -> None:
        if not 0 <= min_positive_rate <= 1 or n_pairs < 1:
            raise UserError(
                "validation check: expected a min_positive_rate in [0, 1] and at least 1 pair, "
                f"got {min_positive_rate} and {n_pairs}"
            )
        self.min_positive_rate, self.is_strict = min_positive_rate, is_strict
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
        with np.errstate(invalid="ignore"):
            parts = [(self._towards(part) >= 0).mean(axis=1) for part in _parts(losses)]
        return np.concatenate([np.empty(0), *parts])

    def moves_both(self, losses: Sequence[ProgramLoss]) -> np.ndarray:
        """Return whether losses move some prediction of the label 0 down and some one of the label 1 up: [n] bool."""
        parts = []
        for part in _parts(losses):
            larger = [replace(loss, epsilon=LARGE_SMOOTHING) for loss in part]  # Phase III may choose either
            parts.append(self._moves_both(part) | self._moves_both(larger))
        return np.concatenate([np.empty(0, dtype=bool), *parts])

    def _moves_both(self, losses: Sequence[ProgramLoss]) -> np.ndarray:
        towards, ones = self._towards(losses), (self._y == 1).numpy()
        towards = np.where(np.isfinite(towards), towards, 0.0)
        is_moved = towards > NOTHING * np.abs(towards).max(axis=1, keepdims=True, initial=0)
        both: np.ndarray = is_moved[:, ones].any(axis=1) & is_moved[:, ~ones].any(axis=1)
        return both

    def _towards(self, losses: Sequence[ProgramLoss]) -> np.ndarray:
        """Return how fast each loss moves y_hat of each pair towards y [n, pairs]."""
        _, gradients = run_programs(losses, self._y_hat, self._y)
        towards: np.ndarray = (1 - 2 * self._y).numpy() * gradients
        return towards

    def passes(self, losses: Sequence[ProgramLoss]) -> np.ndarray:
        """Return which losses are worth training: [n] bool."""
        found = self.moves_both(losses) if self.is_strict else np.ones(len(losses), dtype=bool)
        for i in np.flatnonzero(found).tolist():
            found[i] = self.direction(losses[i].function).positive_rate >= self.min_positive_rate
        return found


def _parts(losses: Sequence[ProgramLoss]) -> Iterator[Sequence[ProgramLoss]]:
    """Yield the losses, some at a time."""
    for first in range(0, len(losses), _AT_ONCE):
        yield losses[first : first + _AT_ONCE]
