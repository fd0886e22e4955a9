"""What a study went through, as history.json has it, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from core.common.restoring import count, read, read_finite
from studies.exporting.stored import reading


@dataclass(frozen=True)
class PastStep:
    """Where the search stood after a step."""

    candidate_epochs: int
    seconds: float | None
    best: float | None
    """The best validation metric so far."""
    current: float | None
    """That of the recommender which the search goes on with."""


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
            if read(str, history["metric"]) != metric:
                raise ValueError(f"of {metric}, as the result is, expected; it is of {history['metric']}")
            steps, candidates, curves = (read(list[dict[str, Any]], history[n]) for n in cls.__annotations__)
            return cls(
                tuple(_step(one, f"valid_{metric}") for one in steps),
                tuple(_candidate(one, f"valid_{metric}") for one in candidates),
                tuple(_curve(one) for one in curves),
            )


def _step(stored: Mapping[str, Any], name: str) -> PastStep:
    current = read(dict[str, Any], stored["metrics"]).get(name)
    return PastStep(
        count(stored["candidate_epochs"]),
        read_finite(stored["seconds"]),
        read_finite(stored["best"]),
        read_finite(current),
    )


def _candidate(stored: Mapping[str, Any], name: str) -> PastCandidate:
    return PastCandidate(read(str, stored["verdict"]), read_finite(stored[name]), read(bool, stored["adopted"]))


def _curve(stored: Mapping[str, Any]) -> PastCurve:
    return PastCurve(
        read(str, stored["kind"]),
        read(str, stored["name"]),
        read_finite(stored["epsilon"]),
        count(stored["seed"]),
        count(stored["best_epoch"]),
        tuple(map(read_finite, read(list[Any], stored["validation"]))),
    )
