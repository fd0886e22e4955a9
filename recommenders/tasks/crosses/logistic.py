"""Logistic regression over all members of a set, to convergence, with a decay for each member.

The loss is the sum of log-losses of the training rows and half of decay times the squares of the weights. It is
minimised by L-BFGS, see `.minimising`. Rows are taken in blocks and columns one by one, whatever the number of threads,
so that threads change no bit.

Decays may be found from the training rows alone: those under which the data are most likely if the weights of a member
are drawn from one normal distribution (MacKay, Neural Computation 4, 1992, equations 2.26 to 2.28, with the diagonal of
the second derivatives). A member of thousands of combinations that mean nothing then weighs next to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from recommenders.backends.compiled.cores import Cores
from recommenders.tasks.crosses.design import Design
from recommenders.tasks.crosses.kernel import add_up, curvatures, errors, look_up
from recommenders.tasks.crosses.minimising import Precision, dot, minimise, total

#: Rows that a thread takes at a time.
_BLOCK = 2**14
#: Decays stay between these.
LEAST_DECAY, LARGEST_DECAY = 0.3, 1e4


class Weights(NamedTuple):
    """A trained model."""

    weights: np.ndarray
    """Of all members of the design, float64."""
    bias: float
    """What every score has."""
    decays: np.ndarray
    """Of each member."""
    loss: float = np.inf
    """The sum of log-losses of the training rows, and what decays add."""
    iterations: int = 0
    """Iterations of its training."""

    def extended(self, size: int, decay: float) -> Weights:
        """Return the weights with those of one more member, which are 0.

        Args:
            size: the number of its buckets.
            decay: of the member.
        """
        return self._replace(
            weights=np.append(self.weights, np.zeros(size)), decays=np.append(self.decays, decay), loss=np.inf
        )


def fresh_weights(design: Design, decay: float) -> Weights:
    """Return weights of 0, with the bias of the training rows' mean.

    Args:
        design: the members.
        decay: of all members.
    """
    share = design.label[: design.n_fit].mean()
    bias = float(np.log(share / (1 - share)))
    return Weights(np.zeros(design.n_weights), bias, np.full(len(design.members), float(decay)))


class Logistic:
    """Computes scores, losses and their derivatives on several threads.

    Args:
        design: the members and rows.
        cores: the threads.
    """

    def __init__(self, design: Design, cores: Cores) -> None:
        self.design, self._cores = design, cores
        self._starts = range(0, design.n_fit, _BLOCK)
        self._scores, self._residual = np.empty(design.n_fit), np.empty(design.n_fit)

    def scores(self, weights: Weights) -> np.ndarray:
        """Return the scores of all rows [n], of those behind the training rows, too."""
        found = np.empty(len(self.design.label))
        self._score(weights.weights, weights.bias, found)
        return found

    def _score(self, weights: np.ndarray, bias: float, found: np.ndarray) -> None:
        design, tables = self.design, [self.design.table(group, weights) for group in range(len(self.design.groups))]

        def block(k: int) -> None:
            part = slice(k * _BLOCK, min((k + 1) * _BLOCK, len(found)))
            found[part] = bias
            for group, table in enumerate(tables):
                look_up(design.rows(group).codes[part], table, found[part])

        self._cores.map(block, -(-len(found) // _BLOCK))

    def _by_bucket(self, numbers: np.ndarray) -> np.ndarray:
        """Return the sum of numbers of training rows for each bucket, and that of all rows behind them."""
        design, found = self.design, np.empty(self.design.n_weights + 1)

        def one(group: int) -> None:
            rows = design.rows(group)
            by_code = np.zeros(rows.n_codes)
            add_up(rows.codes, numbers, by_code)
            design.gather(group, by_code, found)

        self._cores.map(one, len(design.groups))
        found[-1] = total(numbers)
        return found

    def loss(self, x: np.ndarray, decays: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the loss and its gradient.

        Args:
            x: the weights, and the bias behind them [d].
            decays: for each of these numbers [d].
        """
        label = self.design.label
        self._score(x[:-1], x[-1], self._scores)

        def block(k: int) -> float:
            part = slice(k * _BLOCK, min((k + 1) * _BLOCK, len(self._scores)))
            return float(errors(self._scores[part], label[part], self._residual[part]))

        losses = self._cores.map(block, len(self._starts))
        gradient = self._by_bucket(self._residual)
        gradient += decays * x
        return sum(losses) + 0.5 * float(dot(decays * x, x)), gradient

    def curvature(self) -> np.ndarray:
        """Return the second derivatives [d] of the log-losses by weights and bias, where the loss was computed last."""
        found = np.empty(self.design.n_fit)
        curvatures(self._residual, self.design.label[: self.design.n_fit], found)
        return self._by_bucket(found)


def fit(logistic: Logistic, start: Weights, precision: Precision) -> Weights:
    """Return the weights of the smallest loss under the decays that the start has.

    Args:
        logistic: the rows.
        start: where to begin.
        precision: when to end.
    """
    design = logistic.design
    decays = np.append(np.repeat(start.decays, [one.size for one in design.members]), 0.0)
    x = np.append(start.weights, start.bias)
    begun = logistic.loss(x, decays)
    scale = 1.0 / (logistic.curvature() + decays + 1e-3) / len(design.groups)  # which all move at once
    found = minimise(lambda at: logistic.loss(at, decays), x, begun, scale, precision)
    return Weights(found.x[:-1], float(found.x[-1]), start.decays, found.loss, found.iterations)


def adapt(logistic: Logistic, start: Weights, rounds: int, precision: Precision) -> Weights:
    """Train, and find the decay of each member, in turns.

    Args:
        logistic: the rows.
        start: where to begin, and the decays to begin with.
        rounds: of both; the decays of the last training were found by the one before.
        precision: of each training.
    """
    found, sizes = start, [one.size for one in logistic.design.members]
    iterations = 0
    for k in range(rounds):
        found = fit(logistic, found, precision)
        iterations += found.iterations
        if k < rounds - 1:
            logistic.loss(np.append(found.weights, found.bias), np.zeros(len(found.weights) + 1))
            found = found._replace(decays=_evident(found, logistic.curvature()[:-1], sizes))
    return found._replace(iterations=iterations)


def _evident(found: Weights, curvature: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """Return gamma / sum w^2 for each member, gamma being how many of its weights the rows determine."""
    decays, start = np.empty(len(sizes)), 0
    for k, size in enumerate(sizes):
        own, weights = curvature[start : start + size], found.weights[start : start + size]
        gamma = float(np.sum(own / (own + found.decays[k])))
        decays[k] = gamma / max(float(np.sum(weights * weights)), 1e-9)
        start += size
    return np.clip(decays, LEAST_DECAY, LARGEST_DECAY)
