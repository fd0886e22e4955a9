"""Beam search, of problems whose candidates grow by a part at a time (AutoCross: Luo et al., KDD 2019, Algorithm 1).

A step looks at everything that may be added to what is kept, by a measure that costs a fraction of a training, and
keeps the best. With a width of one that is the published greedy search. What was found is proposed first, then the
others that were kept on the way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from core.common.errors import UserError
from core.common.restoring import read
from core.search.expansion import Expansion, Grown
from core.search.searcher import Searcher
from core.search.space import Space, check_genomes
from core.search.trial import Trial


@dataclass(frozen=True)
class BeamSettings:
    """Settings of `beam`."""

    width: int = 1
    """Candidates that are kept in each step; 1 is the published greedy search."""

    def __post_init__(self) -> None:
        """Check the number."""
        if not 1 <= self.width <= 100:
            raise UserError(f"searcher beam: width: expected 1 to 100, got {self.width}")


class BeamSearcher(Searcher):
    """See Searcher. Candidates are grown when it is first asked; outcomes teach it nothing.

    Args:
        space: of what is grown.
        seed: of nothing; the problem has its own.
        settings: how wide.
        expansion: grows.
    """

    def __init__(self, space: Space[Any], seed: int, settings: BeamSettings, expansion: Expansion) -> None:
        self._space, self._settings, self._expansion = space, settings, expansion
        self._found: Grown | None = None
        self._proposed = 0

    @property
    def _grown(self) -> Grown:
        if self._found is None:
            self._found = self._expansion.grown(self._settings.width)
        return self._found

    def ask(self, n: int) -> np.ndarray:
        """See Searcher: the best one, then what was kept on the way; then again from the first."""
        genomes = self._grown.genomes
        places = (self._proposed + np.arange(n)) % len(genomes)
        self._proposed += n
        return self._space.repaired(genomes[places])

    @property
    def n_left(self) -> int:
        """See Searcher."""
        return max(0, len(self._grown.genomes) - self._proposed)

    def tell(self, trials: Sequence[Trial[Any]]) -> Mapping[str, float]:
        """See Searcher."""
        return {"beam_passes": self._grown.passes}

    def state_dict(self) -> dict[str, Any]:
        """See Searcher."""
        found = None if self._found is None else torch.from_numpy(self._found.genomes.copy())
        passes = 0.0 if self._found is None else self._found.passes
        return {"genomes": found, "passes": passes, "proposed": self._proposed}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See Searcher."""
        stored: torch.Tensor | None = read(torch.Tensor | None, state["genomes"])
        genomes = None if stored is None else stored.numpy().copy()
        if genomes is not None:
            check_genomes(genomes, self._space)
        self._found = None if genomes is None else Grown(genomes, read(float, state["passes"]))
        self._proposed = read(int, state["proposed"])
