"""One-shot search by proximal iterations: NASP (Yao et al., AAAI 2020, Algorithm 1), which SIF uses, too (Algorithm 2).

An architecture parameter for each option of each choice is moved down the slope of the validation loss, taken at the
discrete candidate of the largest parameters, and kept in [0, 1]; the weights, which all candidates share, are trained
as that candidate alone. So a step costs what one candidate costs, however many there are. Several parameters may end at
1; of equal ones the one that would go on rising fastest is taken, of which the paper says nothing. What else of an
architecture is numbers, as SIF's networks, moves down its slope likewise and is kept in the unit ball. What is found is
proposed first, then what the parameters say is next best.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from core.common.errors import UserError, format_value
from core.common.restoring import read
from core.common.seeding import numpy_rng
from core.search.searcher import Searcher
from core.search.space import Space
from core.search.supernet import Path, Supernet
from core.search.trial import Trial

#: Adam's decay rates and what is added to its root.
_FIRST, _SECOND, _TINY = 0.9, 0.999, 1e-8
#: How far apart equal parameters are taken to be, at most.
_LITTLE = 1e-6
#: Candidates of which the parameters' order is asked, at most.
_MOST = 100_000


@dataclass(frozen=True)
class NaspSettings:
    """Settings of `nasp`."""

    epochs: int = 50
    """Passes over the training rows in which weights and architecture are trained together; published: 100."""
    learning_rate: float = 0.003
    """Adam's, of the architecture parameters; published: .0003, for more steps than ratings of MovieLens-100K give."""
    order: int = 1
    """1: slopes with the weights as they are, as in published code; 2: with the weights after a step (Algorithm 1)."""
    part: str = "validation"
    """What the architecture is learned from: validation, or train, which is published as SIF(no-auto)."""

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not 1 <= self.epochs <= 100_000:
            raise UserError(f"searcher nasp: epochs: expected 1 to 100,000, got {self.epochs}")
        if not 0 < self.learning_rate <= 1:
            raise UserError(
                f"searcher nasp: learning_rate: expected a number above 0, at most 1, got {self.learning_rate}"
            )
        if self.order not in (1, 2):
            raise UserError(f"searcher nasp: order: expected 1 or 2, got {self.order}")
        if self.part not in ("validation", "train"):
            raise UserError(f"searcher nasp: part: expected validation or train, got {format_value(self.part)}")


