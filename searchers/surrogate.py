"""Bayesian optimisation over what candidates do, and not over how they are made.

A Gaussian process is fitted to the features of all candidates that were trained (`Space.features`; of losses, their
gradients). Of many candidates that are drawn, random ones and variations of the best, those are proposed of which it
expects the greatest improvement. So it works like sequential model-based algorithm configuration (Hutter, Hoos and
Leyton-Brown, LION 2011, Algorithm 1 and section 4.3), but for what the model reads.

Departures: rewards enter by their ranks, brought to a normal distribution, so that no training that broke down hides
the differences between good ones; and candidates of which nothing is worth training are only left out once they were
proposed, since the search tells for next to nothing which those are. Candidates that are trained together are chosen
one after the other, see `Surrogate.most_promising`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.common.errors import UserError
from core.common.restoring import count, read
from core.common.seeding import derive_seed, numpy_rng
from core.search.searcher import Searcher
from core.search.space import Space, check_genomes
from core.search.surrogate import Surrogate, normal_scores
from core.search.trial import Trial

#: Of a pool so many are kept to be proposed, until something was trained or they are used up.
_QUEUE = 64
#: Shares of variations of which a first, second and third decision is drawn anew.
_CHANGED = (1.0, 0.5, 0.25)
#: Features that differ by less are equal.
_DIGITS = 6


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
        n_decisions = len(space.decisions)
        self._genomes, self._rewards = np.empty((0, n_decisions), dtype=np.int64), list[float]()
        self._queue = np.empty((0, n_decisions), dtype=np.int64)
        self._seen: set[int] = set()  # hashes of the features of all that was proposed or told
        self._pools = 0

    def ask(self, n: int) -> np.ndarray:
        """See Searcher."""
        while len(self._queue) < n:
            self._queue = np.concatenate([self._queue, self._pool()])
        genomes, self._queue = self._queue[:n], self._queue[n:]
        self._seen.update(_hashes(self._space.features(genomes)))
        return genomes

    def _pool(self) -> np.ndarray:
        """Return new candidates [at least 1, D], the most promising first."""
        settings, seed = self._settings, derive_seed(self._seed, "surrogate", self._pools)
        self._pools += 1
        rng = numpy_rng(seed)
        drawn = self._space.drawn(settings.drawn, rng)
        has_model = len(self._rewards) >= settings.n_startup
        pool = np.concatenate([self._varied(rng), drawn]) if has_model else drawn
        features = self._space.features(pool)
        first = {number: i for i, number in reversed(list(enumerate(_hashes(features)))) if number not in self._seen}
        fresh = sorted(first.values())
        if not fresh:  # a small space, in which nothing is left
            return pool
        if has_model:
            chosen = self._model().most_promising(_points(features[fresh]), min(_QUEUE, len(fresh)))
            fresh = [fresh[i] for i in chosen]
        return pool[fresh[:_QUEUE]]

    def _varied(self, rng: np.random.Generator) -> np.ndarray:
        """Return viable variations of the best candidates [n, D]: one decision of each is drawn anew, or a few."""
        best = self._genomes[np.argsort(-_filled(self._rewards), kind="stable")[: self._settings.n_best]]
        varied = best[rng.integers(len(best), size=self._settings.varied)]
        for share in _CHANGED:
            chosen = rng.random(len(varied)) < share
            varied[chosen] = self._space.varied(varied[chosen], rng)
        kept: np.ndarray = varied[self._space.viable(varied)]
        return kept

    def _model(self) -> Surrogate:
        """Return the process fitted to what was trained."""
        rewards, n = _filled(self._rewards), self._settings.memory
        kept = np.arange(len(rewards))
        if len(rewards) > n:
            ranked = np.argsort(-rewards, kind="stable")
            kept = np.sort(np.concatenate([ranked[: n // 2], np.sort(ranked[n // 2 :])[-(n - n // 2) :]]))
        points = _points(self._space.features(self._genomes[kept]))
        return Surrogate(points, normal_scores(rewards[kept]), alike=True)

    def tell(self, trials: Sequence[Trial[Any]]) -> Mapping[str, float]:
        """See Searcher.

        Returns:
            model_trials, the number of trained candidates that the model may learn from, and their best reward.
        """
        told = [trial for trial in trials if trial.trained]
        if trials:
            genomes = np.stack([trial.candidate.genome for trial in trials])
            self._seen.update(_hashes(self._space.features(genomes)))
        if told:
            self._genomes = np.concatenate([self._genomes, [trial.candidate.genome for trial in told]])
            self._rewards += [float("nan") if trial.reward is None else trial.reward for trial in told]
            if len(self._rewards) >= self._settings.n_startup:
                self._queue = self._queue[:0]
        best = max((reward for reward in self._rewards if reward == reward), default=0.0)
        return {"model_trials": float(len(self._rewards)), "model_best": best}

    def state_dict(self) -> dict[str, Any]:
        """See Searcher."""
        return {
            "genomes": torch.from_numpy(self._genomes.copy()),
            "rewards": torch.tensor(self._rewards, dtype=torch.float64),
            "queue": torch.from_numpy(self._queue.copy()),
            "seen": torch.tensor(sorted(self._seen), dtype=torch.int64),
            "seed": self._seed,
            "pools": self._pools,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See Searcher."""
        self._genomes, self._queue = (read(Tensor, state[name]).numpy().copy() for name in ("genomes", "queue"))
        self._rewards = read(list[float], read(Tensor, state["rewards"]).tolist())
        for genomes in (self._genomes, self._queue):
            check_genomes(genomes, self._space)
        if len(self._rewards) != len(self._genomes):
            raise ValueError(f"expected a reward for each genome, got {len(self._rewards)} and {len(self._genomes)}")
        self._seen = set(read(list[int], read(Tensor, state["seen"]).tolist()))
        self._seed, self._pools = count(state["seed"]), count(state["pools"])


def _filled(rewards: Sequence[float]) -> np.ndarray:
    """Return rewards [n] with the worst one in place of those that are missing."""
    found = np.array(rewards)
    worst = np.nanmin(found, initial=0.0)
    return np.where(np.isnan(found), worst, found)


def _points(features: np.ndarray) -> np.ndarray:
    """Return features [n, F] so scaled that distances are of a size of about 1, however many features there are."""
    points: np.ndarray = features / np.sqrt(features.shape[1])
    return points


def _hashes(features: np.ndarray) -> list[int]:
    """Return a number for each row of features [n, F], equal for equal ones."""
    rows = features.round(_DIGITS) + 0.0  # no -0.0
    return [int.from_bytes(blake2b(row.tobytes(), digest_size=8).digest(), "big", signed=True) for row in rows]
