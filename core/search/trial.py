"""Trials: proposed candidates and their outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Generic, get_type_hints

import numpy as np

from core.common.restoring import count, read
from core.search.space import C, Space


class Verdict(StrEnum):
    """The outcome of a candidate in one word; the terms of a problem describe each in a sentence."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    ZERO_GRADIENT = "zero_gradient"
    DUPLICATE = "duplicate"
    NON_FINITE = "non_finite"
    WRONG_DIRECTION = "wrong_direction"


@dataclass(frozen=True, eq=False)
class Candidate(Generic[C]):
    """A proposal of a searcher."""

    number: int
    """Counted from 0 in the order of asking."""
    genome: np.ndarray
    """The proposed genome [D], see `core.search.space`."""
    solution: C
    """The decoded genome."""


@dataclass(frozen=True)
class Trial(Generic[C]):
    """A candidate and its outcome."""

    step: int
    """The step of the search in which it was proposed, from 0."""
    candidate: Candidate[C]
    """The proposed candidate."""
    verdict: Verdict
    """The outcome in one word."""
    reward: float | None = None
    """Gain in validation score (paper, Algorithm 1); None if nothing was measured or training broke down."""
    score: float | None = None
    """Validation score after training, higher is better; None as for `reward`."""
    trained: bool = False
    """Whether the candidate was measured; for a loss, whether a recommender was trained with it."""
    adopted: bool = False
    """Whether the search continued from the state that this candidate trained."""
    original: int | None = None
    """For a duplicate, the number of the candidate that it repeats."""
    cost: float = 0
    """Cost of measuring, in passes over the training rows."""
    seconds: float = 0.0
    """The candidate's share of the training time of its step."""
    seed: int = 0
    """Seed of the batches of its step."""

    def to_dict(self) -> dict[str, Any]:
        """Return the trial as plain data, for storage; `from_dict` reads it back."""
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        candidate = {"number": self.candidate.number, "genome": self.candidate.genome.tolist()}
        return {**plain, "candidate": candidate, "verdict": self.verdict.value}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any], space: Space[C]) -> Trial[C]:
        """Build a trial from what `to_dict` returned.

        Args:
            stored: the plain data.
            space: the space of the search that it was stored by.

        Raises:
            TypeError, ValueError, KeyError, UserError: the data do not describe a trial of this space.
        """
        candidate, kinds = stored["candidate"], get_type_hints(cls)
        plain = {name: read(kinds[name], stored[name]) for name in kinds if name not in ("candidate", "verdict")}
        genome = read_genome(candidate["genome"])
        made = Candidate(count(candidate["number"]), genome, *space.decode(genome[None]))
        return cls(candidate=made, verdict=Verdict(stored["verdict"]), **plain)


def read_genome(stored: Any) -> np.ndarray:
    """Return a genome [D] int64 that was stored as a list.

    Raises:
        TypeError, OverflowError: the value is not a list of 64-bit integers.
    """
    return np.array(read(list[int], stored), dtype=np.int64)
