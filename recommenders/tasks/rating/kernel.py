"""One epoch of a rating model in compiled code, whatever its interaction function: programs are data.

The model predicts w . f(p, q) + b + c: p and b belong to the user, q and c to the item. A step takes the mean gradient
over a batch, and for each row that the batch names what decay says, as often as it is named; it is Adagrad's. Nothing
is shared between models, so many are trained side by side, one on a core.
"""

from __future__ import annotations

import math

import numpy as np

from core.common.jit import SUMS, compiled
from core.programs.interpreter import N_INPUTS, run

#: Added to Adagrad's root.
_TINY = 1e-10


@compiled(uses=(run,), fastmath=SUMS)
def interact(parts, ends, constants, p, q, f, of_p, of_q, values, tangents):
    """Fill f [parts, n] and its derivatives by p and by q, of numbers p and q [n].

    Args:
        parts: the lines of every part, and of every part with p and q exchanged [2, lines, 3].
        ends: for each part, the row after its last line [parts].
        constants: see `core.programs.encoded` [4].
        p: numbers of users [n].
        q: numbers of items [n].
        f: the result [parts, at least n].
        of_p: likewise.
        of_q: likewise.
        values: scratch [at least 4 + lines, at least n].
        tangents: scratch of the same shape.
    """
    start, n = 0, len(p)
    for k in range(len(ends)):
        root = N_INPUTS + ends[k] - start - 1
        for side in range(2):
            values[0, :n] = p if side == 0 else q
            values[1, :n] = q if side == 0 else p
            run(parts[side, start : ends[k]], 0, constants, values, tangents, n)
            if side == 0:
                f[k, :n] = values[root, :n]
                of_p[k, :n] = tangents[root, :n]
            else:
                of_q[k, :n] = tangents[root, :n]
        start = ends[k]


@compiled(uses=(run,))
def _scratch(program, d, batch, like):
    """Return arrays for `interact` of batches of so many pairs: f, of_p, of_q, values, tangents, p and q."""
    parts, ends, _ = program
    size = batch * d
    outcome = (len(ends), size)
    f, of_p, of_q = np.empty(outcome, like.dtype), np.empty(outcome, like.dtype), np.empty(outcome, like.dtype)
    values = np.empty((N_INPUTS + parts.shape[1], size), like.dtype)
    return f, of_p, of_q, values, np.empty_like(values), np.empty(size, like.dtype), np.empty(size, like.dtype)


@compiled(uses=(run,), fastmath=SUMS)
def _meet(model, program, user, item, scratch):
    """Let the vectors of n pairs meet; fills the scratch."""
    users, items = model[0], model[1]
    f, of_p, of_q, values, tangents, p, q = scratch
    d, n = users.shape[1], len(user)
    for i in range(n):
        for k in range(d):
            p[i * d + k], q[i * d + k] = users[user[i], k], items[item[i], k]
    interact(program[0], program[1], program[2], p[: n * d], q[: n * d], f, of_p, of_q, values, tangents)


@compiled(fastmath=SUMS)
def _predicted(model, f, u, v, i):
    """Return the prediction of pair i of a batch, of user u and item v."""
    weights = model[4]
    d, total = weights.shape[1], model[2][u] + model[3][v]
    for part in range(len(weights)):
        for k in range(d):
            total += weights[part, k] * f[part, i * d + k]
    return total


@compiled(uses=(run,), fastmath=SUMS)
def predict(model, program, user, item, found, batch):
    """Fill the predictions of n pairs.

    Args:
        model: see `train_epoch`.
        program: lines, ends and constants, see `interact`.
        user: [n].
        item: [n].
        found: the result [n].
        batch: pairs at a time.
    """
    scratch = _scratch(program, model[0].shape[1], batch, model[0])
    for start in range(0, len(user), batch):
        u, v = user[start : start + batch], item[start : start + batch]
        _meet(model, program, u, v, scratch)
        for i in range(len(u)):
            found[start + i] = _predicted(model, scratch[0], u[i], v[i], i)


