"""Probes, on which losses are compared: programs are the same loss where their gradients on them agree."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from core.programs.encoded import CLAMP_RULES, OPERATIONS, SLOTS
from core.programs.hashing import hash_rounded
from core.programs.interpreter import run_all
from core.programs.screening import draw_viable, screen

if TYPE_CHECKING:
    from core.programs.space import OperatorSpace  # which describes losses by their gradients here

#: Predictions of the probes, each with both labels, and the smoothing terms.
_N_PREDICTIONS, LARGE_SMOOTHING = 24, 0.1
#: Numbers below are taken for 0.
_NOTHING = 1e-12


class Probes:
    """Predictions with both labels and two smoothing terms, on which losses of a space are evaluated and compared.

    Args:
        space: its xi is the smaller smoothing term.

    Attributes:
        predictions: [48], each of 24 twice.
        labels: [48], 0 or 1.
        smoothing: the two terms; whatever is computed for all probes has the 48 with the first one before the others.
    """

    def __init__(self, space: OperatorSpace) -> None:
        self._space, numbers = space, np.arange(_N_PREDICTIONS)
        # Uneven, so that no formula has the same value at two of them by accident.
        self.predictions = np.tile((numbers + 0.5 + 0.3 * np.sin(7.0 * numbers)) / _N_PREDICTIONS, 2)
        self.labels, self.smoothing = np.repeat([0.0, 1.0], _N_PREDICTIONS), (space.xi, LARGE_SMOOTHING)
        self._operations = np.array([OPERATIONS.index(name) for name in space.operators])
        self._slots = np.array([SLOTS.index(name) for name in space.inputs])

    def evaluated(self, programs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return values and gradients, and gradients alone, of programs.

        Args:
            programs: [n, lines, 3], as in Enumerated, all lines being there.

        Returns:
            [n, 2 B] and [n, B], where B counts all probes.
        """
        n, n_lines, _ = programs.shape
        slots = np.concatenate([self._slots, len(SLOTS) + np.arange(n_lines)])
        parts = (self._operations[programs[..., 0]], slots[programs[..., 1]], slots[programs[..., 2]])
        encoded = np.stack(parts, axis=2).astype(np.int32).reshape(-1, 3)
        ends, rules = (np.arange(n) + 1) * n_lines, np.full(n, CLAMP_RULES.index(self._space.clamp))
        values, gradients = np.empty((2, len(self.smoothing), n, len(self.labels)))
        for k, smoothing in enumerate(self.smoothing):
            constants = np.tile([smoothing, self._space.xi, 1 / self._space.xi, 1.0], (n, 1))
            run_all(encoded, ends, rules, constants, self.predictions, self.labels, values[k], gradients[k])
        return np.concatenate([*values, *gradients], axis=1), np.concatenate([*gradients], axis=1)

    def passes(self, programs: np.ndarray, min_positive_rate: float) -> np.ndarray:
        """Return which programs push predictions of both labels towards them: [n] bool.

        Args:
            programs: see `evaluated`.
            min_positive_rate: share of the probes, with the first smoothing term, on which they must not push away.
        """
        passed = np.empty(len(programs), dtype=bool)
        screen(programs, *self._screened(min_positive_rate), passed)
        return passed

    def drawn(self, seed: np.uint64, n: int, most: int, min_positive_rate: float) -> np.ndarray:
        """Return n random programs that pass, see `passes`: [n, lines, 3]. Where hardly any do, others are the last.

        Args:
            seed: of the draws.
            n: how many.
            most: so many are drawn at most.
            min_positive_rate: see `passes`.
        """
        programs = np.empty((n, self._space.n_lines, 3), dtype=np.int64)
        draw_viable(seed, most, *self._screened(min_positive_rate), programs)
        return programs

    def _screened(self, min_positive_rate: float) -> tuple[Any, ...]:
        """Return what the screen needs to know besides the programs."""
        bounds = [self._space.xi, 1 / self._space.xi, 1.0]
        constants = np.array([[smoothing, *bounds] for smoothing in self.smoothing])
        numbers = (np.array(self._space.arities), self._operations, self._slots)
        # Every second prediction with both labels, then the others, so that the first probes are as good as any.
        order = np.concatenate([np.arange(2 * _N_PREDICTIONS).reshape(2, -1)[:, i::2].T.ravel() for i in range(2)])
        pairs = self.predictions[order], self.labels[order]
        return *numbers, CLAMP_RULES.index(self._space.clamp), constants, *pairs, min_positive_rate

    def features(self, programs: np.ndarray) -> np.ndarray:
        """Return what decides how programs train: [n, B], gradients with respect to the logit, whatever their scale.

        With each smoothing term they are brought to about a root mean square of 1 at predictions in the middle, where
        trainings begin, since learning rates are chosen for those. Logarithms are taken of what is then above 1/50.

        Args:
            programs: see `evaluated`.
        """
        gradients = self.evaluated(programs)[1].reshape(len(programs), len(self.smoothing), -1)
        gradients = np.nan_to_num(gradients, posinf=0.0, neginf=0.0) * (self.predictions * (1 - self.predictions))
        longest = np.abs(gradients).max(axis=2, keepdims=True)
        gradients = gradients / np.where(longest > 0, longest, 1.0)  # so that no square is too large or too small
        size, middle = _root_mean_square(gradients), _root_mean_square(self._middle(gradients))
        scaled = gradients / np.where(longest > 0, middle + size / 10, 1.0)
        features: np.ndarray = (np.sign(scaled) * np.log1p(50 * np.abs(scaled))).reshape(len(programs), -1)
        return features

    def _middle(self, gradients: np.ndarray) -> np.ndarray:
        """Return those of the numbers [..., 48] that are of predictions of about 1/3 to 2/3."""
        middle: np.ndarray = gradients[..., np.abs(self.predictions - 0.5) < 1 / 6]
        return middle

    def inputs(self) -> np.ndarray:
        """Return values and gradients of every input [inputs, 2 B]."""
        values = {"y_hat": self.predictions, "y": self.labels, "1": np.ones_like(self.labels)}
        rows = []
        for name in self._space.inputs:
            value = [values.get(name, np.full_like(self.labels, smoothing)) for smoothing in self.smoothing]
            gradient = np.full(value[0].size * len(value), float(name == "y_hat"))
            rows.append(np.concatenate([*value, gradient]))
        return np.stack(rows)


