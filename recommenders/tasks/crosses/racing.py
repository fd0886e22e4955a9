"""Successive mini-batch gradient descent (SMBGD, AutoCross, section 4.3 and Algorithm 2): candidates race.

The training rows are divided into N >= 2^ceil(log2 n) - 1 blocks for n candidates. In round k the field-wise models of
those left are trained on 2^k more blocks, from where they were, and the upper half by AUC on the part that crosses are
chosen by goes on.

Where the paper is silent: gradients of a mini-batch are summed and taken by a fixed learning rate, without decay; the
weights of a candidate are hashed into 2^16 buckets; blocks are divided as evenly as whole rows allow.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from core.common.jit import compiled
from core.common.splitmix import drawn
from core.crosses.tree import Child
from recommenders.backends.compiled.cores import Cores
from recommenders.tasks.crosses.design import Member
from recommenders.tasks.crosses.judging import auc
from recommenders.tasks.crosses.plan import CrossPlan
from recommenders.tasks.crosses.scoring import Judged, Rows

#: Weights of a candidate.
_WEIGHTS = 2**16
#: The codes of both members and the buckets of these, and how many buckets the second one has.
_Pair: TypeAlias = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]


class Racing:
    """Lets candidates race.

    Args:
        rows: see Rows.
        plan: learning rate and batch.
        rng: the order of the training rows.
        cores: the threads.
    """

    def __init__(self, rows: Rows, plan: CrossPlan, rng: np.random.Generator, cores: Cores) -> None:
        self._rows, self._plan, self._cores = rows, plan, cores
        self._order = rng.permutation(rows.n_fit)

    def gains(self, members: Sequence[Member], candidates: Sequence[Child], scores: np.ndarray) -> list[Judged]:
        """Return how good candidates are, in order; those that were left behind are behind those that went on.

        Args:
            members: of the set that they are added to.
            candidates: see Child.
            scores: of the set's model [n].
        """
        n, label = self._rows.n_fit, self._rows.label
        before, found = auc(scores[n:], label[n:]), np.empty(len(candidates))
        weights = [np.zeros(_WEIGHTS, np.float32) for _ in candidates]
        left, seen = np.arange(len(candidates)), 0
        for k, bound in enumerate(block_bounds(len(candidates), n)):
            rows, seen = self._order[seen:bound], bound
            pairs = [_pair(members, candidates[i]) for i in left.tolist()]
            found[left] = self._trained(pairs, rows, scores, [weights[i] for i in left.tolist()])
            found[left] += 2.0 * k - before  # whoever goes on is better than who does not
            if len(left) == 1:
                break
            order = np.argsort(-found[left], kind="stable")
            left = left[order[: len(left) // 2]]
        found -= 2.0 * k if len(candidates) else 0.0
        return [Judged(float(gain), 1.0) for gain in found]

    def _trained(
        self, pairs: Sequence[_Pair], rows: np.ndarray, scores: np.ndarray, weights: Sequence[np.ndarray]
    ) -> list[float]:
        """Train models on more rows; return their AUCs."""
        n, label = self._rows.n_fit, self._rows.label

        def one(i: int) -> float:
            train(*pairs[i], rows, scores, label, weights[i], self._plan.learning_rate, self._plan.batch_size)
            moved = np.empty(len(scores) - n)
            predict(*pairs[i], n, scores, weights[i], moved)
            return auc(moved, label[n:])

        return self._cores.map(one, len(pairs))


def block_bounds(n: int, n_rows: int) -> list[int]:
    """Return how many rows have been seen at the end of each round of n candidates (Algorithm 2).

    Args:
        n: candidates.
        n_rows: training rows.
    """
    rounds = max(1, math.ceil(math.log2(n))) if n else 0
    blocks = 2**rounds - 1
    return [n_rows * (2 ** (k + 1) - 1) // blocks for k in range(rounds)]


def _pair(members: Sequence[Member], child: Child) -> _Pair:
    left, right = members[child.left], members[child.right]
    return left.rows.codes, left.bucket_of, right.rows.codes, right.bucket_of, right.size + 1


@compiled(uses=(drawn,), inline=True)
def _weight_of(a, b, size):
    """Return the number of a combination's weight."""
    return np.int64(drawn(np.uint64(np.int64(a) * size + np.int64(b)), 0) & np.uint64(_WEIGHTS - 1))


@compiled(uses=(drawn,))
def train(left, left_of, right, right_of, size, rows, scores, label, weights, rate, batch):
    """Train the field-wise model of a cross by mini-batch gradient descent.

    Args:
        left: codes of all rows.
        left_of: the bucket of each code.
        right: of the other member.
        right_of: likewise.
        size: buckets of the other member.
        rows: those that are trained on, in this order.
        scores: of the model so far, for all rows.
        label: likewise.
        weights: of the cross, changed.
        rate: the learning rate.
        batch: rows of a step.
    """
    places, moves = np.empty(batch, np.int64), np.empty(batch, np.float64)
    for start in range(0, len(rows), batch):
        n = min(batch, len(rows) - start)
        for k in range(n):
            i = rows[start + k]
            places[k] = _weight_of(left_of[left[i]], right_of[right[i]], size)
            moves[k] = rate * (label[i] - 1.0 / (1.0 + math.exp(-(scores[i] + weights[places[k]]))))
        for k in range(n):
            weights[places[k]] += moves[k]


@compiled(uses=(drawn,))
def predict(left, left_of, right, right_of, size, first, scores, weights, found):
    """Fill the scores of rows with the weights of a cross added.

    Args:
        left: see `train`.
        left_of: see there.
        right: see there.
        right_of: see there.
        size: see there.
        first: the first row that is asked for.
        scores: of the model so far, for all rows.
        weights: of the cross.
        found: the result, for the rows from the first one on.
    """
    for k in range(len(found)):
        i = first + k
        found[k] = scores[i] + weights[_weight_of(left_of[left[i]], right_of[right[i]], size)]
