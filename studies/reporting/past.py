"""What a study went through, as history.json has it, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from core.common.restoring import count, read
from studies.exporting.stored import reading
from studies.storage.output import plain


@dataclass(frozen=True)
class PastStep:
    """Where the search stood after a step."""

    candidate_epochs: int
    seconds: float | None
    best: float | None
    """The best validation metric so far."""
    current: float | None
    """That of the recommender which the search goes on with."""

    def __post_init__(self) -> None:
        """Check what no kind says."""
        count(self.candidate_epochs)


@dataclass(frozen=True)
class PastCandidate:
    """A candidate that was trained."""

    verdict: str
    value: float | None
    """The validation metric after its training."""
    adopted: bool


@dataclass(frozen=True)
class PastCurve:
    """How a loss trained to convergence with one seed."""

    kind: str
    """found or baseline."""
    name: str
    epsilon: float | None
    seed: int
    best_epoch: int
    validation: tuple[float | None, ...]
    """The metric after each epoch."""


@dataclass(frozen=True)
class Past:
    """The content of history.json.

    Raises:
        UserError: `of` was given something else.
    """

    steps: tuple[PastStep, ...]
    candidates: tuple[PastCandidate, ...]
    """In the order of training."""
    curves: tuple[PastCurve, ...]

    @classmethod
    def of(cls, history: Mapping[str, Any], metric: str) -> Self:
        """Read what `History.to_dict` wrote about a study of this metric."""
        with reading("expected the history.json of this study"):
            known = plain(history)  # numbers that are not finite are none
            if read(str, known["metric"]) != metric:
                raise ValueError(f"of {metric}, as the result is, expected; it is of {known['metric']}")
            steps = [{**one, "current": one["metrics"].get(f"valid_{metric}")} for one in known["steps"]]
            candidates = [{**one, "value": one[f"valid_{metric}"]} for one in known["candidates"]]
            return read(cls, {"steps": steps, "candidates": candidates, "curves": known["curves"]})