def _root_mean_square(numbers: np.ndarray) -> np.ndarray:
    """Return the root mean square along the last axis [..., 1]."""
    root: np.ndarray = np.sqrt(np.mean(numbers**2, axis=-1, keepdims=True))
    return root


@dataclass
class Seen:
    """Vectors that were seen, by number. Close ones count as equal: those that round alike in one of two ways.

    What lies astride a bound of one way of rounding does not in the other.
    """

    numbers: dict[int, int] = field(default_factory=dict)
    n: int = 0

    def number(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the number of each vector [n, B], seen or new, and which are the first of their kind [n] bool."""
        found, is_first = np.empty(len(vectors), dtype=np.int64), np.zeros(len(vectors), dtype=bool)
        for i, (one, other) in enumerate(_hashes(vectors)):
            number = self.numbers.get(one, self.numbers.get(other))
            if number is None:
                number, self.n, is_first[i] = self.n, self.n + 1, True
            self.numbers[one] = self.numbers[other] = found[i] = number
        return found, is_first

    def find(self, vectors: np.ndarray) -> list[int | None]:
        """Return the number of each vector [n, B]; None for one that was not seen."""
        return [self.numbers.get(one, self.numbers.get(other)) for one, other in _hashes(vectors)]


def _hashes(vectors: np.ndarray) -> list[list[int]]:
    """Return two hashes of each vector [n, B] rounded in two ways; what is not finite is like what is equally so."""
    numbers = np.where(np.isnan(vectors), np.nan, vectors)  # NaNs of one kind
    hashes = np.empty((len(vectors), 2), dtype=np.uint64)
    hash_rounded(numbers.view(np.uint64), np.abs(numbers) < _NOTHING, hashes)
    found: list[list[int]] = hashes.tolist()
    return found
