"""Bayesian optimisation over what candidates do, and not over how they are made.

A Gaussian process is fitted to the features of all candidates that were trained (`searchers.reward_model`). Of many
candidates that are drawn, random ones and variations of the best, those are proposed of which it expects the greatest
improvement. So it works like sequential model-based algorithm configuration (Hutter, Hoos and Leyton-Brown, LION 2011,
Algorithm 1 and section 4.3), but for what the model reads.

Departure: candidates of which nothing is worth training are only left out once they were proposed, since the search
tells for next to nothing which those are. Candidates that are trained together are chosen one after the other, see
`Surrogate.most_promising`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from core.common.errors import UserError
from core.common.restoring import count
from core.common.seeding import derive_seed, numpy_rng
from core.search.searcher import Searcher
from core.search.space import Space, read_genomes
from core.search.trial import Trial
from searchers.reward_model import RewardModel

#: Of a pool so many are kept to be proposed, until something was trained or they are used up.
_QUEUE = 64


@dataclass(frozen=True)
class SurrogateSettings:
    """Settings of the model and of what it chooses from.

    Raises:
        UserError: a number out of range.
    """

    n_startup: int = 20
    """Trained candidates before the model is used; until then, proposals are random."""
    drawn: int = 200
    """Random candidates among those that it chooses from."""
    varied: int = 10_000
    """Variations of the best candidates among them."""
    n_best: int = 50
    """How many of the best are varied."""
    memory: int = 600
    """The most trained candidates that the model is fitted to: the best half, and the newest of the others."""

    def __post_init__(self) -> None:
        """Check the settings."""
        for name, least in (("n_startup", 2), ("drawn", 1), ("varied", 0), ("n_best", 1), ("memory", 10)):
            if getattr(self, name) < least:
                raise UserError(f"surrogate {name}: expected at least {least}, got {getattr(self, name)}")


class SurrogateSearcher(Searcher):
    """Proposes the candidates that a model of features expects most of.

    Args:
        space: the search space.
        seed: of all random draws.
        settings: of the model.
    """

    def __init__(self, space: Space[Any], seed: int, settings: SurrogateSettings | None = None) -> None:
        self._space, self._seed, self._settings = space, seed, settings or SurrogateSettings()
        self._model = RewardModel(space, self._settings.memory)
        self._queue = np.empty((0, len(space.decisions)), dtype=np.int64)
        self._pools = 0

    def ask(self, n: int) -> np.ndarray:
        """See Searcher."""
        while len(self._queue) < n:
            self._queue = np.concatenate([self._queue, self._pool()])
        genomes, self._queue = self._queue[:n], self._queue[n:]
        self._model.add(genomes)
        return genomes

    def _pool(self) -> np.ndarray:
        """Return new candidates [at least 1, D], the most promising first."""
        settings, seed = self._settings, derive_seed(self._seed, "surrogate", self._pools)
        self._pools += 1
        rng = numpy_rng(seed)
        drawn = self._space.drawn(settings.drawn, rng)
        has_model = self._model.n_trained >= settings.n_startup
        varied = self._model.varied(settings.varied, settings.n_best, rng) if has_model else drawn[:0]
        pool = np.concatenate([varied, drawn])
        fresh, features = self._model.fresh(pool)
        if not len(fresh):  # a small space, in which nothing is left
            return pool
        if has_model:
            fresh = fresh[self._model.most_promising(features, _QUEUE)]
        chosen: np.ndarray = pool[fresh[:_QUEUE]]
        return chosen

    def tell(self, trials: Sequence[Trial[Any]]) -> Mapping[str, float]:
        """See Searcher.

        Returns:
            The metrics of the model.
        """
        if self._model.tell(trials) and self._model.n_trained >= self._settings.n_startup:
            self._queue = self._queue[:0]
        return self._model.metrics

    def state_dict(self) -> dict[str, Any]:
        """See Searcher."""
        return {
            "model": self._model.state_dict(),
            "queue": torch.from_numpy(self._queue.copy()),
            "seed": self._seed,
            "pools": self._pools,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See Searcher."""
        self._model.load_state_dict(state["model"])
        self._queue = read_genomes(state["queue"], self._space)
        self._seed, self._pools = count(state["seed"]), count(state["pools"])
