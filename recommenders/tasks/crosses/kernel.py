"""Logistic regression on codes, in compiled code: every code of a column has a weight, so nothing is ever one-hot.

The score of a row is a bias and the weights of its codes. A column of numbers that is cut in several ways, coarsely and
finely, has one code a row, that of the finest cut; what the cuts weigh there is added up in a table beforehand.

A new cross is looked at by field-wise logistic regression (AutoCross: Luo et al., KDD 2019, section 4.2): the scores of
the model so far stay as they are, and only the weights of the cross are learned. Combinations that one of its weights
belongs to are called a bucket; nothing else is shared between buckets, so each has a Newton step of its own.
"""

from __future__ import annotations

import math

import numpy as np

from core.common.jit import SUMS, compiled
from core.common.splitmix import drawn

#: Combinations of two members are numbered in a table of so many places; where more are possible, by hashing.
SLOTS = 2**22


@compiled(fastmath=SUMS)
def look_up(codes, table, scores):
    """Add to each score what a table has for its code.

    Args:
        codes: of rows [n].
        table: a number for each code.
        scores: [n].
    """
    for i in range(len(scores)):
        scores[i] += table[codes[i]]


@compiled()
def add_up(codes, numbers, found):
    """Add up numbers by codes.

    Args:
        codes: of rows, at least n.
        numbers: of rows [n].
        found: the sum for each code, to which is added.
    """
    for i in range(len(numbers)):
        found[codes[i]] += numbers[i]


@compiled()
def add_digit(codes, bucket_of, size, keys):
    """Append a digit to the keys of rows.

    Args:
        codes: of rows [n].
        bucket_of: the digit of each code.
        size: above all digits.
        keys: [n], changed.
    """
    for i in range(len(keys)):
        keys[i] = keys[i] * size + bucket_of[codes[i]]


@compiled(inline=True)
def _chance(score):
    """Return the sigmoid of a score."""
    e = math.exp(-abs(score))
    return (1.0 if score >= 0 else e) / (1.0 + e)


@compiled(inline=True)
def _loss(score, label):
    """Return the log-loss of a row."""
    return max(score, 0.0) - label * score + math.log1p(math.exp(-abs(score)))


@compiled(uses=(_chance,))
def errors(scores, label, residual):
    """Fill what rows are wrong by, sigmoid(score) - label; return the sum of their log-losses.

    Args:
        scores: of rows [n].
        label: 0 or 1 [n].
        residual: the result [n].
    """
    loss = 0.0
    for i in range(len(scores)):
        e = math.exp(-abs(scores[i]))
        residual[i] = (1.0 if scores[i] >= 0 else e) / (1.0 + e) - label[i]
        loss += max(scores[i], 0.0) - label[i] * scores[i] + math.log1p(e)
    return loss


@compiled()
def curvatures(residual, label, found):
    """Fill the second derivatives of log-losses by scores, p (1 - p).

    Args:
        residual: see `errors` [n].
        label: [n].
        found: the result [n].
    """
    for i in range(len(residual)):
        p = residual[i] + label[i]
        found[i] = p * (1.0 - p)


@compiled(inline=True)
def _slot(a, b, size_b, is_dense, slots):
    """Return the place of a combination among the slots."""
    slot = np.int64(a) * size_b + np.int64(b)
    return slot if is_dense else np.int64(drawn(np.uint64(slot), 0) & np.uint64(slots - 1))


