"""Forward and backward passes of the multi-layer perceptron, see `recommenders.backends.compiled.mlp`."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from core.common.jit import SUMS, compiled
from core.programs import interpreter
from recommenders.backends import base
from recommenders.backends.base import LEAST_SCALE
from recommenders.backends.compiled import kernel_parts
from recommenders.backends.compiled.kernel_parts import clipped, descend, multiply


class Dense(NamedTuple):
    """The dense parameters, an array for each layer; the last layer has only a weight and a bias."""

    momentum: np.floating
    """Weight of a batch in the running statistics of batch normalisation."""
    epsilon: np.floating
    """Added to variances in batch normalisation."""
    weight: tuple[np.ndarray, ...]
    """[n_in, n_out]."""
    bias: tuple[np.ndarray, ...]
    """[1, n_out], as the parameters of batch normalisation below."""
    scale: tuple[np.ndarray, ...]
    shift: tuple[np.ndarray, ...]
    running_mean: tuple[np.ndarray, ...]
    running_var: tuple[np.ndarray, ...]


class Workspace(NamedTuple):
    """Scratch buffers of a step, an array for each layer."""

    x: tuple[np.ndarray, ...]
    """Input [B, n_in]."""
    normed: tuple[np.ndarray, ...]
    """Normalised output [B, n_out]; in the backward pass, the gradient before normalisation."""
    inverse_std: tuple[np.ndarray, ...]
    """1 / standard deviation of the batch [1, n_out]."""
    of_x: tuple[np.ndarray, ...]
    """Gradient of the input [B, n_in]."""
    of_weight: tuple[np.ndarray, ...]
    """Gradient of the weight [n_in, n_out]."""
    of_bias: tuple[np.ndarray, ...]
    """Gradient of the bias [1, n_out]."""
    of_scale: tuple[np.ndarray, ...]
    """Gradient of the scale [1, n_out]; during the forward pass, the mean of the batch."""
    of_shift: tuple[np.ndarray, ...]
    """Gradient of the shift [1, n_out]; during the forward pass, the variance of the batch."""


@compiled()
def _gather(p, q, users, items, scale, x):
    """Fill x [B, 2 d] with the rows of B pairs, multiplied by `scale`."""
    d = p.shape[1]
    for b in range(len(users)):
        for j in range(d):
            x[b, j] = scale * p[users[b], j]
            x[b, d + j] = scale * q[items[b], j]


@compiled()
def _normalise(a, mean, inverse_std):
    """Replace a [B, n_out] by (a - mean) * inverse_std, with mean and inverse_std [1, n_out]."""
    for b in range(a.shape[0]):
        for j in range(a.shape[1]):
            a[b, j] = (a[b, j] - mean[0, j]) * inverse_std[0, j]


@compiled(fastmath=SUMS)
def _statistics(a, bias, mean, var):
    """Add the bias to a [B, n_out]; fill mean and variance [1, n_out] of its columns."""
    one = a.dtype.type(1)
    share = one / len(a)
    mean[:], var[:] = 0, 0
    for b in range(a.shape[0]):
        for j in range(a.shape[1]):
            a[b, j] += bias[0, j]
            mean[0, j] += a[b, j] * share
    for b in range(a.shape[0]):
        for j in range(a.shape[1]):
            from_mean = a[b, j] - mean[0, j]
            var[0, j] += from_mean * from_mean * share


@compiled()
def _run(mean, var, n, running_mean, running_var, part):
    """Update the running statistics with those of a batch of n examples, the variance with Bessel's correction."""
    bessel = mean.dtype.type(n / max(n - 1, 1))
    for j in range(mean.shape[1]):
        running_mean[0, j] += part * (mean[0, j] - running_mean[0, j])
        running_var[0, j] += part * (bessel * var[0, j] - running_var[0, j])


@compiled()
def _invert(var, inverse_std, epsilon):
    one = var.dtype.type(1)
    for j in range(var.shape[1]):
        inverse_std[0, j] = one / math.sqrt(var[0, j] + epsilon)


@compiled()
def _activate(normed, scale, shift, h):
    """Fill h [B, n_out] with ReLU(scale * normed + shift); NaN stays NaN."""
    zero = h.dtype.type(0)
    for b in range(h.shape[0]):
        for j in range(h.shape[1]):
            value = scale[0, j] * normed[b, j] + shift[0, j]
            h[b, j] = zero if value < zero else value


