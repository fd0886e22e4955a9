"""Optimisers with their constants for an epoch, and the sums that momentum takes from, see `tables`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from recommenders.backends.ranking.optimisers import Adam, Optimiser, SparseAdam

#: The part of its largest element that a row may be off by, by the bytes of a number. The first is as much as torch is
#: off by in float32, which rounds a row that moves by itself at every step.
_UNSEEN = {4: 5e-7, 8: 1e-13}
#: Terms below this part of the first one are left out, by the bytes of a number.
_NEGLIGIBLE = {4: 1e-9, 8: 1e-20}


class Momentum(NamedTuple):
    """Sums that momentum takes from, for the steps t of an epoch and the one before."""

    total: np.ndarray
    """[steps + 1] F(t), of which S is made."""
    weighted: np.ndarray
    """[steps + 1] the same of which W is made."""
    squared: np.ndarray
    """[steps + 1] the same of which V is made."""
    epsilon: np.ndarray
    """[steps + 1] the weighted mean eps' after a gradient in step t."""
    spread: np.ndarray
    """[steps + 1] how far the first of them is from it."""
    powers: np.ndarray
    """[n] r^k as long as it matters, which may be shorter than the epoch."""
    weighted_powers: np.ndarray
    """[n] (b1 / b2)^k."""
    squared_powers: np.ndarray
    """[n] (r / b2)^k."""
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
    unseen: np.floating
    """The part of its largest element that a row may be off by."""
    negligible: float
    """Terms below this part of the first one are left out."""
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
    momentum = _momentum(optimiser, start, steps, _NEGLIGIBLE[dtype.itemsize]) if is_exact(optimiser) else _NO_MOMENTUM
    root = length = np.ones(steps + 1)
    if isinstance(optimiser, Adam):
        t = np.maximum(np.arange(start, start + steps + 1), 1)
        root, length = np.sqrt(1 - optimiser.beta2**t), np.sqrt(1 - optimiser.beta2**t) / (1 - optimiser.beta1**t)
    small = kind(_UNSEEN[dtype.itemsize]), _NEGLIGIBLE[dtype.itemsize]
    return Rule(optimiser.code, kind(rate), beta1, beta2, epsilon, *small, root, length, start, momentum)


_NO_MOMENTUM = Momentum(*(np.zeros(1) for _ in range(10)))


def _momentum(adam: Optimiser, start: int, steps: int, negligible: float) -> Momentum:
    assert isinstance(adam, Adam)
    b1, b2 = adam.beta1, adam.beta2
    r = b1 / b2**0.5
    ratios = r, b1 / b2, r / b2
    n = next(n for n in range(1, 100_000) if max(ratios) ** n < negligible)
    t = np.arange(start, start + steps + n + 2, dtype=np.float64)
    t[0] = max(t[0], 1)  # no gradient comes before the first step
    gone = 1 - b2**t
    sums = [_tails(c / (1 - b1**t), q)[: steps + 1] for c, q in zip((gone**0.5, gone, gone**1.5), ratios, strict=True)]
    total, weighted, squared = (adam.epsilon**power * one for power, one in enumerate(sums))
    mean = np.divide(weighted, total, out=np.full(steps + 1, adam.epsilon), where=total != 0)  # 0 without momentum
    first = adam.epsilon * np.sqrt(gone[1 : steps + 2] / b2)
    k = np.arange(max(n, steps + 1), dtype=np.float64)
    decays = [np.where(b**k > negligible, b**k, 0)[: steps + 1] for b in (b1, b2)]
    return Momentum(total, weighted, squared, mean, np.abs(first - mean), *(q ** k[:n] for q in ratios), *decays)


def _tails(corrections: np.ndarray, ratio: float) -> np.ndarray:
    """Return the sums over i >= 1 of ratio^i corrections[a + i] for all a, as far as the numbers go."""
    tails = np.zeros_like(corrections)
    for a in range(len(tails) - 2, -1, -1):
        tails[a] = ratio * (corrections[a + 1] + tails[a + 1])
    return tails
