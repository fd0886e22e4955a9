"""What phases I and II of a study came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from core.analysis.tally import Tally
from core.common.restoring import count, read
from core.problems.validation import Direction
from core.programs.program import LossProgram
from core.search.search import StopReason
from recommenders.tasks.finals import Contender, searched
from studies.study.settings import StudySettings

#: A loss that goes on to Phase III, with its best validation score of Phase I, if it has one.
Finalist = tuple[Contender, float | None]


@dataclass(frozen=True)
class Found:
    """What phases I and II came to."""

    tally: Tally
    """What became of the candidates."""
    stop: StopReason
    """Why Phase I ended."""
    candidate_epochs: int
    """Epochs trained, summed over candidates."""
    finalists: tuple[Finalist, ...]
    """The losses that go on to Phase III, the most promising first."""
    simpler: tuple[Finalist, ...]
    """More of them: not among the most promising, and the best of all that are no longer."""
    n_passed: int
    """Accepted losses that passed the validation check."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for storage; `from_dict` reads it back."""
        return {
            "tally": self.tally.to_dict(),
            "stop": self.stop.name,
            "candidate_epochs": self.candidate_epochs,
            "finalists": [_stored(contender, score) for contender, score in self.finalists],
            "simpler": [_stored(contender, score) for contender, score in self.simpler],
            "n_passed": self.n_passed,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any], settings: StudySettings) -> Found:
        """Read what `to_dict` wrote in a study of these settings."""
        return cls(
            Tally.from_dict(stored["tally"], settings.space),
            StopReason[stored["stop"]],
            count(stored["candidate_epochs"]),
            tuple(_restored(one, settings) for one in stored["finalists"]),
            tuple(_restored(one, settings) for one in stored["simpler"]),
            count(stored["n_passed"]),
        )


def _restored(stored: Mapping[str, Any], settings: StudySettings) -> Finalist:
    program, direction = LossProgram.from_dict(stored["program"]), read(Direction, stored["direction"])
    return searched(program, direction, settings.space, settings.epsilon), read(float | None, stored["score"])


def _stored(contender: Contender, score: float | None) -> dict[str, Any]:
    assert contender.program is not None, "a search finds programs"
    assert contender.direction is not None, "they were checked"
    return {"program": contender.program.to_dict(), "direction": asdict(contender.direction), "score": score}
