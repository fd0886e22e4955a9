"""What phases I and II of a study came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.common.restoring import count, read
from core.phases.contender import Contender
from core.phases.problem import StudyProblem
from core.phases.tally import Tally
from core.search.search import StopReason
from core.search.space import Space
from core.search.trial import read_genome


@dataclass(frozen=True)
class Found:
    """What phases I and II came to."""

    tally: Tally[Any]
    """What became of the candidates."""
    stop: StopReason
    """Why Phase I ended."""
    finalists: tuple[Contender[Any], ...]
    """What goes on to Phase III, the most promising first."""
    simpler: tuple[Contender[Any], ...]
    """More of them: not among the most promising, and the best of all that are no more complex."""
    n_passed: int
    """Accepted candidates that passed the checks of Phase II."""

    @property
    def candidate_epochs(self) -> int:
        """Passes over the training rows in Phase I, summed over candidates."""
        return int(self.tally.cost)

    def score(self, contender: Contender[Any]) -> float | None:
        """The best validation score of a contender in Phase I, if it has one."""
        return None if contender.solution is None else self.tally.scores.get(contender.solution.key)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for storage; `from_dict` reads it back."""
        space = self.tally.space
        return {
            "tally": self.tally.to_dict(),
            "stop": self.stop.name,
            "finalists": [_stored(one, space) for one in self.finalists],
            "simpler": [_stored(one, space) for one in self.simpler],
            "n_passed": self.n_passed,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any], problem: StudyProblem[Any]) -> Found:
        """Read what `to_dict` wrote in a study of this problem."""
        return cls(
            Tally.from_dict(stored["tally"], problem.space, problem.complexity),
            StopReason[stored["stop"]],
            tuple(_restored(one, problem) for one in stored["finalists"]),
            tuple(_restored(one, problem) for one in stored["simpler"]),
            count(stored["n_passed"]),
        )


def _restored(stored: Mapping[str, Any], problem: StudyProblem[Any]) -> Contender[Any]:
    (solution,) = problem.space.decode(read_genome(stored["genome"])[None])
    return problem.contender(solution, read(dict[str, Any], stored["notes"]))


def _stored(contender: Contender[Any], space: Space[Any]) -> dict[str, Any]:
    assert contender.notes is not None, "it was searched"
    return {"genome": space.encode(contender.solution).tolist(), "notes": dict(contender.notes)}
