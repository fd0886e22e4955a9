"""One epoch of a rating model in compiled code, whatever its interaction function: programs are data.

The model predicts w . f(p, q) + b + c: p and b belong to the user, q and c to the item. Nothing is shared between
models, so many are trained side by side, one on a core.
"""

from __future__ import annotations

import numpy as np

from core.common.jit import SUMS, compiled, constant, part
from core.programs.interpreter import N_INPUTS, run
from core.programs.sets import functions
from recommenders.tasks.rating import rows
from recommenders.tasks.rating.rows import errors_of, gather, predict_from, step_of_side, step_of_weights

_tanh = part(functions.tanh)


@compiled(uses=(run,), fastmath=SUMS)
def _interact(parts, ends, constants, p, q, f, of_p, of_q, values, tangents):
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


@compiled(uses=(functions,), fastmath=SUMS)
def _transform(net, x, slopes, scratch):
    """Replace numbers x [n] by what a scalar network gives, and fill its slopes [n].

    Args:
        net: see `core.interactions.nets.ScalarNet`, [3 * hidden + 1].
        x: changed in place.
        slopes: the derivatives of the results by x.
        scratch: [n].
    """
    hidden = len(net) // 3
    for i in range(len(x)):
        scratch[i], slopes[i] = net[3 * hidden], constant(0, x[0])
    for h in range(hidden):
        a, b, c = net[h], net[hidden + h], net[2 * hidden + h]
        for i in range(len(x)):
            y, slope = _tanh(a * x[i] + b)
            scratch[i] += c * y
            slopes[i] += c * a * slope
    for i in range(len(x)):
        x[i] = scratch[i]


@compiled(uses=(run,))
def _scratch(program, d, batch, like):
    """Return arrays for `_meet` of batches of so many pairs: f, of_p, of_q, values, tangents, and p, q and slopes."""
    parts, ends = program[0], program[1]
    size = batch * d
    outcome = (len(ends), size)
    f, of_p, of_q = np.empty(outcome, like.dtype), np.empty(outcome, like.dtype), np.empty(outcome, like.dtype)
    values = np.empty((N_INPUTS + parts.shape[1], size), like.dtype)
    return f, of_p, of_q, values, np.empty_like(values), np.empty((4, size), like.dtype)


@compiled()
def _chain(derivatives, slopes):
    """Multiply the derivatives of all parts [parts, at least n] by slopes [n]."""
    for k in range(len(derivatives)):
        for i in range(len(slopes)):
            derivatives[k, i] *= slopes[i]


@compiled(uses=(run, functions), fastmath=SUMS)
def _meet(program, n, scratch):
    """Let n numbers of p and of q meet; fills the rest of the scratch."""
    parts, ends, constants, nets = program
    f, of_p, of_q, values, tangents, sides = scratch
    p, q, p_slopes, q_slopes = sides[0, :n], sides[1, :n], sides[2, :n], sides[3, :n]
    has_nets = nets.shape[1] > 0
    if has_nets:
        _transform(nets[0], p, p_slopes, values[0, :n])
        _transform(nets[1], q, q_slopes, values[0, :n])
    _interact(parts, ends, constants, p, q, f, of_p, of_q, values, tangents)
    if has_nets:
        _chain(of_p, p_slopes)
        _chain(of_q, q_slopes)


@compiled(uses=(run, functions))
def met(program, p, q):
    """Return f and its derivatives by p and by q, of numbers p and q [n]: [3, parts, n].

    Args:
        program: see `train_epoch`.
        p: numbers of users [n].
        q: numbers of items [n].
    """
    scratch, n = _scratch(program, 1, len(p), p), len(p)
    scratch[5][0], scratch[5][1] = p, q
    _meet(program, n, scratch)
    found = np.empty((3, len(program[1]), n), p.dtype)
    found[0], found[1], found[2] = scratch[0], scratch[1], scratch[2]
    return found


@compiled(uses=(run, rows, functions), fastmath=SUMS)
def _meet_rows(model, program, user, item, scratch):
    """Let the vectors of n pairs meet; fills the scratch."""
    gather(model[0], user, scratch[5][0])
    gather(model[1], item, scratch[5][1])
    _meet(program, len(user) * model[0].shape[1], scratch)


@compiled(uses=(run, rows, functions), fastmath=SUMS)
def predict(model, program, user, item, found, batch):
    """Fill the predictions of n pairs.

    Args:
        model: see `.training.RatingModel`.
        program: see `train_epoch`.
        user: [n].
        item: [n].
        found: the result [n].
        batch: pairs at a time.
    """
    scratch = _scratch(program, model[0].shape[1], batch, model[0])
    for start in range(0, len(user), batch):
        u, v = user[start : start + batch], item[start : start + batch]
        _meet_rows(model, program, u, v, scratch)
        predict_from(model, scratch[0], u, v, found[start : start + batch])


@compiled(fastmath=SUMS)
def _by_vectors(error, weights, derivatives, found):
    """Fill found [n * d] with the derivatives of the loss by the vectors of a side."""
    d = weights.shape[1]
    for i in range(len(error)):
        for k in range(d):
            found[i * d + k] = error[i] * weights[0, k] * derivatives[0, i * d + k]
    for one in range(1, len(weights)):
        for i in range(len(error)):
            for k in range(d):
                found[i * d + k] += error[i] * weights[one, k] * derivatives[one, i * d + k]


@compiled(uses=(run, rows, functions), fastmath=SUMS)
def train_epoch(model, squares, gradients, program, ratings, batch, rate, decay, has_biases):
    """Train an epoch in place; return the mean squared error of the predictions before each step.

    Args:
        model: see `.training.RatingModel`.
        squares: Adagrad's sums of squares, shaped as the model.
        gradients: of the same shapes, all 0; they are so afterwards.
        program: lines, ends and constants, see `_interact`, and the scalar networks that p and q go through first
            [2, numbers of a network], without any numbers where there are none.
        ratings: users, items and values [n] each, in the order in which they are taken.
        batch: ratings of a step.
        rate: the learning rate.
        decay: the factor of a parameter in its own gradient, for each rating that it is in.
        has_biases: whether biases are trained.
    """
    users, items, values = ratings
    p, q, b, c, w, _ = model
    of_p, of_q, of_b, of_c, of_w, _ = gradients
    p_squares, q_squares, b_squares, c_squares, w_squares, _ = squares
    scratch, squared = _scratch(program, p.shape[1], batch, p), 0.0
    f, by_p, by_q, slopes = scratch[0], scratch[1], scratch[2], np.empty(batch * p.shape[1], p.dtype)
    named, error = np.empty(batch, np.int64), np.empty(batch, p.dtype)
    of_users, of_items = (np.zeros(len(p), p.dtype), named), (np.zeros(len(q), p.dtype), named)
    for start in range(0, len(values), batch):
        u, v, wanted = users[start : start + batch], items[start : start + batch], values[start : start + batch]
        errors, share = error[: len(u)], decay / len(u)
        _meet_rows(model, program, u, v, scratch)
        predict_from(model, f, u, v, errors)
        squared += errors_of(errors, wanted)
        _by_vectors(errors, w, by_p, slopes)
        step_of_side((p, of_p, p_squares), (b, of_b, b_squares), (u, errors, slopes), of_users, rate, share, has_biases)
        _by_vectors(errors, w, by_q, slopes)
        step_of_side((q, of_q, q_squares), (c, of_c, c_squares), (v, errors, slopes), of_items, rate, share, has_biases)
        step_of_weights(w, of_w, w_squares, errors, f, rate)
    return squared / len(values)
