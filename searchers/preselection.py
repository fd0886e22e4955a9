"""Preselection: whoever proposes, a model of what candidates do chooses which of the proposals are measured.

The searcher within is asked for many times as many candidates as are wanted. Those of which the model
(`searchers.reward_model`) expects most are proposed, and the searcher within learns from their outcomes. In genetic
programming that is known as preselection by phenotypic characterisation (Hildebrandt and Branke, Evolutionary
Computation 23(3), 2015, section 3); here a Gaussian process stands in for their nearest neighbour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from core.common.restoring import read
from core.search.searcher import Searcher
from core.search.space import Space, read_genomes
from core.search.trial import Trial
from searchers.reward_model import RewardModel

#: Candidates for each one that is proposed, where nothing else is said.
PRESELECTION = 8
#: Trained candidates before the model is used, the most that it is fitted to, and candidates that wait at most.
_STARTUP, _MEMORY, _WAITING = 20, 600, 1_000


class PreselectingSearcher(Searcher):
    """Proposes the best of what another searcher would, as a model sees it.

    Args:
        inner: the other searcher.
        space: its space.
        times: how many candidates it is asked for, for each that is wanted.
    """

    def __init__(self, inner: Searcher, space: Space[Any], times: int) -> None:
        self._inner, self._space, self._times = inner, space, times
        self._model, self._has_news = RewardModel(space, _MEMORY), True
        self._waiting = np.empty((0, len(space.decisions)), dtype=np.int64)

    def ask(self, n: int) -> np.ndarray:
        """See Searcher."""
        genomes = self._inner.ask(n) if self._model.n_trained < _STARTUP else self._preselected(n)
        self._model.add(genomes)
        return genomes

    def _preselected(self, n: int) -> np.ndarray:
        """Return the most promising [n, D] of those that wait and of new ones."""
        pool = self._waiting
        if self._has_news or len(pool) < n * self._times:
            pool, self._has_news = np.concatenate([pool, self._inner.ask(n * self._times)]), False
        fresh, features = self._model.fresh(pool)
        chosen = fresh[self._model.most_promising(features, n)] if len(fresh) else fresh
        self._waiting = pool[np.setdiff1d(fresh, chosen)][-_WAITING:]
        return np.concatenate([pool[chosen], pool[len(pool) - n :]])[:n]  # where too few are new, others again

    def tell(self, trials: Sequence[Trial[Any]]) -> Mapping[str, float]:
        """See Searcher.

        Returns:
            The metrics of the searcher within, and of the model.
        """
        self._has_news |= self._model.tell(trials)
        return {**self._inner.tell(trials), **self._model.metrics}

    def state_dict(self) -> dict[str, Any]:
        """See Searcher."""
        return {
            "inner": self._inner.state_dict(),
            "model": self._model.state_dict(),
            "waiting": torch.from_numpy(self._waiting.copy()),
            "has_news": self._has_news,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See Searcher."""
        self._inner.load_state_dict(state["inner"])
        self._model.load_state_dict(state["model"])
        self._waiting, self._has_news = read_genomes(state["waiting"], self._space), read(bool, state["has_news"])
