"""The space of independent choices: every option is always open, and every decision counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from core.common.errors import UserError, format_value
from core.search.decision import Decision
from core.search.space import Space, check_genomes


@dataclass(frozen=True)
class Choices:
    """A candidate: the names of the chosen options, in the order of the decisions."""

    names: tuple[str, ...]

    @property
    def key(self) -> str:
        """See Solution."""
        return str(self)

    @property
    def complexity(self) -> int:
        """See Solution; the number of choices, the same for all."""
        return len(self.names)

    def __str__(self) -> str:
        """Return the names, separated by blanks."""
        return " ".join(self.names)

    def to_dict(self) -> dict[str, Any]:
        """See Solution."""
        return {"choices": list(self.names)}


@dataclass(frozen=True)
class ChoiceSpace(Space[Choices]):
    """A space of independent decisions.

    Raises:
        UserError: no decisions, or two with the same name.
    """

    choices: tuple[Decision, ...]
    """The decisions [D]."""

    def __post_init__(self) -> None:
        """Check the decisions."""
        if not self.choices or len({decision.name for decision in self.choices}) != len(self.choices):
            raise UserError(f"choices: expected decisions of distinct names, got {format_value(self.choices)}")

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """See Space."""
        return self.choices

    def open(self, i: int, chosen: Sequence[Tensor]) -> Tensor | None:
        """See Space."""
        return None

    def used(self, i: int, chosen: Sequence[Tensor]) -> Tensor | None:
        """See Space."""
        return None

    def repaired(self, genomes: np.ndarray) -> np.ndarray:
        """See Space."""
        return genomes.astype(np.int64)

    @property
    def cuts(self) -> tuple[int, ...]:
        """See Space."""
        return tuple(range(1, len(self.choices)))

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """See Space; all candidates are equally likely."""
        return rng.integers([decision.size for decision in self.choices], size=(n, len(self.choices)))

    def decode(self, genomes: np.ndarray) -> list[Choices]:
        """See Space."""
        check_genomes(genomes, self)
        names = [decision.options for decision in self.choices]
        return [Choices(tuple(map(tuple.__getitem__, names, genome))) for genome in genomes.tolist()]

    def encode(self, candidate: Choices) -> np.ndarray:
        """See Space."""
        if len(candidate.names) != len(self.choices):
            raise UserError(f"candidate {candidate}: expected {len(self.choices)} choices, got {len(candidate.names)}")
        for name, decision in zip(candidate.names, self.choices, strict=True):
            if name not in decision.options:
                raise UserError(f"{decision.name}: expected one of {', '.join(decision.options)}, got {name}")
        pairs = zip(candidate.names, self.choices, strict=True)
        return np.array([decision.options.index(name) for name, decision in pairs], dtype=np.int64)

    def parse(self, text: str) -> Choices:
        """See Space; the names of options, separated by blanks."""
        return Choices(tuple(text.split()))
