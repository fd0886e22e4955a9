"""Losses, and other candidates, as result.json has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.losses.loss import check_scale
from core.losses.setwise.registry import parse_ranking_loss
from core.losses.setwise.set_loss import SetLoss
from core.programs.sets.expression import Expression

#: Metric -> value, None where it was not finite.
Metrics = dict[str, float | None]


@dataclass(frozen=True)
class StoredFit:
    """One training to convergence."""

    validation: Metrics
    test: Metrics
    best_epoch: int


@dataclass(frozen=True)
class StoredForm:
    """The simplified form of a loss."""

    formula: str
    complexity: int


@dataclass(frozen=True)
class StoredFront:
    """A loss on the Pareto front; metrics are means over the seeds that all found ones share."""

    complexity: int
    formula: str
    """Simplified."""
    name: str
    epsilon: float | None
    validation: Metrics
    test: Metrics


@dataclass(frozen=True)
class StoredLoss:
    """A loss, or another candidate, of Phase III as result.json has it."""

    name: str
    program: dict[str, Any] | None
    """What it is made of; None for known ones that are no candidates."""
    simplified: StoredForm | None
    """None for those, too."""
    epsilon: float | None
    scale: float
    """What the loss was multiplied by."""
    validation: Metrics
    test: Metrics
    per_seed: tuple[StoredFit, ...]
    loss: str | None = None
    """A loss of rankings with its constants."""
    learning_rate: float | None = None
    """The one that it was trained with, chosen on validation."""
    weight_decay: float | None = None
    """The same of the weight decay."""
    push_to_pull: tuple[float | None, ...] | None = None
    """Of one of scores alone: gradients by negatives, divided by that by the positive, by stage of a training."""

    chosen_by: tuple[StoredFit, ...] = ()
    """The trainings that choice went by, where they are not the first of those above."""

    def __post_init__(self) -> None:
        """The scale of a loss has bounds."""
        check_scale(self.scale)

    @property
    def complexity(self) -> int:
        """Of the simplified form; 0 for a known loss without a program."""
        return 0 if self.simplified is None else self.simplified.complexity

    @property
    def expression(self) -> Expression | None:
        """What a loss of rankings computes of scores, with its constants; None if it is none, or knows more."""
        loss = None if self.loss is None else parse_ranking_loss(self.loss)
        return loss.expression if isinstance(loss, SetLoss) and not loss.needs else None

    @property
    def n_seeds(self) -> int:
        """How many trainings the metrics are the means of."""
        return len(self.per_seed)
