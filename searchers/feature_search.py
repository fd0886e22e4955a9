"""Bayesian search with Optuna over what candidates do, and not over how they are made.

A candidate is a point on the few axes along which the features of random ones (`Space.features`) differ most: their
principal components. Optuna's sampler suggests points; what is proposed is the candidate nearest to each, out of random
ones and variations of the best, and the model learns where that lies. So a sampler of numbers searches programs, whose
choices mean something else after each other choice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.trial import create_trial

from core.common.restoring import count
from core.common.seeding import derive_seed, numpy_rng
from core.search.searcher import Searcher
from core.search.space import Space
from core.search.trial import Trial
from searchers.bayesian import BayesianSearcher
from searchers.reward_model import RewardModel
from searchers.samplers import SAMPLERS, BayesianSettings, quiet

#: The most axes, and random candidates that they are of.
_AXES, _AXES_OF = 4, 400
#: Random candidates, and variations of how many of the best, among which the nearest to a point is.
_DRAWN, _VARIED, _BEST = 64, 2_000, 15
#: Before there is a model, so many are drawn for each that is proposed, since many do the same.
_OF_EACH = 8
#: The most trials of a model, where the sampler has no bound of its own.
_MEMORY = 600


def make_bayesian(space: Space[Any], seed: int, settings: BayesianSettings | None = None) -> Searcher:
    """Return the searcher that the settings mean, see `BayesianSettings.parameters`.

    Args:
        space: the search space.
        seed: of all random draws.
        settings: of the sampler.
    """
    settings = settings or BayesianSettings()
    kind, knows = SAMPLERS[settings.sampler], type(space).features is not Space.features
    if settings.parameters == "features" or (settings.parameters == "auto" and knows and kind.memory):
        return FeatureSearcher(space, seed, settings)
    return BayesianSearcher(space, seed, settings)


class FeatureSearcher(Searcher):
    """Proposes the candidates nearest to the points that a sampler of Optuna suggests.

    Args:
        space: the search space.
        seed: of all random draws.
        settings: of the sampler, which has to depend on trials alone.
    """

    def __init__(self, space: Space[Any], seed: int, settings: BayesianSettings | None = None) -> None:
        self._space, self._seed, self._settings = space, seed, settings or BayesianSettings()
        self._kind = SAMPLERS[self._settings.sampler]
        self._model = RewardModel(space, self._settings.memory or self._kind.memory or _MEMORY)
        self._asked = 0
        features = space.features(space.drawn(_AXES_OF, numpy_rng("axes of candidates")))
        self._mean = features.mean(axis=0)
        spreads, axes = np.linalg.eigh(np.cov(features, rowvar=False).reshape(features.shape[1], -1))
        self._axes = axes[:, ::-1][:, : max(1, min(_AXES, int((spreads > 1e-9 * spreads[-1]).sum())))]
        projected = (features - self._mean) @ self._axes
        self._low, self._span = projected.min(axis=0), np.maximum(np.ptp(projected, axis=0), 1e-9)
        self._parameters: dict[str, BaseDistribution] = {
            f"axis_{i}": FloatDistribution(0.0, 1.0) for i in range(self._axes.shape[1])
        }

    def _points(self, features: np.ndarray) -> np.ndarray:
        """Return the points of features [n, F], numbers 0 to 1 along every axis [n, axes]."""
        points: np.ndarray = np.clip(((features - self._mean) @ self._axes - self._low) / self._span, 0.0, 1.0)
        return points

    def ask(self, n: int) -> np.ndarray:
        """See Searcher; what does the same as an earlier one is proposed where nothing else is left."""
        rng = numpy_rng(self._seed, "optuna pool", self._asked)
        self._asked += 1
        has_model = self._model.n_trained >= self._settings.n_startup
        pool = self._space.drawn(max(n, _DRAWN) if has_model else _OF_EACH * n, rng)
        if has_model:
            pool = np.concatenate([self._model.varied(_VARIED, _BEST, rng), pool])
        fresh, features = self._model.fresh(pool)
        chosen = fresh[self._nearest(self._points(features), n)] if has_model else fresh[:n]
        genomes = np.concatenate([pool[chosen], pool[len(pool) - n :]])[:n]
        self._model.add(genomes)
        return genomes

    def _nearest(self, points: np.ndarray, n: int) -> list[int]:
        """Return the number of the point [m, axes] that is nearest to each of n suggestions, none of them twice."""
        chosen, is_left = list[int](), np.ones(len(points), dtype=bool)
        with quiet():
            study = optuna.create_study(direction="maximize")
            genomes, rewards = self._model.known()
            for point, reward in zip(self._points(self._space.features(genomes)).tolist(), rewards, strict=True):
                params = dict(zip(self._parameters, point, strict=True))
                study.add_trial(create_trial(params=params, distributions=self._parameters, value=float(reward)))
            for i in range(min(n, len(points))):
                seed = derive_seed(self._seed, "optuna point", self._asked, i) % 2**32
                study.sampler = self._kind.make(seed, 1)
                suggested = np.array(list(study.ask(self._parameters).params.values()))
                distances = np.where(is_left, ((points - suggested) ** 2).sum(axis=1), np.inf)
                chosen.append(int(distances.argmin()))
                is_left[chosen[-1]] = False
        return chosen

    def tell(self, trials: Sequence[Trial[Any]]) -> Mapping[str, float]:
        """See Searcher.

        Returns:
            The metrics of the model.
        """
        self._model.tell(trials)
        return self._model.metrics

    def state_dict(self) -> dict[str, Any]:
        """See Searcher."""
        return {"model": self._model.state_dict(), "seed": self._seed, "asked": self._asked}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See Searcher."""
        self._model.load_state_dict(state["model"])
        self._seed, self._asked = count(state["seed"]), count(state["asked"])
