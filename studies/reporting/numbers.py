"""The counts of a search as result.json has them, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from core.common.restoring import count, read, read_finite
from core.search.trial import Verdict
from studies.exporting.stored import reading

#: No count is larger: Python would not even print it.
_MOST = 2**63


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
