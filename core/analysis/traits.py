"""What a loss does, in a few numbers that a person can read: traits of its gradient, and a small model of them.

The gradient is that with respect to the logit, at predictions between 0 and 1 with both labels. `pull` is how hard a
positive is pushed up, `push` how hard a negative is pushed down; sizes are compared with the middle, where trainings
begin, so that no trait depends on the scale of a loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

#: Trait -> what it is, for a table.
TRAITS: Mapping[str, str] = MappingProxyType(
    {
        "asymmetry": "how far the pull at p is from the push at 1 - p: 0 alike, 1 where they have nothing in common",
        "imbalance": "the larger of pull and push in the middle, divided by the other, as a logarithm",
        "wrong": "the gradient where a prediction is very wrong, divided by that in the middle, as a logarithm",
        "right": "the gradient where a prediction is nearly right, divided by that in the middle, as a logarithm",
        "slope": "the gradient before the middle, divided by that after it, towards the label, as a logarithm",
        "curvature": "how far the gradient in the middle is from the mean of both sides, divided by it",
        "largest": "the largest gradient, divided by that in the middle, as a logarithm",
        "backwards": "the share of predictions where a gradient points away from the label",
    }
)
#: The least share of the gradient in the middle that counts, since logarithms are taken.
_LEAST = 1e-3
#: Predictions of the middle, of the two sides of it, and of those that are nearly right or very wrong.
_MIDDLE, _SIDE, _END = 1 / 6, 1 / 3, 1 / 8


def traits(predictions: np.ndarray, pull: np.ndarray, push: np.ndarray) -> np.ndarray:
    """Return the traits of losses: [n, traits], in the order of `TRAITS`.

    Args:
        predictions: [P], ascending, between 0 and 1.
        pull: [n, P], minus the gradient of a positive; above 0 where it is pushed up.
        push: [n, P], the gradient of a negative; above 0 where it is pushed down.
    """
    # Of both labels: how hard a prediction is pushed that has come so far towards its label.
    mirrored = np.stack([np.interp(predictions, (1 - predictions)[::-1], row[::-1]) for row in push])
    both = np.stack([pull, mirrored])  # [2, n, P]
    middle = np.abs(predictions - 0.5) < _MIDDLE
    sides = [middle & (predictions < 0.5), middle & (predictions > 0.5)]
    ends = [predictions < _END, predictions > 1 - _END]
    of_each = _size(both[..., middle])  # [2, n]
    unit = np.maximum(_size(of_each, 0), _LEAST * _size(both, (0, 2)))
    unit = np.where(unit > 0, unit, 1.0)

    def relative(where: np.ndarray) -> np.ndarray:
        logarithm: np.ndarray = np.log(np.maximum(_size(both[..., where], (0, 2)) / unit, _LEAST))
        return logarithm

    apart, together = _size(both[0] - both[1]), _size(both[0]) + _size(both[1])
    away = np.abs(predictions - 0.5)
    around = (away > _MIDDLE) & (away < _SIDE)
    means = both.mean(axis=0)
    bend = (means[:, around].mean(axis=1) - means[:, middle].mean(axis=1)) / unit
    largest, least = of_each.max(axis=0), of_each.min(axis=0)
    found = {
        "asymmetry": apart / np.where(together > 0, together, 1.0),
        "imbalance": np.log(np.maximum(largest, _LEAST * unit) / np.maximum(least, _LEAST * unit)),
        "wrong": relative(ends[0]),
        "right": relative(ends[1]),
        "slope": relative(sides[0]) - relative(sides[1]),
        "curvature": np.clip(bend, -1 / _LEAST, 1 / _LEAST),
        "largest": np.log(np.maximum(np.abs(both).max(axis=(0, 2)) / unit, _LEAST)),
        "backwards": (both < -_LEAST * unit[:, None]).mean(axis=(0, 2)),
    }
    return np.stack([found[name] for name in TRAITS], axis=1)


def _size(numbers: np.ndarray, axis: int | tuple[int, ...] = -1) -> np.ndarray:
    """The root mean square along axes."""
    size: np.ndarray = np.sqrt(np.mean(numbers**2, axis=axis))
    return size


@dataclass(frozen=True)
class Tree:
    """A regression tree: a mean, or a question about one trait with a tree for either answer."""

    n: int
    mean: float
    question: tuple[int, float] | None = None
    """Number of the trait, and the value up to which the first branch holds."""
    branches: tuple[Tree, Tree] | None = None

    def prediction(self, rows: np.ndarray) -> np.ndarray:
        """Return what is expected [n] of rows [n, traits]."""
        if self.question is None or self.branches is None:
            return np.full(len(rows), self.mean)
        first = rows[:, self.question[0]] <= self.question[1]
        expected = np.empty(len(rows))
        for where, branch in zip((first, ~first), self.branches, strict=True):
            expected[where] = branch.prediction(rows[where])
        return expected

    def lines(self, names: Sequence[str], indent: str = "") -> list[str]:
        """Return it as indented lines.

        Args:
            names: of the traits.
            indent: what every line begins with.
        """
        if self.question is None or self.branches is None:
            return [f"{indent}{self.mean:.4f} ({self.n:,} losses)"]
        (trait, bound), (first, second) = self.question, self.branches
        name = names[trait]
        below = [f"{indent}{name} <= {bound:.3g}:", *first.lines(names, indent + "  ")]
        return [*below, f"{indent}{name} > {bound:.3g}:", *second.lines(names, indent + "  ")]


def grown(rows: np.ndarray, values: np.ndarray, depth: int, least: int) -> Tree:
    """Return the tree that splits where the squared error falls most, greedily (Breiman et al., CART, 1984).

    Args:
        rows: [n, traits].
        values: [n], what is explained.
        depth: questions one after the other, at most.
        least: rows of a branch, at least.
    """
    leaf = Tree(len(values), float(values.mean()))
    if depth == 0 or len(values) < 2 * least:
        return leaf
    best, question = 0.0, None
    for trait in range(rows.shape[1]):
        order = np.argsort(rows[:, trait], kind="stable")
        of_trait, sums = rows[order, trait], np.cumsum(values[order] - leaf.mean)
        n = np.arange(1, len(values))
        gain = sums[:-1] ** 2 * (1 / n + 1 / (len(values) - n))
        gain[(of_trait[:-1] == of_trait[1:]) | (n < least) | (n > len(values) - least)] = 0.0
        place = int(np.argmax(gain))
        if gain[place] > best:
            best, question = float(gain[place]), (trait, float((of_trait[place] + of_trait[place + 1]) / 2))
    if question is None:
        return leaf
    first = rows[:, question[0]] <= question[1]
    branches = tuple(grown(rows[where], values[where], depth - 1, least) for where in (first, ~first))
    return Tree(leaf.n, leaf.mean, question, (branches[0], branches[1]))
