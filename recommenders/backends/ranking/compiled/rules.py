"""Optimisers with their constants for an epoch, and the sums that momentum takes from, see `tables`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from recommenders.backends.ranking.optimisers import Adam, Optimiser, SparseAdam

#: The relative error of a momentum's sum from which on it is added up term by term, by the bytes of a number.
_TOLERANCE = {4: 1e-5, 8: 1e-10}
#: Terms below this part of the first one are left out.
NEGLIGIBLE = 1e-20


class Momentum(NamedTuple):
    """Sums that momentum takes from, for the steps t of an epoch and the one before."""

    total: np.ndarray
    """[steps + 1] F(t), of which S is made."""
    weighted: np.ndarray
    """[steps + 1] the same of which W is made."""
    epsilon: np.ndarray
    """[steps + 1] the weighted mean eps' after a gradient in step t."""
    spread: np.ndarray
    """[steps + 1] how far the first of them is from it."""
    powers: np.ndarray
    """[n] r^k as long as it matters, which may be shorter than the epoch."""
    weighted_powers: np.ndarray
    """[n] (b1 / b2)^k."""
    of_mean: np.ndarray
    """[steps + 1] b1^k."""
    of_squares: np.ndarray
    """[steps + 1] b2^k."""


class Rule(NamedTuple):
    """An optimiser with its constants, in the type of the table."""

    code: int
    rate: np.floating
    beta1: np.floating
    beta2: np.floating
    epsilon: np.floating
    tolerance: np.floating
    root: np.ndarray
    """[steps + 1] sqrt(1 - b2^t), for t from the step before the epoch to its last one."""
    length: np.ndarray
    """[steps + 1] the same by 1 - b1^t."""
    start: int
    """The number of steps before the epoch."""
    momentum: Momentum


def is_exact(optimiser: Optimiser) -> bool:
    """Tell whether rows without a gradient move."""
    return isinstance(optimiser, Adam) and not isinstance(optimiser, SparseAdam)


def new_rule(optimiser: Optimiser, rate: float, start: int, steps: int, dtype: np.dtype) -> Rule:
    """Return an optimiser's constants for an epoch.

    Args:
        optimiser: its settings.
        rate: the learning rate of the epoch.
        start: the number of steps before it.
        steps: the number of its steps.
        dtype: of the table.
    """
    kind = dtype.type
    beta1, beta2, epsilon = (kind(getattr(optimiser, name, 0.0)) for name in ("beta1", "beta2", "epsilon"))
    momentum = _momentum(optimiser, start, steps) if is_exact(optimiser) else _NO_MOMENTUM
    root = length = np.ones(steps + 1)
    if isinstance(optimiser, Adam):
        t = np.maximum(np.arange(start, start + steps + 1), 1)
        root, length = np.sqrt(1 - optimiser.beta2**t), np.sqrt(1 - optimiser.beta2**t) / (1 - optimiser.beta1**t)
    tolerance = kind(_TOLERANCE[dtype.itemsize])
    return Rule(optimiser.code, kind(rate), beta1, beta2, epsilon, tolerance, root, length, start, momentum)


_NO_MOMENTUM = Momentum(*(np.zeros(1) for _ in range(8)))


def _momentum(adam: Optimiser, start: int, steps: int) -> Momentum:
    assert isinstance(adam, Adam)
    b1, b2 = adam.beta1, adam.beta2
    r, r_of_epsilon = b1 / b2**0.5, b1 / b2
    n = next(n for n in range(1, 100_000) if max(r, r_of_epsilon) ** n < NEGLIGIBLE)
    t = np.arange(start, start + steps + n + 2, dtype=np.float64)
    t[0] = max(t[0], 1)  # no gradient comes before the first step
    with np.errstate(divide="ignore"):
        corrections = np.sqrt(1 - b2**t) / (1 - b1**t), (1 - b2**t) / (1 - b1**t)
    total, of_epsilon = (_tails(c, ratio) for c, ratio in zip(corrections, (r, r_of_epsilon), strict=True))
    kept = slice(0, steps + 1)
    nothing = total[kept] == 0  # without momentum
    weighted = adam.epsilon * of_epsilon[kept]
    mean = np.divide(weighted, total[kept], out=np.full(steps + 1, adam.epsilon), where=~nothing)
    first = adam.epsilon * np.sqrt((1 - b2 ** t[1 : steps + 2]) / b2)
    k = np.arange(max(n, steps + 1), dtype=np.float64)
    powers = (
        r ** k[:n],
        r_of_epsilon ** k[:n],
        *(np.where(b**k > NEGLIGIBLE, b**k, 0)[: steps + 1] for b in (b1, b2)),
    )
    return Momentum(total[kept].copy(), weighted, mean, np.abs(first - mean), *powers)


def _tails(corrections: np.ndarray, ratio: float) -> np.ndarray:
    """Return the sums over i >= 1 of ratio^i corrections[a + i] for all a, as far as the numbers go."""
    tails = np.zeros_like(corrections)
    for a in range(len(tails) - 2, -1, -1):
        tails[a] = ratio * (corrections[a + 1] + tails[a + 1])
    return tails
