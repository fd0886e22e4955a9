"""An epoch of matrix factorisation as machine code: paper, Eq. (2).

A step reads and writes the rows of its batch alone: a table is kept as p = s q with one number s, which takes
the weight decay, as in `recommenders.stacked`.
"""

from __future__ import annotations

import numpy as np

from core import interpreter
from core.jit import SUMS, compiled
from recommenders import kernel_parts
from recommenders.kernel import Arrays, Examples, Kernel, Program, Step
from recommenders.kernel_parts import LEAST_SCALE, add_row, clipped, descend, multiply


class MFKernel(Kernel):
    """See the module."""

    def train_epoch(
        self, weights: Arrays, examples: Examples, loss: Program, step: Step, draws: np.ndarray | None
    ) -> None:
        """See Kernel."""
        _train_epoch(*_tables(weights), weights["global_bias"].reshape(1), examples, loss, step)

    def predict(self, weights: Arrays, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """See Kernel."""
        return _predict(*_tables(weights), weights["global_bias"].reshape(1), users, items)


def _tables(weights: Arrays) -> tuple[np.ndarray, ...]:
    """The tables; biases have one column."""
    p, p_bias, q, q_bias = (weights[f"{who}_{what}"] for who in ("user", "item") for what in ("embedding", "bias"))
    return p, p_bias[:, None], q, q_bias[:, None]


@compiled(uses=(interpreter, kernel_parts), fastmath=SUMS)
def _logits(p, p_bias, q, q_bias, global_bias, users, items, scale, logit):
    """Fill logit [B] for B pairs, the tables being multiplied by `scale`."""
    for b in range(len(users)):
        u, i, dot = users[b], items[b], scale - scale
        for j in range(p.shape[1]):
            dot += p[u, j] * q[i, j]
        logit[b] = scale * (scale * dot + p_bias[u, 0] + q_bias[i, 0]) + global_bias[0]


@compiled(uses=(interpreter, kernel_parts))
def _predict(p, p_bias, q, q_bias, global_bias, users, items):
    one = p.dtype.type(1)
    y_hat = np.empty(len(users), p.dtype)
    _logits(p, p_bias, q, q_bias, global_bias, users, items, one, y_hat)
    for b in range(len(users)):
        y_hat[b] = interpreter.sigmoid(y_hat[b], one)
    return y_hat


@compiled(uses=(interpreter, kernel_parts), fastmath=SUMS)
def _step(p, p_bias, q, q_bias, global_bias, batch, slope, scale, step, gradients):
    """One SGD step, given d loss / d logit of a batch; `gradients` is space for those of the four tables."""
    user, item, first_user, first_item = batch
    of_p, of_p_bias, of_q, of_q_bias = gradients
    total = scale - scale
    for b in range(len(user)):
        u, i, to_p, to_q = user[b], item[b], first_user[b], first_item[b]
        add_row(of_p, to_p, to_p == b, slope[b] * scale, q, i)
        add_row(of_q, to_q, to_q == b, slope[b] * scale, p, u)
        of_p_bias[to_p, 0] = slope[b] + (0 if to_p == b else of_p_bias[to_p, 0])
        of_q_bias[to_q, 0] = slope[b] + (0 if to_q == b else of_q_bias[to_q, 0])
        total += slope[b]
    rate = step.learning_rate / (scale * step.keep)
    for b in range(len(user)):
        if first_user[b] == b:
            descend(p, user[b], rate, of_p, b, 0, step.clip)
            descend(p_bias, user[b], rate, of_p_bias, b, 0, step.clip)
        if first_item[b] == b:
            descend(q, item[b], rate, of_q, b, 0, step.clip)
            descend(q_bias, item[b], rate, of_q_bias, b, 0, step.clip)
    global_bias[0] = global_bias[0] * step.keep - step.learning_rate * clipped(total, step.clip)


@compiled(uses=(interpreter, kernel_parts))
def _train_epoch(p, p_bias, q, q_bias, global_bias, examples, loss, step):
    dtype, most, d = p.dtype, examples.batch_size, p.shape[1]
    one = dtype.type(1)
    gradients = (
        np.empty((most, d), dtype),
        np.empty((most, 1), dtype),
        np.empty((most, d), dtype),
        np.empty((most, 1), dtype),
    )
    values, tangents = (
        np.empty((interpreter.N_INPUTS + len(loss.lines), most), dtype),
        np.empty((interpreter.N_INPUTS + len(loss.lines), most), dtype),
    )
    logit, slope = np.empty(most, dtype), np.empty(most, dtype)
    scale = one
    for start in range(0, len(examples.user), most):
        end = min(start + most, len(examples.user))
        size = end - start
        batch = (
            examples.user[start:end],
            examples.item[start:end],
            examples.first_user[start:end],
            examples.first_item[start:end],
        )
        _logits(p, p_bias, q, q_bias, global_bias, batch[0], batch[1], scale, logit)
        interpreter.slopes(
            loss.lines, loss.rule, loss.constants, logit, examples.label[start:end], values, tangents, slope, size
        )
        for b in range(size):
            slope[b] /= dtype.type(size)
        _step(p, p_bias, q, q_bias, global_bias, batch, slope, scale, step, gradients)
        scale *= step.keep
        if scale * step.keep < LEAST_SCALE or end == len(examples.user):
            for table in (p, p_bias, q, q_bias):
                multiply(table, scale)
            scale = one