@compiled(fastmath=SUMS)
def _backwards(model, gradients, scratch, u, v, i, error, decay):
    """Add the gradient of pair i of a batch, of user u and item v.

    Args:
        model: see `train_epoch`.
        gradients: see there.
        scratch: see `_meet`.
        u: the user.
        v: the item.
        i: the number of the pair.
        error: the derivative of the mean squared error by its prediction, halved.
        decay: for one rating.
    """
    users, items, user_bias, item_bias, weights = model
    of_users, of_items, of_user_bias, of_item_bias, of_weights = gradients
    f, of_p, of_q = scratch[0], scratch[1], scratch[2]
    d = users.shape[1]
    of_user_bias[u] += error + decay * user_bias[u]
    of_item_bias[v] += error + decay * item_bias[v]
    for k in range(d):
        of_users[u, k] += decay * users[u, k]
        of_items[v, k] += decay * items[v, k]
    for part in range(len(weights)):
        for k in range(d):
            slope = error * weights[part, k]
            of_weights[part, k] += error * f[part, i * d + k]
            of_users[u, k] += slope * of_p[part, i * d + k]
            of_items[v, k] += slope * of_q[part, i * d + k]


@compiled(fastmath=SUMS)
def _step(rows, gradients, squares, row, rate):
    """Take Adagrad's step in every element of a row, and clear its gradient."""
    for k in range(rows.shape[1]):
        gradient = gradients[row, k]
        squares[row, k] += gradient * gradient
        rows[row, k] -= rate * gradient / (math.sqrt(squares[row, k]) + _TINY)
        gradients[row, k] = 0


@compiled(fastmath=SUMS)
def _step_of_side(vectors, biases, named, rate, has_biases):
    """Take a step in the vectors and biases of the users or items that a batch names, each once.

    Args:
        vectors: with their gradients and sums of squares [n, d] each.
        biases: likewise [n].
        named: numbers of rows.
        rate: the learning rate.
        has_biases: whether biases are trained.
    """
    rows, of_rows, squares = vectors
    bias, of_bias, bias_squares = biases
    for row in named:
        _step(rows, of_rows, squares, row, rate)
        if has_biases:
            bias_squares[row] += of_bias[row] * of_bias[row]
            bias[row] -= rate * of_bias[row] / (math.sqrt(bias_squares[row]) + _TINY)
        of_bias[row] = 0


@compiled(fastmath=SUMS)
def _step_of_weights(weights, gradients, squares, rate):
    """Take a step in the weights, and bring their norm back to 1 where it is larger."""
    norm = 0.0
    for part in range(len(weights)):
        _step(weights, gradients, squares, part, rate)
        for k in range(weights.shape[1]):
            norm += weights[part, k] * weights[part, k]
    if norm > 1:
        weights /= math.sqrt(norm)


@compiled()
def _distinct(numbers, found, is_there):
    """Fill found with numbers [n], each once, in the order of their first; return how many there are."""
    n = 0
    for number in numbers:
        if not is_there[number]:
            is_there[number], found[n] = 1, number
            n += 1
    for i in range(n):
        is_there[found[i]] = 0
    return n


@compiled(uses=(run,), fastmath=SUMS)
def train_epoch(model, squares, gradients, program, ratings, batch, rate, decay, has_biases):
    """Train an epoch in place; return the mean squared error of the predictions before each step.

    Args:
        model: vectors of users [users, d] and of items [items, d], their biases [users] and [items], and the weights
            [parts, d], whose norm stays at most 1.
        squares: Adagrad's sums of squares, shaped as the model.
        gradients: of the same shapes, all 0; they are so afterwards.
        program: lines, ends and constants, see `interact`.
        ratings: users, items and values [n] each, in the order in which they are taken.
        batch: ratings of a step.
        rate: the learning rate.
        decay: the factor of a parameter in its own gradient, for each rating that it is in.
        has_biases: whether biases are trained.
    """
    users, items, values = ratings
    p, q, b, c, w = model
    of_p, of_q, of_b, of_c, of_w = gradients
    p_squares, q_squares, b_squares, c_squares, w_squares = squares
    scratch, squared = _scratch(program, p.shape[1], batch, p), 0.0
    is_user, is_item = np.zeros(len(p), np.uint8), np.zeros(len(q), np.uint8)
    named = np.empty(batch, np.int64)
    for start in range(0, len(values), batch):
        u, v, wanted = users[start : start + batch], items[start : start + batch], values[start : start + batch]
        _meet(model, program, u, v, scratch)
        share = 1.0 / len(u)
        for i in range(len(u)):
            error = _predicted(model, scratch[0], u[i], v[i], i) - wanted[i]
            squared += error * error
            _backwards(model, gradients, scratch, u[i], v[i], i, error * share, decay * share)
        n = _distinct(u, named, is_user)
        _step_of_side((p, of_p, p_squares), (b, of_b, b_squares), named[:n], rate, has_biases)
        n = _distinct(v, named, is_item)
        _step_of_side((q, of_q, q_squares), (c, of_c, c_squares), named[:n], rate, has_biases)
        _step_of_weights(w, of_w, w_squares, rate)
    return squared / len(values)
