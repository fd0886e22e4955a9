"""What shapes do: their gradients on simulated scores, put together from those of their parts.

A space is searched by a model of what its candidates do, and asks for that of ten thousand shapes at a time. There are
some thousand different parts, so each of them is evaluated once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np

from core.programs.sets.encoded import encode
from core.programs.sets.expression import Expression
from core.programs.sets.interpreter import evaluate
from core.programs.sets.regions import OF_BALANCE, gradient_size, tuned_ranges
from core.programs.sets.shape import Pull, Push, Shape
from core.programs.sets.stages import NEGATIVES, POSITIVES, STAGES, simulated_scores

#: Groups of neighbouring positives, and of neighbouring negatives of each, whose gradients are one feature.
_OF_POSITIVES, _OF_NEGATIVES = 8, 8
#: Where in their regions constants are, from 0 to 1: what tuning finds is mostly above the middle (docs/results.md).
_CONSTANTS_AT = 0.7
#: Features of a shape.
N_FEATURES = len(STAGES) * _OF_POSITIVES * (1 + _OF_NEGATIVES)


class Part(NamedTuple):
    """A part of a loss on the P simulated positives with N negatives each."""

    value: np.ndarray
    """[P]."""
    of_positives: np.ndarray
    """[P] derivatives by their scores."""
    of_negatives: np.ndarray
    """[P, N] likewise."""

    def times(self, other: Part) -> Part:
        """Return the product with another part."""
        return Part(
            self.value * other.value,
            self.value * other.of_positives + other.value * self.of_positives,
            self.value[:, None] * other.of_negatives + other.value[:, None] * self.of_negatives,
        )


def profiles(shapes: Sequence[Shape]) -> np.ndarray:
    """Return what decides how shapes train: gradients by scores, whatever their scale, [n, N_FEATURES].

    Positives and the negatives of each are in the order of their scores, in every stage of a training; what is the mean
    of a group is divided by the root mean square of the gradients by positives. Logarithms are taken of what is then
    above 1/50.

    Args:
        shapes: any.
    """
    found = np.empty((len(shapes), N_FEATURES))
    with np.errstate(all="ignore"):
        for i, shape in enumerate(shapes):
            found[i] = _profile(shape)
    return found


def _profile(shape: Shape) -> np.ndarray:
    """Return the features of a shape."""
    gradients = [np.nan_to_num(one, posinf=0.0, neginf=0.0) for one in _gradients(shape)]
    largest = max(float(np.abs(one).max()) for one in gradients) or 1.0
    of_positives, of_negatives = (one / largest for one in gradients)  # so that no square is too large or too small
    scale = float(np.sqrt(np.square(of_positives).mean())) or 1.0
    groups = len(STAGES), _OF_POSITIVES, POSITIVES // _OF_POSITIVES
    pulls = of_positives.reshape(groups).mean(2)
    each = of_negatives.reshape(*groups, _OF_NEGATIVES, NEGATIVES // _OF_NEGATIVES).sum(4).mean(2)
    pushes = _logarithm(each * (_OF_NEGATIVES / scale)) / np.sqrt(_OF_NEGATIVES)
    return np.concatenate([_logarithm(pulls / scale).ravel(), pushes.ravel()])


def _logarithm(scaled: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.sign(scaled) * np.log1p(50 * np.abs(scaled))
    return found


def _gradients(shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """Return the derivatives of a shape by positives [P] and negatives [P, N], with the middle of balances."""
    terms = list[tuple[Part, bool]]()
    for push in shape.pushes:
        part = _push(push.source, push.first, push.shifted, push.second, push.reduction, push.outer)
        if push.join == "times" and terms:
            before, weighted = terms[-1]
            terms[-1] = before.times(part), weighted
        else:
            terms.append((part, push.weighted))
    pull = _pull(shape.pull)
    rest = [*([] if pull is None else [pull]), *(part for part, weighted in terms if not weighted)]
    of_positives = sum((one.of_positives for one in rest), np.zeros(len(STAGES) * POSITIVES))
    of_negatives = sum((one.of_negatives for one in rest), np.zeros((len(STAGES) * POSITIVES, NEGATIVES)))
    whole = _size(of_positives, of_negatives) if rest else 1.0
    for part, weighted in terms:
        if weighted:
            size = _size(part.of_positives, part.of_negatives)
            unit = whole / size if size else 1.0
            weight = OF_BALANCE.at(0.5) * (unit if 0 < unit < np.inf else 1.0)
            of_positives = of_positives + weight * part.of_positives
            of_negatives = of_negatives + weight * part.of_negatives
    return of_positives, of_negatives


def _size(of_positives: np.ndarray, of_negatives: np.ndarray) -> float:
    """Return the size of gradients in the stages in which a training spends its time."""
    return gradient_size(of_positives[POSITIVES:], of_negatives[POSITIVES:])


@cache
def _pull(pull: Pull) -> Part | None:
    return None if pull.expression is None else _part(pull.expression)


@lru_cache(maxsize=4096)
def _push(source: str, first: str, shifted: bool, second: str, reduction: str, outer: str) -> Part:
    return _part(Push(source, first, shifted, second, reduction, outer).expression(1))


def _part(expression: Expression) -> Part:
    numbers = {name: region.at(_CONSTANTS_AT) for name, region in tuned_ranges(expression).items()}
    return Part(*evaluate(encode(expression.bound(numbers)), *_scores(), None, 1.0))


@cache
def _scores() -> tuple[np.ndarray, np.ndarray]:
    """Positives of every stage in the order of their scores, and so the negatives of each."""
    positives, negatives = simulated_scores(0)
    stages = positives.reshape(len(STAGES), POSITIVES)
    order = (np.argsort(stages, axis=1) + POSITIVES * np.arange(len(STAGES))[:, None]).ravel()
    return positives[order], np.sort(negatives[order], axis=1)
