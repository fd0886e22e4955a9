"""The score of every user's K-th best item, which SL@K compares positives with."""

from __future__ import annotations

import numpy as np

from core.common.blas import blas_on_one_core
from core.common.jit import compiled
from recommenders.backends.compiled.cores import Cores
from recommenders.tasks.ranking import kernel
from recommenders.tasks.ranking.kernel import list_best
from recommenders.tasks.ranking.scores import VectorScores

#: Users whose scores are computed at a time.
_AT_ONCE = 256


def top_quantiles(vectors: VectorScores, k: int, threads: int = 1) -> np.ndarray:
    """Compute the score of the K-th best of all items for every user, [n_users] float32.

    Args:
        vectors: of users and items.
        k: at most the number of items counts.
        threads: CPU cores.
    """
    n_users, n_items = vectors.shape
    found, k = np.empty(n_users, dtype=np.float32), min(k, n_items)

    def work(block: int) -> None:
        users = np.arange(block * _AT_ONCE, min((block + 1) * _AT_ONCE, n_users))
        _kth_best(vectors.block(users), n_items, k, found[users[0] : users[-1] + 1])

    with blas_on_one_core():
        Cores(threads).map(work, -(-n_users // _AT_ONCE))
    return found


@compiled(uses=(kernel,))
def _kth_best(scores, n_items, k, found):
    """Write the k-th best of the first numbers of every row [B, n] into `found` [B]; NaN where there are fewer."""
    best = np.empty(k, np.int32)
    for b in range(len(found)):
        list_best(scores[b][:n_items], best)
        found[b] = scores[b, best[k - 1]] if best[k - 1] >= 0 else np.nan