class NaspSearcher(Searcher):
    """See Searcher. The supernet is trained when it is first asked; outcomes teach it nothing.

    Args:
        space: what candidates are proposed of.
        seed: of where the parameters begin.
        settings: how long and how fast.
        supernet: what is trained.
    """

    def __init__(self, space: Space[Any], seed: int, settings: NaspSettings, supernet: Supernet) -> None:
        self._space, self._settings, self._supernet, self._seed = space, settings, supernet, seed
        self._learned: tuple[list[np.ndarray], np.ndarray] | None = None
        self._proposed = 0

    @property
    def parameters(self) -> list[np.ndarray]:
        """The architecture parameters after training, for each choice [options]."""
        return self._trained()[0]

    def _trained(self) -> tuple[list[np.ndarray], np.ndarray]:
        """Return the parameters, and the numbers of the architecture [n]."""
        if self._learned is None:
            self._learned = self._train()
        return self._learned

    def _train(self) -> tuple[list[np.ndarray], np.ndarray]:
        rng, sizes, begun = numpy_rng(self._seed, "nasp"), self._supernet.sizes, self._supernet.numbers
        chosen = np.clip(0.5 + 1e-3 * rng.normal(size=sum(sizes)), 0.0, 1.0)
        ends, n = np.cumsum(sizes)[:-1], sum(sizes)
        flat = np.concatenate([chosen, *begun])
        first, second = np.zeros_like(flat), np.zeros_like(flat)
        parameters = np.split(flat[:n], ends)
        for step in range(1, self._settings.epochs * self._supernet.steps + 1):
            path = Path(_chosen(parameters), flat[n:])
            slopes, of_numbers = self._supernet.slopes(path, self._settings.order, self._settings.part)
            slope = np.nan_to_num(np.concatenate([*slopes, of_numbers]), posinf=0.0, neginf=0.0)
            first += (1 - _FIRST) * (slope - first)
            second += (1 - _SECOND) * (slope * slope - second)
            size = np.sqrt(second / (1 - _SECOND**step)) + _TINY
            flat = flat - self._settings.learning_rate * first / (1 - _FIRST**step) / size
            flat[:n] = np.clip(flat[:n], 0.0, 1.0)
            flat[n:] = _in_unit_balls(flat[n:], begun)
            parameters = np.split(_told_apart(flat[:n], first[:n]), ends)
            self._supernet.train(Path(_chosen(parameters), flat[n:]))
        return parameters, flat[n:]

    def ask(self, n: int) -> np.ndarray:
        """See Searcher: the candidates of the largest sums of parameters, in order; then again from the first."""
        ranked, numbers = self._ranked(), self._trained()[1]
        places = (self._proposed + np.arange(n)) % len(ranked)
        self._proposed += n
        return self._space.repaired(np.stack([self._supernet.genome(Path(ranked[one], numbers)) for one in places]))

    @property
    def n_left(self) -> int:
        """See Searcher."""
        return max(0, len(self._ranked()) - self._proposed)

    def _ranked(self) -> np.ndarray:
        """Options [m, choices] by the sum of their parameters, the largest first; of equal ones earlier ones."""
        sizes = self._supernet.sizes
        if math.prod(sizes) > _MOST:
            return _chosen(self.parameters)[None]
        every = np.array(list(itertools.product(*map(range, sizes))), dtype=np.int64)
        sums = sum(one[every[:, i]] for i, one in enumerate(self.parameters))
        found: np.ndarray = every[np.argsort(-np.asarray(sums), kind="stable")]
        return found

    def tell(self, trials: Sequence[Trial[Any]]) -> Mapping[str, float]:
        """See Searcher."""
        largest = [float(one.max()) for one in self.parameters]
        return {"supernet_epochs": float(self._settings.epochs), "least_certain": min(largest)}

    def state_dict(self) -> dict[str, Any]:
        """See Searcher."""
        stored = None
        if self._learned is not None:
            parameters, numbers = self._learned
            stored = [torch.from_numpy(one.copy()) for one in (*parameters, numbers)]
        return {"learned": stored, "proposed": self._proposed}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See Searcher."""
        stored: list[torch.Tensor] | None = read(list[torch.Tensor] | None, state["learned"])
        expected = [*self._supernet.sizes, sum(map(len, self._supernet.numbers))]
        if stored is not None and [tuple(one.shape) for one in stored] != [(n,) for n in expected]:
            raise ValueError(f"expected parameters and numbers of {expected}")
        arrays = None if stored is None else [one.double().numpy().copy() for one in stored]
        self._learned = None if arrays is None else (arrays[:-1], arrays[-1])
        self._proposed = read(int, state["proposed"])


def _in_unit_balls(numbers: np.ndarray, groups: Sequence[np.ndarray]) -> np.ndarray:
    """Return numbers, each group of which is shortened to a norm of 1 where it is longer.

    Args:
        numbers: of all groups, one behind the other [n].
        groups: arrays of their lengths.
    """
    parts = np.split(numbers, np.cumsum([len(one) for one in groups])[:-1]) if groups else []
    return np.concatenate([numbers[:0], *(one / max(1.0, float(np.linalg.norm(one))) for one in parts)])


def _told_apart(parameters: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Return parameters of which equal ones differ a little, by where they are going."""
    found: np.ndarray = parameters - _LITTLE * slopes / (np.abs(slopes).max() or 1.0)
    return found


def _chosen(parameters: Sequence[np.ndarray]) -> np.ndarray:
    """Return the discrete architecture [choices]: the option of the largest parameter of each choice."""
    return np.array([one.argmax() for one in parameters], dtype=np.int64)
