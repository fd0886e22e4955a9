"""The kernel of the multi-layer perceptron: paper, Eq. (3).

Matrix products are computed by BLAS; everything between them stays in the cache of the core that trains the copy. A
table is stored as p = s q with one scalar s, to which the weight decay is applied, as in
`recommenders.backends.stacked`.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

import numpy as np
import torch

from core.common.blas import blas_on_one_core
from core.programs.encoded import EncodedProgram
from recommenders.backends.batches import Epoch
from recommenders.backends.compiled.kernel import Arrays, Examples, Kernel, Step
from recommenders.backends.compiled.mlp_steps import Dense, Workspace, predict, train_epoch
from recommenders.models.mlp import BN_EPSILON, MOMENTUM

#: Rows evaluated at a time, so that they fit into the cache.
_EVALUATION_ROWS = 256


class MLPKernel(Kernel):
    """Trains the multi-layer perceptron in compiled code.

    Args:
        hidden_sizes: widths of the hidden layers, at least one.
        dropout: share of hidden units dropped while training.
    """

    def __init__(self, hidden_sizes: tuple[int, ...], dropout: float) -> None:
        self._hidden_sizes, self._dropout = hidden_sizes, dropout

    def session(self) -> AbstractContextManager[object]:
        """See Kernel."""
        return blas_on_one_core()

    def draws(self, epoch: Epoch) -> np.ndarray:
        """See Kernel: the hidden units that dropout keeps [n, sum of the widths]; [0, ...] without dropout."""
        kept = np.empty((len(epoch.examples.label) if self._dropout > 0 else 0, sum(self._hidden_sizes)), np.bool_)
        rng = epoch.training().rng
        for start in range(0, len(kept), epoch.batch_size):
            rows, column = kept[start : start + epoch.batch_size], 0
            for size in self._hidden_sizes:
                rows[:, column : column + size] = torch.rand(len(rows), size, generator=rng).numpy() >= self._dropout
                column += size
        return kept

    def train_epoch(
        self, weights: Arrays, examples: Examples, loss: EncodedProgram, step: Step, draws: np.ndarray | None
    ) -> None:
        """See Kernel."""
        p, q, dense = weights["user_embedding"], weights["item_embedding"], self._dense(weights)
        boost = p.dtype.type(1 / (1 - self._dropout))
        train_epoch(p, q, dense, _workspace(dense, examples.batch_size), examples, loss, step, draws, boost)

    def predict(self, weights: Arrays, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """See Kernel."""
        p, q, dense = weights["user_embedding"], weights["item_embedding"], self._dense(weights)
        y_hat = np.empty(len(users), p.dtype)
        for start in range(0, len(users), _EVALUATION_ROWS):
            rows = slice(start, start + _EVALUATION_ROWS)
            y_hat[rows] = predict(p, q, dense, _workspace(dense, len(users[rows])), users[rows], items[rows])
        return y_hat

    def _dense(self, weights: Arrays) -> Dense:
        n = len(self._hidden_sizes)

        def each(name: str, n: int = n) -> tuple[np.ndarray, ...]:
            return tuple(np.atleast_2d(weights[f"{name}.{i}"]) for i in range(n))

        norms = (each(name) for name in ("scale", "shift", "running_mean", "running_var"))
        number = weights["user_embedding"].dtype.type
        return Dense(number(MOMENTUM), number(BN_EPSILON), each("weight", n + 1), each("bias", n + 1), *norms)


def _workspace(dense: Dense, n: int) -> Workspace:
    """Allocate the workspace of a step with n examples."""
    dtype = dense.bias[0].dtype
    n_in, n_hidden = [len(weight) for weight in dense.weight], [scale.shape[1] for scale in dense.scale]

    def rows(n: int, sizes: list[int]) -> tuple[np.ndarray, ...]:
        return tuple(np.empty((n, size), dtype) for size in sizes)

    norm = rows(1, n_hidden)
    return Workspace(
        x=rows(n, n_in),
        normed=rows(n, n_hidden),
        inverse_std=norm,
        of_x=rows(n, n_in),
        of_weight=tuple(np.empty_like(weight) for weight in dense.weight),
        of_bias=rows(1, [*n_hidden, 1]),
        of_scale=rows(1, n_hidden),
        of_shift=rows(1, n_hidden),
    )
