"""Minimise a smooth function by L-BFGS (Liu and Nocedal, Mathematical Programming 45, 1989).

The first matrix is a diagonal that the caller knows, which is what weights of codes with few rows and with many need.
Sums are taken in compiled code on one core, since those of BLAS depend on the number of its threads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from core.common.jit import SUMS, compiled

#: Pairs of steps and changes of the gradient that are remembered; halvings of a step.
_MEMORY, _HALVINGS = 10, 30
#: A step has to lessen the function by this part of what its slope promises (Armijo).
_ENOUGH = 1e-4


@dataclass(frozen=True)
class Precision:
    """The end of a minimisation."""

    iterations: int = 300
    """The most iterations."""
    tolerance: float = 1e-8
    """It ends when the function falls by less than this part of it."""


class Minimum(NamedTuple):
    """A place, and the function there."""

    x: np.ndarray
    """The place [d]."""
    loss: float
    """The function there."""
    iterations: int
    """Steps that were taken."""


def minimise(
    function: Callable[[np.ndarray], tuple[float, np.ndarray]],
    x: np.ndarray,
    begun: tuple[float, np.ndarray],
    scale: np.ndarray,
    precision: Precision,
) -> Minimum:
    """Return where a convex function is smallest.

    Args:
        function: the value and the gradient [d] at a place [d].
        x: where to begin.
        begun: value and gradient there.
        scale: about the inverse of the second derivatives [d].
        precision: when to end.
    """
    loss, gradient = begun
    steps, changes = np.empty((2, _MEMORY, len(x)))
    products = np.empty(_MEMORY)
    n = taken = 0
    while taken < precision.iterations:
        move = _direction(gradient, steps, changes, products, n, scale)
        new, new_loss, new_gradient = _searched(function, x, loss, move, float(dot(gradient, move)))
        if new is x:  # rounding decides by now
            break
        step, change = new - x, new_gradient - gradient
        if (product := float(dot(step, change))) > 0:
            steps[n % _MEMORY], changes[n % _MEMORY], products[n % _MEMORY] = step, change, product
            n += 1
        fallen, x, loss, gradient = loss - new_loss, new, new_loss, new_gradient
        taken += 1
        if fallen <= precision.tolerance * loss:
            break
    return Minimum(x, loss, taken)


def _searched(
    function: Callable[[np.ndarray], tuple[float, np.ndarray]],
    x: np.ndarray,
    loss: float,
    move: np.ndarray,
    slope: float,
) -> tuple[np.ndarray, float, np.ndarray]:
    """Return the first place that is low enough on the way, halving the step; x itself where there is none."""
    size = 1.0
    for _ in range(_HALVINGS):
        new = x + size * move
        new_loss, gradient = function(new)
        if new_loss <= loss + _ENOUGH * size * slope:
            return new, new_loss, gradient
        size /= 2
    return x, loss, move


@compiled(fastmath=SUMS, inline=True)
def dot(a, b):
    """Return the sum of products.

    Args:
        a: numbers [d].
        b: numbers [d].
    """
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


@compiled(fastmath=SUMS)
def total(numbers):
    """Return the sum of numbers."""
    total = 0.0
    for i in range(len(numbers)):
        total += numbers[i]
    return total


@compiled(inline=True)
def _add(found, factor, numbers):
    """Add a multiple of numbers, in place: another array would cost more than the sum."""
    for i in range(len(found)):
        found[i] += factor * numbers[i]


@compiled(fastmath=SUMS, uses=(dot, _add))
def _direction(gradient, steps, changes, products, n, scale):
    """Return the direction of L-BFGS, by its two loops over the last pairs.

    Args:
        gradient: [d].
        steps: of x, a ring [memory, d].
        changes: of the gradient, likewise.
        products: of both, of each pair [memory].
        n: pairs so far.
        scale: the diagonal of the first matrix [d].
    """
    found, memory = -gradient, len(steps)
    factors, first = np.zeros(memory), max(0, n - memory)
    for k in range(n - 1, first - 1, -1):
        factors[k % memory] = dot(steps[k % memory], found) / products[k % memory]
        _add(found, -factors[k % memory], changes[k % memory])
    found *= scale
    if n:
        y = changes[(n - 1) % memory]
        found *= products[(n - 1) % memory] / dot(y, scale * y)
    for k in range(first, n):
        factor = factors[k % memory] - dot(changes[k % memory], found) / products[k % memory]
        _add(found, factor, steps[k % memory])
    return found
