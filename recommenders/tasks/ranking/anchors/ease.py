"""EASE (Steck, WWW 2019): the linear model of items by all other items, in closed form.

With X the training part and P = (X^T X + l2)^-1, the weights are B = I - P / diag(P) by columns (Eq. 8), and the
scores of user u are x_u B. P is as large as the number of items squared. Where there are fewer users, the same scores
come from Q = (X X^T + l2)^-1, as X P = Q X and l2 * P_jj = 1 - x_j^T Q x_j for the users x_j of item j. So no item is
left out; where memory is not enough for the smaller of the two, nothing is computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

import numpy as np
import torch
from scipy.linalg import lapack
from torch import Tensor

from core.common.blas import blas_on_one_core
from core.common.errors import UserError
from recommenders.common.memory import free_memory
from recommenders.data.implicit.dataset import ImplicitDataset
from recommenders.data.implicit.user_items import UserItems
from recommenders.models.recommender import check_settings
from recommenders.tasks.ranking.anchors.anchor import Anchor
from recommenders.tasks.ranking.anchors.kernels import add_gram, quadratic
from recommenders.tasks.ranking.scores import ScoreFunction

_GIB = 2**30
#: LAPACK counts elements of a matrix by 32 bits.
_MOST = 46_340


@dataclass(frozen=True)
class EASE(Anchor):
    """The linear model of items by items, see the module."""

    about: ClassVar[str] = "EASE, a linear model of items by items in closed form; minutes and gigabytes"
    grid: ClassVar[Mapping[str, tuple[float, ...]]] = MappingProxyType({"l2": (30, 100, 300, 1000)})

    l2: float = 100.0
    """Added to the diagonal; published: 80 on Gowalla, 300 on Yelp2018."""

    def __post_init__(self) -> None:
        """Check the settings."""
        check_settings(self, l2=(1e-3, 1e9))

    def fit(self, data: ImplicitDataset, seed: int) -> ScoreFunction:
        """See Anchor."""
        n = min(data.n_users, data.n_items)
        needed, free = 4 * n * n + 4 * 256 * (data.n_users + 2 * data.n_items), free_memory(torch.device("cpu"))
        if needed > free or n > _MOST:
            raise UserError(
                f"EASE: expected {needed / _GIB:.1f} GiB of memory, and at most {_MOST:,} users or items, for a matrix "
                f"of {n:,} x {n:,}, got {free / _GIB:.1f} GiB; use another anchor, or fewer users and items"
            )
        rows, columns = data.train, transposed(data.train, data.n_items)
        if data.n_items <= data.n_users:
            return _by_items(rows, _inverse(columns, rows, self.l2))
        return _by_users(rows, columns, _inverse(rows, columns, self.l2), self.l2)


def transposed(rows: UserItems, n_items: int) -> UserItems:
    """Return the users of every item.

    Args:
        rows: the items of every user.
        n_items: the number of items.
    """
    return UserItems.of_pairs(rows.items, rows.users(), n_items)


def _inverse(rows: UserItems, columns: UserItems, l2: float) -> np.ndarray:
    """Return (X X^T + l2)^-1, [n, n] float32, computed in one such matrix."""
    gram = np.zeros((rows.n_users, rows.n_users), dtype=np.float32)
    add_gram((rows.indptr, rows.items), (columns.indptr, columns.items), gram)
    gram[np.diag_indices(len(gram))] += l2
    with blas_on_one_core():
        factor, failed = lapack.spotrf(gram.T, lower=1, clean=0, overwrite_a=1)
        inverse, also = (factor, 0) if failed else lapack.spotri(factor, lower=1, overwrite_c=1)
    if failed or also:
        raise UserError(f"EASE: expected a matrix that can be inverted, got one that cannot; raise l2 ({l2:g})")
    gram = inverse.T
    for first in range(0, len(gram), 1024):  # LAPACK fills one half
        last = first + 1024
        gram[last:, first:last] = gram[first:last, last:].T
        square = gram[first:last, first:last]
        square[:] = np.triu(square) + np.triu(square, 1).T
    return gram


def _bags(of: UserItems) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(of.items), torch.from_numpy(of.indptr.astype(np.int32))


def _by_items(rows: UserItems, inverse: np.ndarray) -> ScoreFunction:
    inverse /= -np.diag(inverse).copy()
    inverse[np.diag_indices(len(inverse))] = 0
    weights = torch.from_numpy(inverse)

    def score(users: np.ndarray) -> np.ndarray:
        lists = [rows.of(user) for user in users]
        starts = np.concatenate([[0], np.cumsum([len(one) for one in lists])]).astype(np.int32)
        items = torch.from_numpy(np.concatenate(lists))
        summed = torch.nn.functional.embedding_bag(
            items, weights, torch.from_numpy(starts), mode="sum", include_last_offset=True
        )
        return np.asarray(summed)

    return score


def _by_users(rows: UserItems, columns: UserItems, inverse: np.ndarray, l2: float) -> ScoreFunction:
    diagonal = np.empty(columns.n_users)
    quadratic((columns.indptr, columns.items), inverse, diagonal)
    diagonal = ((1 - diagonal) / l2).astype(np.float32)
    (users_of, starts), symmetric = _bags(columns), torch.from_numpy(inverse)

    def score(users: np.ndarray) -> np.ndarray:
        few = symmetric[torch.from_numpy(users)].T.contiguous()
        summed = torch.nn.functional.embedding_bag(users_of, few, starts, mode="sum", include_last_offset=True)
        scores = -np.ascontiguousarray(summed.numpy().T) / diagonal
        for row, user in zip(scores, users, strict=True):
            row[rows.of(user)] += 1
        return scores

    return score
