"""Choose points of a unit cube one after the other by a Gaussian process: Bayesian optimisation of a few numbers.

The process has a Matern kernel (nu = 5/2) with a length scale for each axis, chosen by its marginal likelihood under a
prior (Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, sections 2.3, 4.2 and 5.4). The next point
has the greatest expected improvement over the best one (Jones, Schonlau and Welch, 1998, Eq. 15). Made for at most some
dozens of points: the n x n matrix is factored anew for each, which takes a few milliseconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.linalg import cho_solve, solve_triangular
from scipy.special import ndtr, ndtri

from core.common.blas import blas_on_one_core
from core.common.seeding import numpy_rng

#: Length scales that an axis may have, and the share of noise in the variance; scales are log-normal around the middle.
_SCALES = np.geomspace(0.15, 4.8, 6)
_NOISES = (1e-4, 1e-2)
_PRIOR_MEAN, _PRIOR_SPREAD = math.log(0.8), 0.8
_SWEEPS = 2
#: Added to the noise, so that a matrix of equal points can be factored; and the smallest variance, which rounding could
#: take below 0.
_JITTER, _LEAST_VARIANCE = 1e-9, 1e-12
#: Points that are looked at for each choice: anywhere, and near the best one.
_ANYWHERE, _NEAR, _STEPS = 1_024, 512, (0.2, 0.07, 0.02)
#: Of so many of them it is asked whether they are allowed, the best first.
_ASKED = 300
#: Of so many, the most promising by themselves, those are chosen that are tried together.
_TOGETHER = 500


class Surrogate:
    """A Gaussian process through the values of a function, higher is better, at some points of the unit cube.

    Args:
        points: [n, d], each coordinate from 0 to 1.
        values: [n]; NaN, where there is none, counts as the worst of the others.
        alike: whether all axes have one length scale, as is due where there are many.

    Attributes:
        scales: the length scale of each axis [d]; the longer, the less the axis counts.
    """

    def __init__(self, points: np.ndarray, values: np.ndarray, alike: bool = False) -> None:
        self._points, self._y = points, _standardised(values)
        self.scales, self._noise = np.full(points.shape[1], 0.6), _NOISES[0]
        self._axes = [list(range(points.shape[1]))] if alike else [[axis] for axis in range(points.shape[1])]
        self._distances = _distances(points, points) if alike else None  # at a length scale of 1, which all axes share
        with blas_on_one_core():
            self._fit()

    def _fit(self) -> None:
        """Choose the noise and, axis by axis, the length scales of the greatest posterior likelihood."""
        for _ in range(_SWEEPS):
            self._noise = max(_NOISES, key=lambda noise: self._likelihood(self.scales, noise))
            for axes in self._axes:
                others = [self._with_scale(axes, scale) for scale in _SCALES]
                self.scales = max(others, key=lambda scales: self._likelihood(scales, self._noise))
        self._factor = self._cholesky(self.scales, self._noise)
        self._weights = cho_solve((self._factor, True), self._y)

    def _with_scale(self, axes: list[int], scale: float) -> np.ndarray:
        changed = self.scales.copy()
        changed[axes] = scale
        return changed

    def _cholesky(self, scales: np.ndarray, noise: float) -> np.ndarray:
        if self._distances is None:
            covariance = _matern(self._points, self._points, scales)
        else:
            covariance = _covariance(self._distances / scales[0])
        factor: np.ndarray = np.linalg.cholesky(covariance + (noise + _JITTER) * np.eye(len(covariance)))
        return factor

    def _likelihood(self, scales: np.ndarray, noise: float) -> float:
        factor = self._cholesky(scales, noise)
        whitened = solve_triangular(factor, self._y, lower=True)
        prior = ((np.log([scales[axes[0]] for axes in self._axes]) - _PRIOR_MEAN) / _PRIOR_SPREAD) ** 2
        return float(-0.5 * whitened @ whitened - np.log(np.diag(factor)).sum() - 0.5 * prior.sum())

    def prediction(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation at points [m, d], in units of the spread of the values: [m] and [m]."""
        mean, variance, _ = self._posterior(points)
        return mean, np.sqrt(variance)

    def _posterior(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return mean [m] and variance [m] at points [m, d], and the whitened covariance with those known [n, m]."""
        across = _matern(points, self._points, self.scales)
        with blas_on_one_core():
            explained = solve_triangular(self._factor, across.T, lower=True)
        return across @ self._weights, np.maximum(1 - (explained * explained).sum(axis=0), _LEAST_VARIANCE), explained

    def expected_improvement(self, points: np.ndarray) -> np.ndarray:
        """Return by how much points [m, d] are expected to beat the best one, in units of the values' spread: [m]."""
        return self._improvement(*self.prediction(points))

    def _improvement(self, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
        gain = mean - self.best_value
        z = gain / deviation
        density = np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
        improvement: np.ndarray = gain * ndtr(z) + deviation * density
        return improvement

    def most_promising(self, points: np.ndarray, n: int) -> np.ndarray:
        """Return the numbers of n of the points [m, d] to try together, the most promising first.

        Each has the greatest expected improvement if those before it come to what is expected of them: so the process
        is surer of points near them (Desautels, Krause and Burdick, JMLR 2014, section 4.1).

        Args:
            points: to choose from [m, d].
            n: how many; all of them where there are fewer.
        """
        mean, variance, explained = self._posterior(points)
        kept = np.argsort(-self._improvement(mean, np.sqrt(variance)), kind="stable")[: max(n, _TOGETHER)]
        points, mean, variance, explained = points[kept], mean[kept], variance[kept], explained[:, kept]
        found, is_free = list[int](), np.ones(len(points), dtype=bool)
        for _ in range(min(n, len(points))):
            gains = np.where(is_free, self._improvement(mean, np.sqrt(variance)), -np.inf)
            i = int(gains.argmax())
            found.append(i)
            is_free[i] = False
            shared = _matern(points[i : i + 1], points, self.scales)[0] - explained[:, i] @ explained
            row = shared / np.sqrt(variance[i] + self._noise + _JITTER)
            explained, variance = np.vstack([explained, row]), np.maximum(variance - row * row, _LEAST_VARIANCE)
        return kept[found]

    @property
    def best_value(self) -> float:
        """The best value, with mean and spread of all of them taken out."""
        return float(self._y.max())

    def best(self) -> np.ndarray:
        """Return the best point so far [d]."""
        point: np.ndarray = self._points[int(self._y.argmax())]
        return point


def next_point(
    points: np.ndarray, values: np.ndarray, seed: int, allowed: Callable[[np.ndarray], bool] = lambda point: True
) -> np.ndarray:
    """Return the point to try next [d]: that of the greatest expected improvement among many that are drawn.

    Args:
        points: those tried [n, d], at least one.
        values: what they gave [n], higher is better; NaN for nothing.
        seed: of the draws, together with the number of points.
        allowed: whether a point may be tried; the best one that may be is taken, of the first 300, else the best.
    """
    surrogate, dimensions = Surrogate(points, values), points.shape[1]
    rng = numpy_rng(seed, "next point", len(points))
    steps = rng.choice(_STEPS, (_NEAR, 1)) * rng.standard_normal((_NEAR, dimensions))
    near = np.clip(surrogate.best() + steps, 0, 1)
    drawn = np.concatenate([rng.random((_ANYWHERE, dimensions)), near])
    order = np.argsort(-surrogate.expected_improvement(drawn), kind="stable")[:_ASKED]
    found: np.ndarray = next((drawn[i] for i in order if allowed(drawn[i])), drawn[order[0]])
    return found


def spread_points(dimensions: int, n: int, seed: int) -> list[np.ndarray]:
    """Return points to begin with, each [dimensions]: the middle of the unit cube, then a Latin hypercube.

    Args:
        dimensions: of the cube, at least 1.
        n: how many points, at least 1.
        seed: of the draws.
    """
    rng = numpy_rng(seed, "spread points")
    axes = [(rng.permutation(n - 1) + rng.random(n - 1)) / max(1, n - 1) for _ in range(dimensions)]
    return [np.full(dimensions, 0.5), *np.stack(axes, axis=1)]


def normal_scores(values: np.ndarray) -> np.ndarray:
    """Return normally distributed numbers in the order of values [n], of equal ones in the order given."""
    ranks = values.argsort(kind="stable").argsort(kind="stable")
    scores: np.ndarray = ndtri((ranks + 0.5) / len(ranks))
    return scores


def _matern(one: np.ndarray, other: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Return the covariance of the values at points [n, d] and [m, d]: [n, m]."""
    return _covariance(_distances(one / scales, other / scales))


def _distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the distances of points [n, d] and [m, d]: [n, m]."""
    from scipy.spatial.distance import cdist  # takes a tenth of the time in which a command starts

    found: np.ndarray = cdist(one, other)
    return found


def _covariance(distances: np.ndarray) -> np.ndarray:
    """Return the covariance of values at points so far apart, in length scales."""
    distance = math.sqrt(5) * distances
    covariance: np.ndarray = (1 + distance + distance * distance / 3) * np.exp(-distance)
    return covariance


def _standardised(values: np.ndarray) -> np.ndarray:
    """Return values with mean 0 and spread 1; what is missing, or far below the rest, counts as a bound.

    A training that broke down says where not to look, and should not flatten all differences between the others.
    """
    there = np.isfinite(values)
    if not there.any():
        return np.zeros(len(values))
    middle, best = np.median(values[there]), values[there].max()
    floor = max(values[there].min(), middle - 4 * (best - middle)) if best > middle else values[there].min()
    filled = np.maximum(np.where(there, values, floor), floor)
    spread = filled.std()
    standardised: np.ndarray = (filled - filled.mean()) / (spread if spread > 0 else 1.0)
    return standardised