@compiled(uses=(drawn,))
def number_pairs(left, left_of, right, right_of, size, n_fit, place, bucket, used):
    """Count the combinations of two members that training rows have, and number them in the order of their first.

    Args:
        left: codes of rows [n].
        left_of: the bucket of each code in its member, `size - 1` of that where it has none.
        right: of the other member [n].
        right_of: likewise.
        size: buckets of either member, two numbers.
        n_fit: the number of training rows, which come first.
        place: -1 for each slot, at least SLOTS where there are more combinations; left as it was.
        bucket: the number of each row's combination, -1 where no training row has it [n].
        used: scratch [n_fit].

    Returns:
        How many there are.
    """
    n_used, is_dense = 0, size[0] * size[1] <= SLOTS
    for i in range(len(bucket)):
        slot = _slot(left_of[left[i]], right_of[right[i]], size[1], is_dense, SLOTS)
        if place[slot] < 0 and i < n_fit:
            place[slot], used[n_used] = n_used, slot
            n_used += 1
        bucket[i] = place[slot]
    for k in range(n_used):
        place[used[k]] = -1
    return n_used


@compiled()
def bucket_sums(bucket, residual, curvature, sums, weight):
    """Add up the slopes and curvatures of training rows by bucket.

    Args:
        bucket: of rows, at least n.
        residual: see `errors` [n].
        curvature: see `curvatures` [n].
        sums: the result for each bucket: how much a larger weight would lessen the loss.
        weight: the result for each bucket: curvatures.
    """
    sums[:], weight[:] = 0, 0
    for i in range(len(residual)):
        sums[bucket[i]] -= residual[i]
        weight[bucket[i]] += curvature[i]


@compiled(uses=(_chance,))
def bucket_sums_at(bucket, scores, label, weights, sums, weight):
    """Add up slopes and curvatures where buckets have weights already.

    Args:
        bucket: of rows, at least n.
        scores: of the model so far [n].
        label: [n].
        weights: of buckets.
        sums: see `bucket_sums`.
        weight: likewise.
    """
    sums[:], weight[:] = 0, 0
    for i in range(len(scores)):
        p = _chance(scores[i] + weights[bucket[i]])
        sums[bucket[i]] += label[i] - p
        weight[bucket[i]] += p * (1.0 - p)


@compiled()
def newton(sums, weight, decay, weights):
    """Take a Newton step in the weight of each bucket.

    Args:
        sums: see `bucket_sums`.
        weight: likewise.
        decay: the factor of half of the squared weight in the loss.
        weights: of buckets, changed.
    """
    for k in range(len(weights)):
        weights[k] += (sums[k] - decay * weights[k]) / (weight[k] + decay)


@compiled()
def expected_gain(sums, weight, decay):
    """Return by how much a Newton step from 0 lessens the log-loss of as many new rows, estimated without bias.

    A bucket with slope g and curvature h gets the weight w = g / (h + decay). On rows of the same number that were not
    learned from, the loss falls by w m - h w^2 / 2, where m is what g is on average; since g^2 is m^2 + h on average,
    g^2 - h takes the place of g m (Stein's estimate). So a cross of many combinations that have few rows each is known
    for what it is without looking at other rows.

    Args:
        sums: see `bucket_sums`.
        weight: likewise.
        decay: see `newton`.
    """
    gain = 0.0
    for k in range(len(sums)):
        square, h = sums[k] * sums[k], weight[k]
        gain += (square - h) / (h + decay) - 0.5 * h * square / ((h + decay) * (h + decay))
    return gain


@compiled(uses=(_loss,))
def loss_saved(bucket, scores, label, weights):
    """Return by how much the weights of a cross lessen the log-loss of rows.

    Args:
        bucket: of rows, -1 for none [n].
        scores: of the model so far [n].
        label: [n].
        weights: of buckets.
    """
    saved = 0.0
    for i in range(len(bucket)):
        if bucket[i] >= 0:
            saved += _loss(scores[i], label[i]) - _loss(scores[i] + weights[bucket[i]], label[i])
    return saved


@compiled()
def shifted(bucket, scores, weights, found):
    """Fill scores to which the weights of a cross are added.

    Args:
        bucket: of rows, -1 for none [n].
        scores: [n].
        weights: of buckets.
        found: the result [n].
    """
    for i in range(len(bucket)):
        found[i] = scores[i] + (weights[bucket[i]] if bucket[i] >= 0 else 0.0)
