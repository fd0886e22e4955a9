"""What became of a candidate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Generic, get_type_hints

import numpy as np

from core.common.restoring import count, read
from core.search.space import C, Space


class Verdict(StrEnum):
    """How a candidate ended; the terms of a problem say it in a sentence."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    ZERO_GRADIENT = "zero_gradient"
    DUPLICATE = "duplicate"
    NON_FINITE = "non_finite"
    WRONG_DIRECTION = "wrong_direction"


@dataclass(frozen=True, eq=False)
class Candidate(Generic[C]):
    """What a searcher proposed."""

    number: int
    """Counted from 0 in the order of asking."""
    genome: np.ndarray
    """As it was proposed [D], see `core.search.space`."""
    solution: C
    """What the genome stands for."""


@dataclass(frozen=True)
class Trial(Generic[C]):
    """A candidate and its outcome."""

    step: int
    """The step of the search that it belongs to, from 0."""
    candidate: Candidate[C]
    """What was tried."""
    verdict: Verdict
    """How it ended."""
    reward: float | None = None
    """The gain in the validation score (paper, Algorithm 1); None where nothing was measured."""
    score: float | None = None
    """The validation score after its training: higher is better."""
    trained: bool = False
    """Whether it was measured, which for a loss means that a recommender was trained by it."""
    adopted: bool = False
    """Whether the search went on from what it trained."""
    original: int | None = None
    """For a duplicate, the number of the candidate that it repeats."""
    cost: float = 0
    """What measuring it took, in passes over the training rows."""
    seconds: float = 0.0
    """Its share of the time that its step took to train."""
    seed: int = 0
    """The seed of the batches that it was trained on."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for storage; `from_dict` reads it back."""
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        candidate = {"number": self.candidate.number, "genome": self.candidate.genome.tolist()}
        return {**plain, "candidate": candidate, "verdict": self.verdict.value}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any], space: Space[C]) -> Trial[C]:
        """Read what `to_dict` wrote in a search of this space.

        Raises:
            TypeError, ValueError, KeyError, UserError: it did not.
        """
        candidate, kinds = stored["candidate"], get_type_hints(cls)
        plain = {name: read(kinds[name], stored[name]) for name in kinds if name not in ("candidate", "verdict")}
        genome = read_genome(candidate["genome"])
        made = Candidate(count(candidate["number"]), genome, *space.decode(genome[None]))
        return cls(candidate=made, verdict=Verdict(stored["verdict"]), **plain)


def read_genome(stored: Any) -> np.ndarray:
    """Read a genome [D] that was stored as a list.

    Raises:
        TypeError, OverflowError: it is no list of whole numbers.
    """
    return np.array(read(list[int], stored), dtype=np.int64)
