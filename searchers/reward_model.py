"""What searchers choose by that have a model: a Gaussian process over what candidates do, fitted to what was trained.

Candidates are described by `Space.features`; of losses, those are their gradients. Rewards enter by their ranks,
brought to a normal distribution, so that no training that broke down hides the differences between good ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.common.restoring import read
from core.search.space import Space, read_genomes
from core.search.surrogate import Surrogate, normal_scores
from core.search.trial import Trial

#: Features that differ by less are equal.
_DIGITS = 6
#: Shares of variations of which a first, second and third decision is drawn anew.
_CHANGED = (1.0, 0.5, 0.25)


class RewardModel:
    """Remembers what was proposed and what became of it, and tells what to expect of others.

    Args:
        space: the search space.
        memory: the most trained candidates that the process is fitted to: the best half, and the newest of the others.
    """

    def __init__(self, space: Space[Any], memory: int) -> None:
        self._space, self._memory = space, memory
        self._genomes, self._rewards = np.empty((0, len(space.decisions)), dtype=np.int64), list[float]()
        self._seen: set[int] = set()  # hashes of the features of all that was proposed or told
        self._fitted: Surrogate | None = None

    @property
    def n_trained(self) -> int:
        """The number of trained candidates that it knows."""
        return len(self._rewards)

    def best(self, n: int) -> np.ndarray:
        """Return the genomes [at most n, D] of the greatest rewards, the greatest first."""
        found: np.ndarray = self._genomes[np.argsort(-_filled(self._rewards), kind="stable")[:n]]
        return found

    def varied(self, n: int, n_best: int, rng: np.random.Generator) -> np.ndarray:
        """Return viable variations of the best candidates [at most n, D]: one decision is drawn anew, or a few.

        Args:
            n: how many are made.
            n_best: of how many of the best.
            rng: draws them.
        """
        best = self.best(n_best)
        varied = best[rng.integers(len(best), size=n)]
        for share in _CHANGED:
            chosen = rng.random(n) < share
            varied[chosen] = self._space.varied(varied[chosen], rng)
        kept: np.ndarray = varied[self._space.viable(varied)]
        return kept

    def add(self, genomes: np.ndarray) -> None:
        """Remember that genomes [n, D] were proposed."""
        self._seen.update(_hashes(self._space.features(genomes)))

    def fresh(self, genomes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return which of genomes [n, D] do something that was not proposed before, in order, one for each such thing.

        Args:
            genomes: [n, D], in normal form.

        Returns:
            Their numbers [m], and their features [m, F].
        """
        features = self._space.features(genomes)
        first = {number: i for i, number in reversed(list(enumerate(_hashes(features)))) if number not in self._seen}
        kept = np.array(sorted(first.values()), dtype=np.int64)
        return kept, features[kept]

    def most_promising(self, features: np.ndarray, n: int) -> np.ndarray:
        """Return the numbers [at most n] of candidates to train together, see `Surrogate.most_promising`.

        Args:
            features: of those to choose from [m, F].
            n: how many.
        """
        if self._fitted is None:
            self._fitted = self._fit()
        return self._fitted.most_promising(_points(features), min(n, len(features)))

    def known(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the genomes [m, D] and the rewards [m] that are remembered; what broke down has the worst."""
        rewards, n = _filled(self._rewards), self._memory
        kept = np.arange(len(rewards))
        if len(rewards) > n:
            ranked = np.argsort(-rewards, kind="stable")
            kept = np.sort(np.concatenate([ranked[: n // 2], np.sort(ranked[n // 2 :])[-(n - n // 2) :]]))
        return self._genomes[kept], rewards[kept]

    def _fit(self) -> Surrogate:
        """Return the process fitted to what was trained."""
        genomes, rewards = self.known()
        return Surrogate(_points(self._space.features(genomes)), normal_scores(rewards), alike=True)

    def tell(self, trials: Sequence[Trial[Any]]) -> bool:
        """Learn from outcomes; return whether anything was trained, so that others may be expected than before."""
        if trials:
            self.add(np.stack([trial.candidate.genome for trial in trials]))
        told = [trial for trial in trials if trial.trained]
        if told:
            self._genomes = np.concatenate([self._genomes, [trial.candidate.genome for trial in told]])
            self._rewards += [float("nan") if trial.reward is None else trial.reward for trial in told]
            self._fitted = None
        return bool(told)

    @property
    def metrics(self) -> dict[str, float]:
        """For callbacks: the number of trained candidates that it may learn from, and their best reward."""
        best = max((reward for reward in self._rewards if reward == reward), default=0.0)
        return {"model_trials": float(len(self._rewards)), "model_best": best}

    def state_dict(self) -> dict[str, Any]:
        """Return what was told, see Searcher."""
        return {
            "genomes": torch.from_numpy(self._genomes.copy()),
            "rewards": torch.tensor(self._rewards, dtype=torch.float64),
            "seen": torch.tensor(sorted(self._seen), dtype=torch.int64),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned, see Searcher.

        Raises:
            ValueError: it does not fit, as other exceptions may say too.
        """
        self._genomes = read_genomes(state["genomes"], self._space)
        self._rewards = read(list[float], read(Tensor, state["rewards"]).tolist())
        if len(self._rewards) != len(self._genomes):
            raise ValueError(f"expected a reward for each genome, got {len(self._rewards)} and {len(self._genomes)}")
        self._seen = set(read(list[int], read(Tensor, state["seen"]).tolist()))
        self._fitted = None


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
