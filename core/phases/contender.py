"""What is trained to convergence, and what came of it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import fmean
from typing import Any, Generic

from core.phases.metric import Metric
from core.search.effectiveness import TrainingCurve
from core.search.space import C, Solution


@dataclass(frozen=True)
class Variant:
    """One of the ways in which a contender may be trained."""

    trained: Any
    """What is trained."""
    constant: float | None = None
    """The value of its constant (the smoothing term of a loss); None without any."""
    way: Mapping[str, Any] | None = None
    """How it is trained, in plain data, where that is not how the problem trains, see `StudyProblem.convergence`."""


@dataclass(frozen=True)
class Contender(Generic[C]):
    """A candidate, or something known to compare with, in Phase III."""

    name: str
    """The name of something known, or what a person writes for it."""
    solution: C | None
    """The candidate; None for known ones outside of the space."""
    variants: tuple[Variant, ...]
    """What to choose from on validation: at least one."""
    notes: Mapping[str, Any] | None = None
    """What phase II found out about a searched one, by the names of result.json; None for known ones."""

    @property
    def is_searched(self) -> bool:
        """Whether the search has found it."""
        return self.notes is not None


@dataclass(frozen=True)
class TrainingResult:
    """The result of one training to convergence, at its best validation epoch."""

    epochs: int
    """Epochs trained."""
    best_epoch: int
    """The epoch that the metrics belong to, from 1; 0 if no epoch gave finite predictions."""
    validation: dict[str, float]
    """Every metric; empty if there is no best epoch."""
    test: dict[str, float]
    """The same on the test part."""
    curve: tuple[float, ...] = ()
    """The validation score after each epoch, higher is better."""
    chosen: dict[str, float] = field(default_factory=dict)
    """Settings of which several were tried, and the best on validation was taken: by name."""
    found: str = ""
    """What was trained in the end, as a person writes it, where only the training found out; else nothing."""

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain data, for storage: `core.common.restoring.read` reads it back."""
        return asdict(self)


class ConvergenceTraining(ABC):
    """Several trainings to convergence with one seed: whoever iterates sees their progress after every epoch."""

    fitted: list[TrainingResult]
    """What they came to, in order, as far as they are done; all after the last epoch."""
    kept: Any
    """What is kept of the one that was to be kept, in dicts, lists, texts, numbers and tensors; None without one."""

    @abstractmethod
    def __iter__(self) -> Iterator[Sequence[TrainingCurve]]:
        """The epochs to come."""

    def run(self, on_epoch: Callable[[Sequence[TrainingCurve]], None] = lambda curves: None) -> list[TrainingResult]:
        """Train to the end.

        Args:
            on_epoch: called with the curves of all trainings after every epoch, when `state_dict` may be asked.

        Returns:
            A result for each training, in order.
        """
        for curves in self:
            on_epoch(curves)
        return self.fitted

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Return where it stands, between epochs. The tensors may be those in training: store them first."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` of a training with the same arguments returned.

        Raises:
            Exception: a state that does not fit; nothing in it is executed.
        """


@dataclass(frozen=True)
class Finished(Generic[C]):
    """A contender after Phase III, as the variant that did best on validation."""

    contender: Contender[C]
    variant: Variant
    """That one."""
    simple: C | None
    """The simplest known form of that, or the candidate that its training found; None for known ones without any."""
    fitted: tuple[TrainingResult, ...]
    """One for each seed, in order."""
    chosen_by: tuple[TrainingResult, ...]
    """The trainings that choice goes by; all searched ones share their seeds. They may be the first of `fitted`."""

    @property
    def trained(self) -> Any:
        """The variant's."""
        return self.variant.trained

    @property
    def has_found(self) -> bool:
        """Whether it is a known one whose training found a candidate."""
        return self.contender.solution is None and self.simple is not None

    @property
    def epsilon(self) -> float | None:
        """Constant of the variant."""
        return self.variant.constant

    @property
    def complexity(self) -> int:
        """Complexity of the simplest form; 0 for known ones that are no candidates."""
        return complexity_of(self.simple)

    def score(self, metric: Metric) -> float:
        """Return the mean validation score over the seeds, higher is better; -inf if a training broke down."""
        return mean_score(metric, self.fitted)

    def chosen_score(self, metric: Metric) -> float:
        """Return the same over the seeds that choice goes by."""
        return mean_score(metric, self.chosen_by)

    @property
    def shared(self) -> tuple[TrainingResult, ...]:
        """The trainings of `fitted` whose seeds all searched ones share: all, or the first, which chose."""
        is_first = self.fitted[: len(self.chosen_by)] == self.chosen_by
        return self.chosen_by if is_first else self.fitted


def complexity_of(simple: Solution | None) -> int:
    """Return the complexity of a simplest form; 0 where there is none."""
    return 0 if simple is None else simple.complexity


def mean_score(metric: Metric, fitted: Iterable[TrainingResult]) -> float:
    """Return the mean validation score of training runs, higher is better; -inf if one never was finite.

    Args:
        metric: what scores are made of.
        fitted: what the runs came to, at least one.
    """
    return fmean(validation_score(metric, one) for one in fitted)


def validation_score(metric: Metric, fitted: TrainingResult) -> float:
    """Return the validation score of a training run, higher is better; -inf if it never was finite.

    Args:
        metric: what scores are made of.
        fitted: what the run came to.
    """
    score = metric.score_of(fitted.validation.get(metric.name, math.nan))
    return score if math.isfinite(score) else -math.inf
