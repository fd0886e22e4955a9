"""Exact ranks of held-out items among all items.

Every item that a user does not have in an earlier part is a candidate, none is sampled. A rank is found by counting the
candidates that score as much or more, so no list has to be sorted.

Ties are broken against the recommender: of equal scores, candidates that are not held out come first, and NaN comes
last. Hence a recommender that scores all items alike gets nothing at any cut-off. Held-out items that tie with each
other take the ranks that are left, one each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.common.blas import blas_on_one_core
from core.common.errors import UserError
from recommenders.backends.compiled.cores import Cores
from recommenders.data.implicit.dataset import ImplicitDataset
from recommenders.data.implicit.user_items import UserItems, row_starts
from recommenders.tasks.ranking.kernel import rank_users
from recommenders.tasks.ranking.scores import ScoreFunction, VectorScores

#: Scores that are computed at a time, by each thread (48 MB of float32), and the users that they are of: a multiple of
#: _FEWEST, which is what vectors are padded to, and at most _MOST.
_AT_ONCE, _FEWEST, _MOST = 12 * 2**20, 32, 256


@dataclass(frozen=True, eq=False)
class Ranks:
    """The ranks of the held-out items of N users."""

    users: np.ndarray
    """[N] int64, users with held-out items, in order."""
    indptr: np.ndarray
    """[N + 1] int64, where each user's items begin in `item`, `rank` and `tied`."""
    item: np.ndarray
    """[n] int32, the held-out items of each user, best first."""
    rank: np.ndarray
    """[n] int32, their ranks from 1, ascending and different within a user."""
    tied: np.ndarray
    """[n] int32, for each the candidates that are not held out and have the same score; all of them are before it."""
    n_candidates: np.ndarray
    """[N] int64, the items that were ranked for each user, held-out ones included."""
    top: np.ndarray
    """[N, k] int32, the best candidates of each user, best first, equal ones in the order of their numbers; -1 where
    there are no more (NaN is none). k is 0 unless asked for."""

    @property
    def n_held_out(self) -> np.ndarray:
        """The number of held-out items of every user, [N] int64."""
        return np.diff(self.indptr)


def rank_items(
    scores: VectorScores | ScoreFunction,
    data: ImplicitDataset,
    part: str = "test",
    *,
    users: np.ndarray | None = None,
    top: int = 0,
    threads: int = 1,
    block: int | None = None,
) -> Ranks:
    """Rank the held-out items of every user that has any. The result depends on neither `threads` nor `block`.

    Args:
        scores: vectors of users and items; or a function that scores a block of users against all items: users [b] to
            [b, n_items] float32 or float64. It is called by several threads at the same time if there are several.
        data: items of earlier parts are left out: those of training, and of validation where test is ranked.
        part: test or validation.
        users: [n] those to rank, such as a sample for evaluation while training; None for all. Users without held-out
            items are left out.
        top: length of the lists of best items.
        threads: CPU cores.
        block: users that are scored at a time; None: as many as are fastest.

    Raises:
        UserError: scores of another shape or type, no user with held-out items, or a number out of range.
    """
    held_out, left_out = data.part(part), data.left_out(part)
    chosen = _users_with(held_out, part, users)
    if min(threads, 1 if block is None else block) < 1 or top < 0:
        raise UserError(f"ranking: expected threads and block from 1 and top from 0, got {threads}, {block} and {top}")
    fitting = min(_AT_ONCE // data.n_items, _MOST) // _FEWEST * _FEWEST
    size = block or max(fitting, _FEWEST)
    score = _checked(scores, data)
    indptr = row_starts(held_out.counts[chosen])
    item, rank, tied = (np.empty(indptr[-1], dtype=np.int32) for _ in range(3))
    best = np.empty((len(chosen), min(top, data.n_items)), dtype=np.int32)

    def work(number: int) -> None:
        rows = slice(number * size, (number + 1) * size)
        rank_users(
            score(chosen[rows]),
            data.n_items,
            chosen[rows],
            (left_out.indptr, left_out.items),
            (held_out.indptr, held_out.items),
            indptr[:-1][rows],
            item,
            rank,
            tied,
            best[rows],
        )

    with blas_on_one_core():
        Cores(threads).map(work, -(-len(chosen) // size))
    padding = np.full((len(chosen), top - best.shape[1]), -1, dtype=np.int32)
    n_candidates = data.n_items - left_out.counts[chosen]
    return Ranks(chosen, indptr, item, rank, tied, n_candidates, np.hstack([best, padding]))


def _users_with(held_out: UserItems, part: str, users: np.ndarray | None) -> np.ndarray:
    """Return those of the users [n] that have held-out items, in order and once each."""
    chosen = np.flatnonzero(held_out.counts)
    if users is not None:
        if users.min(initial=0) < 0 or users.max(initial=0) >= held_out.n_users:
            raise UserError(f"users to rank: expected numbers from 0 to {held_out.n_users - 1}, got others")
        chosen = np.intersect1d(chosen, users)
    if not len(chosen):
        raise UserError(f"ranking: expected users with items in the {part} part, got none; hold some out")
    return chosen


def _checked(scores: VectorScores | ScoreFunction, data: ImplicitDataset) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function that scores users, into memory that may be overwritten."""
    if isinstance(scores, VectorScores):
        if scores.shape != (data.n_users, data.n_items):
            raise UserError(
                f"scores: expected vectors of {data.n_users} users and {data.n_items} items, got {scores.shape}"
            )
        return scores.block
    function = scores

    def copied(users: np.ndarray) -> np.ndarray:
        found = np.array(function(users), order="C")
        if found.shape != (len(users), data.n_items) or found.dtype not in (np.float32, np.float64):
            raise UserError(
                f"scores: expected [{len(users)}, {data.n_items}] of float32 or float64, got {list(found.shape)} of "
                f"{found.dtype}"
            )
        return found

    return copied
