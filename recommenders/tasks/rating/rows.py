"""What every model of ratings does with the rows of its tables, in compiled code: reading, predicting, Adagrad's steps.

A step takes the mean gradient over a batch, and for each row that the batch names what decay says, as often as it is
named.
"""

from __future__ import annotations

import math

import numpy as np

from core.common.jit import SUMS, compiled

#: Added to Adagrad's root.
_TINY = 1e-10


@compiled()
def gather(table, rows, found):
    """Fill found [n * d] with rows of a table [rows, d], one behind the other.

    Args:
        table: vectors.
        rows: their numbers [n].
        found: the result [at least n * d].
    """
    d = table.shape[1]
    for i in range(len(rows)):
        row = np.uint64(rows[i])
        for k in range(d):
            found[i * d + k] = table[row, k]


@compiled(fastmath=SUMS)
def predict_from(model, f, user, item, found):
    """Fill the predictions w . f + b + c of n pairs.

    Args:
        model: see `.training.RatingModel`.
        f: how the vectors of each pair meet [parts, at least n * width], weights being [parts, width].
        user: [n].
        item: [n].
        found: the result [n].
    """
    user_bias, item_bias, weights = model[2], model[3], model[4]
    width = weights.shape[1]
    for i in range(len(user)):
        total = user_bias[np.uint64(user[i])] + item_bias[np.uint64(item[i])]
        for part in range(len(weights)):
            for k in range(width):
                total += weights[part, k] * f[part, i * width + k]
        found[i] = total


@compiled(fastmath=SUMS)
def errors_of(predicted, wanted):
    """Replace predictions [n] by the derivatives of half the mean squared error by them; return the sum of squares.

    Args:
        predicted: changed in place.
        wanted: [n].
    """
    squared, n = 0.0, len(predicted)
    for i in range(n):
        error = predicted[i] - wanted[i]
        squared += error * error
        predicted[i] = error / n
    return squared


@compiled(fastmath=SUMS)
def _add_up(rows, error, slopes, gradients, of_bias, counts, named):
    """Add the gradients of n pairs up by row, count rows, and name each once; return how many are named."""
    d, n = gradients.shape[1], 0
    for i in range(len(rows)):
        row = np.uint64(rows[i])
        if counts[row] == 0:
            named[n] = rows[i]
            n += 1
        counts[row] += 1
        of_bias[row] += error[i]
        for k in range(d):
            gradients[row, k] += slopes[i * d + k]
    return n


@compiled(fastmath=SUMS)
def step_of_side(vectors, biases, pairs, scratch, rate, decay, has_biases):
    """Take Adagrad's step in the vectors and biases of the users, or the items, of a batch.

    Args:
        vectors: of all, their gradients, which are 0 before and after, and sums of squares [rows, d] each.
        biases: likewise [rows].
        pairs: of the batch, the rows [n], the derivatives of the loss by predictions [n], and by vectors [n * d].
        scratch: how often each row is named, 0 before and after [rows], and room for the numbers of rows [n].
        rate: the learning rate.
        decay: the factor of a parameter in its own gradient, for each time that it is named.
        has_biases: whether biases are trained.
    """
    rows, of_rows, squares = vectors
    bias, of_bias, bias_squares = biases
    counts, named = scratch
    d = rows.shape[1]
    for i in range(_add_up(pairs[0], pairs[1], pairs[2], of_rows, of_bias, counts, named)):
        row = np.uint64(named[i])
        shrinking = decay * counts[row]
        counts[row] = 0
        for k in range(d):
            gradient = of_rows[row, k] + shrinking * rows[row, k]
            of_rows[row, k] = 0
            squares[row, k] += gradient * gradient
            rows[row, k] -= rate * gradient / (math.sqrt(squares[row, k]) + _TINY)
        if has_biases:
            gradient = of_bias[row] + shrinking * bias[row]
            bias_squares[row] += gradient * gradient
            bias[row] -= rate * gradient / (math.sqrt(bias_squares[row]) + _TINY)
        of_bias[row] = 0


@compiled(fastmath=SUMS)
def step(numbers, gradients, squares, rate):
    """Take Adagrad's step in all numbers, and clear their gradients.

    Args:
        numbers: changed in place [n].
        gradients: [n].
        squares: their sums of squares [n].
        rate: the learning rate.
    """
    for k in range(len(numbers)):
        squares[k] += gradients[k] * gradients[k]
        numbers[k] -= rate * gradients[k] / (math.sqrt(squares[k]) + _TINY)
        gradients[k] = 0


@compiled(fastmath=SUMS)
def step_of_weights(weights, gradients, squares, error, f, rate):
    """Take a step in the weights [parts, width], and bring their norm back to 1 where it is larger, as published.

    Args:
        weights: changed in place.
        gradients: of the same shape, all 0, as afterwards.
        squares: their sums of squares.
        error: the derivatives of the loss by predictions [n].
        f: see `predict_from`.
        rate: the learning rate.
    """
    norm, width = 0.0, weights.shape[1]
    for part in range(len(weights)):
        for i in range(len(error)):
            for k in range(width):
                gradients[part, k] += error[i] * f[part, i * width + k]
        step(weights[part], gradients[part], squares[part], rate)
        for k in range(width):
            norm += weights[part, k] * weights[part, k]
    if norm > 1:
        weights /= math.sqrt(norm)
