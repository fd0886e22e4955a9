"""The kernel of matrix factorisation: paper, Eq. (2).

A step reads and writes only the rows of its batch: a table is stored as p = s q with one scalar s, to which the
weight decay is applied, as in `recommenders.backends.stacked`.
"""

from __future__ import annotations

import numpy as np

from core.common.jit import SUMS, compiled
from core.programs import interpreter
from core.programs.encoded import EncodedProgram
from recommenders.backends import base
from recommenders.backends.base import LEAST_SCALE
from recommenders.backends.compiled import kernel_parts
from recommenders.backends.compiled.kernel import Arrays, Examples, Kernel, Step
from recommenders.backends.compiled.kernel_parts import add_row, clipped, descend, multiply


class MFKernel(Kernel):
    """Trains matrix factorisation in compiled code."""

    def train_epoch(
        self, weights: Arrays, examples: Examples, loss: EncodedProgram, step: Step, draws: np.ndarray | None
    ) -> None:
        """See Kernel."""
        _train_epoch(_tables(weights), weights["global_bias"].reshape(1), examples, loss, step)

    def predict(self, weights: Arrays, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """See Kernel."""
        return _predict(_tables(weights), weights["global_bias"].reshape(1), users, items)


def _tables(weights: Arrays) -> tuple[np.ndarray, ...]:
    """Return the embeddings of users and items, then their biases as tables with one column."""
    user_bias, item_bias = weights["user_bias"][:, None], weights["item_bias"][:, None]
    return weights["user_embedding"], weights["item_embedding"], user_bias, item_bias


@compiled(fastmath=SUMS)
def _logits(tables, global_bias, users, items, scale, logit):
    """Fill logit [B] for B pairs; the tables are multiplied by `scale`."""
    p, q, p_bias, q_bias = tables
    for b in range(len(users)):
        u, i, dot = users[b], items[b], scale - scale
        for j in range(p.shape[1]):
            dot += p[u, j] * q[i, j]
        logit[b] = scale * (scale * dot + p_bias[u, 0] + q_bias[i, 0]) + global_bias[0]


@compiled(uses=(interpreter,))
def _predict(tables, global_bias, users, items):
    one = global_bias.dtype.type(1)
    y_hat = np.empty(len(users), global_bias.dtype)
    _logits(tables, global_bias, users, items, one, y_hat)
    for b in range(len(users)):
        y_hat[b] = interpreter.sigmoid(y_hat[b], one)
    return y_hat


@compiled(uses=(kernel_parts,), fastmath=SUMS, inline=True)
def _descend_unique(tables, u, i, gradient, scale, rate, clip):
    """Take the SGD step of a user and an item that occur once in their batch, so that no other example reads them."""
    p, q, p_bias, q_bias = tables
    for j in range(p.shape[1]):
        of_p, of_q = gradient * scale * q[i, j], gradient * scale * p[u, j]
        p[u, j] -= rate * clipped(of_p, clip)
        q[i, j] -= rate * clipped(of_q, clip)
    p_bias[u, 0] -= rate * clipped(gradient, clip)
    q_bias[i, 0] -= rate * clipped(gradient, clip)


@compiled(uses=(kernel_parts,), fastmath=SUMS)
def _descend_all(tables, batch, gradient, scale, rate, clip, sums):
    """Take an SGD step of the rows of a batch, given d loss / d logit; `sums` are buffers for the tables' gradients."""
    user, item, first_user, first_item, is_unique = batch
    p, q, p_bias, q_bias = tables
    of_p, of_q, of_p_bias, of_q_bias = sums
    for b in range(len(user)):
        if is_unique[b]:
            _descend_unique(tables, user[b], item[b], gradient[b], scale, rate, clip)
            continue
        to_p, to_q = first_user[b], first_item[b]
        add_row(of_p, to_p, to_p == b, gradient[b] * scale, q, item[b])
        add_row(of_q, to_q, to_q == b, gradient[b] * scale, p, user[b])
        of_p_bias[to_p, 0] = gradient[b] + (0 if to_p == b else of_p_bias[to_p, 0])
        of_q_bias[to_q, 0] = gradient[b] + (0 if to_q == b else of_q_bias[to_q, 0])
    for b in range(len(user)):
        if first_user[b] == b and not is_unique[b]:
            descend(p, user[b], rate, of_p, b, 0, clip)
            descend(p_bias, user[b], rate, of_p_bias, b, 0, clip)
        if first_item[b] == b and not is_unique[b]:
            descend(q, item[b], rate, of_q, b, 0, clip)
            descend(q_bias, item[b], rate, of_q_bias, b, 0, clip)


@compiled(uses=(interpreter, kernel_parts, base))
def _train_epoch(tables, global_bias, examples, loss, step):
    dtype, most, n, d = global_bias.dtype, examples.batch_size, len(examples.user), tables[0].shape[1]
    of_embeddings, of_biases = np.empty((2, most, d), dtype), np.empty((2, most, 1), dtype)
    sums = (of_embeddings[0], of_embeddings[1], of_biases[0], of_biases[1])
    values = np.empty((interpreter.N_INPUTS + len(loss.lines), most), dtype)
    tangents, logit, gradient = np.empty_like(values), np.empty(most, dtype), np.empty(most, dtype)
    one = dtype.type(1)
    scale = one
    for start in range(0, n, most):
        end = min(start + most, n)
        user, item = examples.user[start:end], examples.item[start:end]
        first_user, first_item = examples.first_user[start:end], examples.first_item[start:end]
        _logits(tables, global_bias, user, item, scale, logit)
        label = examples.label[start:end]
        interpreter.gradients(
            loss.lines, loss.rule, loss.constants, logit, label, values, tangents, gradient, end - start
        )
        total = one - one
        for b in range(end - start):
            gradient[b] /= dtype.type(end - start)
            total += gradient[b]
        batch = (user, item, first_user, first_item, examples.is_unique[start:end])
        rate = step.learning_rate / (scale * step.keep)
        _descend_all(tables, batch, gradient, scale, rate, step.clip, sums)
        global_bias[0] = global_bias[0] * step.keep - step.learning_rate * clipped(total, step.clip)
        scale *= step.keep
        if scale * step.keep < LEAST_SCALE or end == n:
            for table in tables:
                multiply(table, scale)
            scale = one
