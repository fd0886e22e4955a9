"""The items of every user, as a sparse matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.common.errors import UserError


@dataclass(frozen=True, eq=False)
class UserItems:
    """The items of every user, row by row (CSR): those of user u are items[indptr[u] : indptr[u + 1]].

    Raises:
        UserError: arrays of another type, or that are not such rows.
    """

    indptr: np.ndarray
    """[n_users + 1] int64, the index in `items` at which a user's items begin, and at the end the number of all."""
    items: np.ndarray
    """[n] int32, from 0, ascending within a user."""

    def __post_init__(self) -> None:
        """Check types and order."""
        if (self.indptr.dtype, self.items.dtype) != (np.int64, np.int32) or self.indptr.ndim != 1:
            got = f"{self.indptr.dtype} and {self.items.dtype}"
            raise UserError(f"items of users: expected indptr of int64 and items of int32, got {got}; convert them")
        ends = self.indptr[[0, -1]].tolist() if len(self.indptr) else None
        if ends != [0, len(self.items)] or (np.diff(self.indptr) < 0).any():
            raise UserError(
                f"items of users: expected indptr that ascends from 0 to {len(self.items)}, the number of items, got "
                f"{ends} at its ends; make it of pairs with UserItems.of_pairs"
            )
        ascends = np.ones(len(self.items) + 1, dtype=bool)
        ascends[1:-1] = self.items[1:] > self.items[:-1]
        ascends[self.indptr] = True  # where the next user begins
        if not ascends.all() or (len(self.items) and self.items.min() < 0):
            raise UserError(
                "items of users: expected items from 0, ascending and different within a user, got others; make it of "
                "pairs with UserItems.of_pairs"
            )

    @classmethod
    def of_pairs(cls, user: np.ndarray, item: np.ndarray, n_users: int) -> UserItems:
        """Make it of pairs of a user and an item, in any order; pairs that occur several times count once.

        Args:
            user: [n] integers from 0.
            item: [n] integers from 0.
            n_users: the number of users.
        """
        span = int(item.max(initial=0)) + 1
        pair = np.sort(user.astype(np.int64) * span + item)
        is_first = np.ones(len(pair), dtype=bool)
        is_first[1:] = pair[1:] != pair[:-1]
        user, item = np.divmod(pair if is_first.all() else pair[is_first], span)
        return cls(row_starts(np.bincount(user, minlength=n_users)), item.astype(np.int32))

    @classmethod
    def empty(cls, n_users: int) -> UserItems:
        """Return users without items."""
        return cls(np.zeros(n_users + 1, dtype=np.int64), np.empty(0, dtype=np.int32))

    def __len__(self) -> int:
        """The number of pairs of a user and an item."""
        return len(self.items)

    @property
    def n_users(self) -> int:
        """The number of users, with and without items."""
        return len(self.indptr) - 1

    @property
    def counts(self) -> np.ndarray:
        """The number of items of every user, [n_users] int64."""
        return np.diff(self.indptr)

    def of(self, user: int) -> np.ndarray:
        """Return the items [n] of one user."""
        return self.items[self.indptr[user] : self.indptr[user + 1]]

    def users(self) -> np.ndarray:
        """Return the user of every item in `items`, [n] int64."""
        return np.repeat(np.arange(self.n_users), self.counts)

    def take(self, chosen: np.ndarray) -> UserItems:
        """Select pairs by a boolean mask [n]; all users stay."""
        counts = np.bincount(self.users()[chosen], minlength=self.n_users)
        return UserItems(row_starts(counts), self.items[chosen])

    def of_users(self, chosen: np.ndarray) -> UserItems:
        """Return the items of some users [m], who are numbered anew in this order."""
        counts = self.counts[chosen]
        starts = row_starts(counts)
        place = np.repeat(self.indptr[chosen] - starts[:-1], counts) + np.arange(starts[-1])
        return UserItems(starts, self.items[place])

    def union(self, other: UserItems) -> UserItems:
        """Return the items that a user has here or there."""
        if not len(self) or not len(other):
            return other if not len(self) else self
        user, item = (np.concatenate(both) for both in ((self.users(), other.users()), (self.items, other.items)))
        return UserItems.of_pairs(user, item, self.n_users)

    def shared(self, other: UserItems) -> np.ndarray:
        """Tell which pairs are in another one too, [n] bool."""
        span = int(max(self.items.max(initial=0), other.items.max(initial=0))) + 1
        own, others = (one.users() * span + one.items for one in (self, other))
        if not len(others):
            return np.zeros(len(own), dtype=bool)
        at = np.minimum(np.searchsorted(others, own), len(others) - 1)
        return others[at] == own


def row_starts(counts: np.ndarray) -> np.ndarray:
    """Return where rows of these lengths [n] begin one after the other, and where the last one ends: [n + 1] int64."""
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
