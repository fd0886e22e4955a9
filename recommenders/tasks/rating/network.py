"""One epoch of a rating model whose vectors meet in a network that is trained with them, in compiled code.

The network is h_0 = [p; q], h_l = tanh(W_l h_(l-1) + b_l), and f(p, q) is the last of them; with a product, that of p
and q is added to what the first layer computes (NCF as in SIF's comparison: f = tanh(p * q + W [p; q])).
"""

from __future__ import annotations

import numpy as np

from core.common.jit import SUMS, compiled, part
from core.programs.sets import functions
from recommenders.tasks.rating import rows
from recommenders.tasks.rating.rows import errors_of, gather, predict_from, step, step_of_side, step_of_weights

_tanh = part(functions.tanh)


@compiled()
def _scratch(units, batch, like):
    """Return arrays for batches of so many pairs: outputs of layers, their slopes, and p and q."""
    widest = units.max()
    layers = len(units)
    outputs = np.empty((layers, batch * widest), like.dtype)
    return outputs, np.empty_like(outputs), np.empty((2, batch * units[0] // 2), like.dtype)


@compiled(uses=(rows,))
def _begin(model, user, item, outputs, sides):
    """Fill the first output with [p; q] of n pairs."""
    d, n = model[0].shape[1], len(user)
    p, q = sides[0, : n * d], sides[1, : n * d]
    gather(model[0], user, p)
    gather(model[1], item, q)
    for i in range(n):
        for k in range(d):
            outputs[0, 2 * i * d + k], outputs[0, (2 * i + 1) * d + k] = p[i * d + k], q[i * d + k]


@compiled(uses=(functions,), fastmath=SUMS)
def _activate(x, slopes, bias, p, q, has_product):
    """Replace x [n, units] by tanh of it and what is added, and fill the slopes."""
    units = x.shape[1]
    for i in range(len(x)):
        for k in range(units):
            x[i, k] += bias[k]
            if has_product:
                x[i, k] += p[i * units + k] * q[i * units + k]
            x[i, k], slopes[i, k] = _tanh(x[i, k])


@compiled(uses=(rows, functions), fastmath=SUMS)
def _forwards(model, units, has_product, user, item, scratch):
    """Let the vectors of n pairs meet; fills the scratch."""
    outputs, slopes, sides = scratch
    inner, n, at = model[5], len(user), 0
    _begin(model, user, item, outputs, sides)
    for one in range(1, len(units)):
        before, now = units[one - 1], units[one]
        x, y = outputs[one - 1, : n * before].reshape(n, before), outputs[one, : n * now].reshape(n, now)
        np.dot(x, inner[at : at + before * now].reshape(before, now), y)
        at += before * now
        is_first = has_product and one == 1
        _activate(y, slopes[one, : n * now].reshape(n, now), inner[at : at + now], sides[0], sides[1], is_first)
        at += now


@compiled(uses=(rows, functions), fastmath=SUMS)
def _backwards(model, units, has_product, error, gradients, scratch):
    """Add the gradients of the network, and put the derivatives of the loss by p and q in the place of these."""
    outputs, slopes, sides = scratch
    inner, of_inner, weights, n = model[5], gradients[5], model[4], len(error)
    at, width = len(inner), units[-1]
    by = np.empty((n, width), outputs.dtype)
    for i in range(n):
        for k in range(width):
            by[i, k] = error[i] * weights[0, k]
    d = units[0] // 2
    p, q = sides[0, : n * d].copy(), sides[1, : n * d].copy()
    product = np.zeros(n * d, outputs.dtype)
    for one in range(len(units) - 1, 0, -1):
        before, now = units[one - 1], units[one]
        slope = slopes[one, : n * now].reshape(n, now)
        for i in range(n):
            for k in range(now):
                by[i, k] *= slope[i, k]
                of_inner[at - now + k] += by[i, k]
        if has_product and one == 1:
            product[:] = by.reshape(n * now)
        at -= now + before * now
        x = outputs[one - 1, : n * before].reshape(n, before)
        of_inner[at : at + before * now] += np.dot(x.T, by).reshape(before * now)
        by = np.dot(by, inner[at : at + before * now].reshape(before, now).T)
    for i in range(n):
        for k in range(d):
            j = i * d + k
            sides[0, j], sides[1, j] = by[i, k] + product[j] * q[j], by[i, d + k] + product[j] * p[j]


@compiled(uses=(rows, functions), fastmath=SUMS)
def predict(model, units, has_product, user, item, found, batch):
    """Fill the predictions of n pairs.

    Args:
        model: see `.training.RatingModel`.
        units: see `train_epoch`.
        has_product: see there.
        user: [n].
        item: [n].
        found: the result [n].
        batch: pairs at a time.
    """
    scratch = _scratch(units, batch, model[0])
    for start in range(0, len(user), batch):
        u, v = user[start : start + batch], item[start : start + batch]
        _forwards(model, units, has_product, u, v, scratch)
        predict_from(model, scratch[0][len(units) - 1 :], u, v, found[start : start + batch])


@compiled(uses=(rows, functions), fastmath=SUMS)
def train_epoch(model, squares, gradients, units, has_product, ratings, batch, rate, decay, has_biases):
    """Train an epoch in place; return the mean squared error of the predictions before each step.

    Args:
        model: see `.training.RatingModel`; the numbers of its network are those of W_1 [2 d, units], b_1 and so on.
        squares: Adagrad's sums of squares, shaped as the model.
        gradients: of the same shapes, all 0; they are so afterwards.
        units: of [p; q] and of each layer [1 + layers].
        has_product: whether the product of p and q is added in the first layer, whose units are d then.
        ratings: users, items and values [n] each, in the order in which they are taken.
        batch: ratings of a step.
        rate: the learning rate.
        decay: see `.kernel.train_epoch`; the network has none.
        has_biases: whether biases are trained.
    """
    users, items, values = ratings
    p, q, b, c, w, inner = model
    of_p, of_q, of_b, of_c, of_w, of_inner = gradients
    p_squares, q_squares, b_squares, c_squares, w_squares, inner_squares = squares
    scratch, squared = _scratch(units, batch, p), 0.0
    named, error = np.empty(batch, np.int64), np.empty(batch, p.dtype)
    of_users, of_items = (np.zeros(len(p), p.dtype), named), (np.zeros(len(q), p.dtype), named)
    f, sides = scratch[0][len(units) - 1 :], scratch[2]
    for start in range(0, len(values), batch):
        u, v, wanted = users[start : start + batch], items[start : start + batch], values[start : start + batch]
        errors, share = error[: len(u)], decay / len(u)
        _forwards(model, units, has_product, u, v, scratch)
        predict_from(model, f, u, v, errors)
        squared += errors_of(errors, wanted)
        _backwards(model, units, has_product, errors, gradients, scratch)
        by_p, by_q = sides[0], sides[1]
        step_of_side((p, of_p, p_squares), (b, of_b, b_squares), (u, errors, by_p), of_users, rate, share, has_biases)
        step_of_side((q, of_q, q_squares), (c, of_c, c_squares), (v, errors, by_q), of_items, rate, share, has_biases)
        step_of_weights(w, of_w, w_squares, errors, f, rate)
        step(inner, of_inner, inner_squares, rate)
    return squared / len(values)
