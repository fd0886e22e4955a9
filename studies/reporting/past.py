"""What a study went through, as history.json has it, and the counts of its search, as result.json has them; checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from core.common.restoring import count, read, read_finite, reading
from core.search.trial import Verdict
from studies.storage.output import plain

#: No count is larger: Python would not even print it.
_MOST = 2**63


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


@dataclass(frozen=True)
class Numbers:
    """What phases I and II came to.

    Raises:
        UserError: `of` was given something else.
    """

    funnel: Mapping[Verdict, int]
    sampled: int
    trained: int
    stopped: str
    """Why phase I ended."""
    candidate_epochs: int
    best_validation: float | None
    distinct_accepted: int
    passed_validation_check: int
    seconds: float | None
    """Of the whole study."""

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Self:
        """Read them out of a result."""
        with reading("expected the result.json of a study"):
            funnel, search = read(dict[str, Any], content["funnel"]), read(dict[str, Any], content["search"])
            wanted = ("candidate_epochs", "distinct_accepted", "passed_validation_check")
            best, seconds = (read_finite(value) for value in (search["best_validation"], content["seconds"]))
            return cls(
                {verdict: count(funnel[verdict.value], _MOST) for verdict in Verdict},
                count(funnel["sampled"], _MOST),
                count(funnel["trained"], _MOST),
                read(str, search["stopped"]),
                best_validation=best,
                seconds=seconds,
                **{name: count(search[name], _MOST) for name in wanted},
            )

    def count(self, verdict: Verdict) -> int:
        """How many candidates ended so."""
        return self.funnel[verdict]