@compiled()
def _drop(h, kept, boost):
    """Apply dropout to h [B, n_out] in place; kept units are multiplied by `boost`."""
    zero = h.dtype.type(0)
    for b in range(h.shape[0]):
        for j in range(h.shape[1]):
            h[b, j] *= boost if kept[b, j] else zero


@compiled(fastmath=SUMS)
def _last_layer(x, weight, bias, logit):
    """Fill logit [B] with x [B, n_in] times weight [n_in, 1] plus bias [1, 1]."""
    for b in range(x.shape[0]):
        value = bias[0, 0]
        for j in range(x.shape[1]):
            value += x[b, j] * weight[j, 0]
        logit[b] = value


@compiled(uses=(interpreter,))
def predict(p, q, dense, workspace, users, items):
    """Return predictions y_hat [B], with the running statistics of batch normalisation.

    Args:
        p: user embeddings [n_users, d].
        q: item embeddings [n_items, d].
        dense: the dense parameters.
        workspace: scratch buffers for exactly B examples.
        users: [B].
        items: [B].
    """
    one, n_hidden = p.dtype.type(1), len(dense.scale)
    _gather(p, q, users, items, one, workspace.x[0])
    for i in range(n_hidden):
        np.dot(workspace.x[i], dense.weight[i], workspace.normed[i])
        _invert(dense.running_var[i], workspace.inverse_std[i], dense.epsilon)
        for j in range(dense.bias[i].shape[1]):
            workspace.of_scale[i][0, j] = dense.running_mean[i][0, j] - dense.bias[i][0, j]
        _normalise(workspace.normed[i], workspace.of_scale[i], workspace.inverse_std[i])
        _activate(workspace.normed[i], dense.scale[i], dense.shift[i], workspace.x[i + 1])
    y_hat = np.empty(len(users), p.dtype)
    _last_layer(workspace.x[n_hidden], dense.weight[n_hidden], dense.bias[n_hidden], y_hat)
    for b in range(len(users)):
        y_hat[b] = interpreter.sigmoid(y_hat[b], one)
    return y_hat


@compiled()
def _forward(dense, workspace, n, kept, boost, logit):
    """Fill logit [n] by a training pass over the first n rows of workspace.x[0]."""
    n_hidden, column = len(dense.scale), 0
    for i in range(n_hidden):
        normed, h, size = workspace.normed[i][:n], workspace.x[i + 1][:n], dense.scale[i].shape[1]
        np.dot(workspace.x[i][:n], dense.weight[i], normed)
        mean, var = workspace.of_scale[i], workspace.of_shift[i]
        _statistics(normed, dense.bias[i], mean, var)
        _run(mean, var, n, dense.running_mean[i], dense.running_var[i], dense.momentum)
        _invert(var, workspace.inverse_std[i], dense.epsilon)
        _normalise(normed, mean, workspace.inverse_std[i])
        _activate(normed, dense.scale[i], dense.shift[i], h)
        if len(kept):
            _drop(h, kept[:, column : column + size], boost)
        column += size
    _last_layer(workspace.x[n_hidden][:n], dense.weight[n_hidden], dense.bias[n_hidden], logit)


@compiled(fastmath=SUMS)
def _back_from_last(x, weight, gradient, of_x, of_weight, of_bias):
    """Fill the gradients of the last layer, given d loss / d logit."""
    of_weight[:], of_bias[:] = 0, 0
    for b in range(x.shape[0]):
        of_bias[0, 0] += gradient[b]
        for j in range(x.shape[1]):
            of_weight[j, 0] += x[b, j] * gradient[b]
            of_x[b, j] = weight[j, 0] * gradient[b]


@compiled(fastmath=SUMS)
def _back_through_norm(h, of_h, boost, normed, inverse_std, scale, of_bias, of_scale, of_shift):
    """Backpropagate from h [B, n_out] through dropout, ReLU and batch normalisation; the result replaces `normed`."""
    zero, one = h.dtype.type(0), h.dtype.type(1)
    of_bias[:], of_scale[:], of_shift[:] = 0, 0, 0
    for b in range(h.shape[0]):
        for j in range(h.shape[1]):
            g = zero if h[b, j] <= zero else of_h[b, j] * boost
            of_h[b, j] = g
            of_shift[0, j] += g
            of_scale[0, j] += g * normed[b, j]
    share = one / len(h)
    for b in range(h.shape[0]):
        for j in range(h.shape[1]):
            centred = of_h[b, j] - share * (of_shift[0, j] + normed[b, j] * of_scale[0, j])
            normed[b, j] = scale[0, j] * inverse_std[0, j] * centred
            of_bias[0, j] += normed[b, j]


