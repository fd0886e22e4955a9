"""Phase III, the effectiveness test: train each loss to convergence from a fresh recommender.

Early stopping is that of the paper (section 5.1.4): training ends when the validation score fell in 10
consecutive epochs, or when the best epoch is more than 50 epochs ago. Converged candidates leave the batch.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from core.common.errors import UserError, format_value

#: The most epochs of a training.
MOST_EPOCHS = 1_000_000


def check_epochs(name: str, value: int) -> None:
    """Check a number of epochs.

    Args:
        name: of the setting, for the message.
        value: its value.

    Raises:
        UserError: it is out of range.
    """
    if not 1 <= value <= MOST_EPOCHS:
        raise UserError(f"{name}: expected 1 to {MOST_EPOCHS:,}, got {format_value(value)}")


@dataclass(frozen=True)
class EarlyStopping:
    """The rule by which a candidate has converged.

    Raises:
        UserError: a number out of range.
    """

    max_epochs: int = 500
    """Maximum number of epochs."""
    best_ago: int = 50
    """Stop when the best epoch lies further back than this."""
    falling: int = 10
    """Stop after this many consecutive epochs with a falling score."""

    def __post_init__(self) -> None:
        """Check the settings."""
        for name in ("max_epochs", "best_ago", "falling"):
            check_epochs(name, getattr(self, name))


@dataclass
class TrainingCurve:
    """The validation scores of one candidate, epoch after epoch, and the counters that early stopping uses."""

    epochs: int = 0
    """Epochs trained."""
    best_score: float = -math.inf
    """The best validation score so far."""
    best_epoch: int = 0
    """The epoch of the best score, counted from 1; 0 before the first finite score."""
    falls: int = 0
    """Number of last consecutive epochs with a falling score."""
    last_score: float = field(default=-math.inf, repr=False)
    curve: list[float] = field(default_factory=list, repr=False)
    """The score after each epoch."""

    def update(self, score: float) -> bool:
        """Record the score of one more epoch; return whether it is the best so far."""
        self.epochs += 1
        self.falls = self.falls + 1 if score < self.last_score else 0
        self.last_score = score
        self.curve.append(score)
        if not score > self.best_score:
            return False
        self.best_score, self.best_epoch = score, self.epochs
        return True

    def has_converged(self, early_stopping: EarlyStopping) -> bool:
        """Return whether training should end now; a score that is not finite ends it too."""
        return (
            not math.isfinite(self.last_score)
            or self.epochs >= early_stopping.max_epochs
            or self.falls >= early_stopping.falling
            or self.epochs - self.best_epoch > early_stopping.best_ago
        )


class ConvergenceRun(ABC):
    """Several candidates in training, from fresh recommenders on the same batches."""

    @abstractmethod
    def train_epoch(self) -> Sequence[float]:
        """Train the active candidates for one epoch; return their validation scores, in order."""

    @abstractmethod
    def keep_best(self, positions: Sequence[int]) -> None:
        """Keep copies of the active candidates at these positions: their current weights are their best so far."""

    @abstractmethod
    def retire(self, positions: Sequence[int]) -> None:
        """Remove the active candidates at these positions; the others keep their order."""


def in_training(curves: Sequence[TrainingCurve], early_stopping: EarlyStopping) -> list[int]:
    """Return the indices of the candidates that have not converged yet.

    Args:
        curves: one for each candidate.
        early_stopping: the rule by which a candidate has converged.
    """
    return [i for i, one in enumerate(curves) if not (one.epochs and one.has_converged(early_stopping))]


def train_to_convergence(
    run: ConvergenceRun, curves: list[TrainingCurve], early_stopping: EarlyStopping
) -> Iterator[list[TrainingCurve]]:
    """Train until every candidate has converged.

    Args:
        run: trains the candidates that have not converged yet.
        curves: one for each candidate; updated in place.
        early_stopping: the rule by which a candidate has converged.

    Yields:
        The curves of all candidates after each epoch (the same objects each time).
    """
    active = in_training(curves, early_stopping)
    while active:
        scores = run.train_epoch()
        improved = [
            i
            for i, (candidate, score) in enumerate(zip(active, scores, strict=True))
            if curves[candidate].update(score)
        ]
        run.keep_best(improved)
        finished = [i for i, candidate in enumerate(active) if curves[candidate].has_converged(early_stopping)]
        run.retire(finished)
        active = [candidate for i, candidate in enumerate(active) if i not in finished]
        yield curves