@compiled()
def _backward(dense, workspace, n, boost, gradient):
    """Fill the gradients in `workspace`, given d loss / d logit [n]."""
    last = len(dense.scale)
    _back_from_last(
        workspace.x[last][:n],
        dense.weight[last],
        gradient,
        workspace.of_x[last][:n],
        workspace.of_weight[last],
        workspace.of_bias[last],
    )
    for up in range(last):
        i = last - 1 - up
        normed = workspace.normed[i][:n]
        _back_through_norm(
            workspace.x[i + 1][:n], workspace.of_x[i + 1][:n], boost, normed, workspace.inverse_std[i], dense.scale[i],
            workspace.of_bias[i], workspace.of_scale[i], workspace.of_shift[i],
        )  # fmt: skip
        np.dot(workspace.x[i][:n].T, normed, workspace.of_weight[i])
        np.dot(normed, dense.weight[i].T, workspace.of_x[i][:n])


@compiled(uses=(kernel_parts,))
def _descend_all(parameters, gradients, step):
    """Take an SGD step of dense parameters, an array [rows, n] for each layer."""
    for i in range(len(parameters)):
        parameter, gradient = parameters[i], gradients[i]
        for row in range(parameter.shape[0]):
            for j in range(parameter.shape[1]):
                down = step.learning_rate * clipped(gradient[row, j], step.clip)
                parameter[row, j] = parameter[row, j] * step.keep - down


@compiled(uses=(kernel_parts,))
def _descend_rows(table, rows, first, of_x, column, rate, clip):
    """Take an SGD step of the rows of a batch, given gradients of_x[:, column : column + d], summed for equal rows."""
    for b in range(len(rows)):
        if first[b] != b:
            for j in range(table.shape[1]):
                of_x[first[b], column + j] += of_x[b, column + j]
    for b in range(len(rows)):
        if first[b] == b:
            descend(table, rows[b], rate, of_x, b, column, clip)


@compiled(uses=(interpreter, kernel_parts, base))
def train_epoch(p, q, dense, workspace, examples, loss, step, kept, boost):
    """Train one copy in place for an epoch.

    Args:
        p: user embeddings [n_users, d].
        q: item embeddings [n_items, d].
        dense: the dense parameters.
        workspace: scratch buffers for a whole batch.
        examples: of the epoch, n of them.
        loss: the encoded loss.
        step: the settings of an SGD step.
        kept: the hidden units that dropout keeps [n, sum of the widths], or [0, ...] without dropout.
        boost: the factor of kept units, 1 / (1 - dropout).
    """
    dtype, most, n = p.dtype, examples.batch_size, len(examples.user)
    values = np.empty((interpreter.N_INPUTS + len(loss.lines), most), dtype)
    tangents, logit, gradient = np.empty_like(values), np.empty(most, dtype), np.empty(most, dtype)
    scale = dtype.type(1)
    for start in range(0, n, most):
        end = min(start + most, n)
        size = end - start
        user, item = examples.user[start:end], examples.item[start:end]
        _gather(p, q, user, item, scale, workspace.x[0])
        _forward(dense, workspace, size, kept[start:end], boost, logit)
        interpreter.gradients(
            loss.lines, loss.rule, loss.constants, logit, examples.label[start:end], values, tangents, gradient, size
        )
        for b in range(size):
            gradient[b] /= dtype.type(size)
        _backward(dense, workspace, size, boost, gradient)
        _descend_all(dense.weight, workspace.of_weight, step)
        _descend_all(dense.bias, workspace.of_bias, step)
        _descend_all(dense.scale, workspace.of_scale, step)
        _descend_all(dense.shift, workspace.of_shift, step)
        rate = step.learning_rate / (scale * step.keep)
        _descend_rows(p, user, examples.first_user[start:end], workspace.of_x[0], 0, rate, step.clip)
        _descend_rows(q, item, examples.first_item[start:end], workspace.of_x[0], p.shape[1], rate, step.clip)
        scale *= step.keep
        if scale * step.keep < LEAST_SCALE or end == n:
            multiply(p, scale)
            multiply(q, scale)
            scale = dtype.type(1)
