"""Implicit data sets: which items users have chosen, without ratings and without negatives."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np

from core.common.errors import UserError
from core.common.seeding import numpy_rng
from recommenders.data.dataset import PARTS
from recommenders.data.implicit.user_items import UserItems


@dataclass(frozen=True, eq=False)
class ImplicitDataset:
    """The training, validation and test items of every user.

    Raises:
        UserError: parts of other users or items than there are, a pair of a user and an item in two parts, or no
            training items.
    """

    name: str
    """The name in the registry, or that of the files."""
    train: UserItems
    """For training recommenders."""
    validation: UserItems
    """For rewards, early stopping and every choice; may be empty."""
    test: UserItems
    """For reported results only."""
    user_ids: np.ndarray
    """[n_users] the published ids."""
    item_ids: np.ndarray
    """[n_items] the published ids."""
    split: str
    """How it was split into parts, in a sentence."""
    notes: tuple[str, ...] = ()
    """What was left out or guessed while reading, a sentence each."""
    warnings: tuple[str, ...] = ()
    """What makes results doubtful, a sentence each."""

    def __post_init__(self) -> None:
        """Check that the parts belong together."""
        where = f"data set {self.name}"
        for name in PARTS:
            part: UserItems = getattr(self, name)
            if part.n_users != self.n_users or part.items.max(initial=-1) >= self.n_items:
                raise UserError(
                    f"{where}: expected {self.n_users:,} users and {self.n_items:,} items in every part, got a {name} "
                    f"part with {part.n_users:,} users and items up to number {part.items.max(initial=-1)}"
                )
        if not len(self.train):
            raise UserError(f"{where}: the training part is empty, expected items to learn from; use more data")
        for one, other in (("validation", "train"), ("test", "train"), ("test", "validation")):
            n = int(getattr(self, one).shared(getattr(self, other)).sum())
            if n:
                raise UserError(
                    f"{where}: expected parts that share no pair of a user and an item, got {n:,} in both {one} and "
                    f"{other}; remove them from one"
                )

    def __repr__(self) -> str:
        """Its name and its sizes."""
        parts = ", ".join(f"{name} {len(getattr(self, name)):,}" for name in PARTS)
        return f"ImplicitDataset {self.name}: {self.n_users:,} users, {self.n_items:,} items; pairs: {parts}"

    @property
    def n_users(self) -> int:
        """The number of users."""
        return len(self.user_ids)

    @property
    def n_items(self) -> int:
        """The number of items."""
        return len(self.item_ids)

    def part(self, name: str) -> UserItems:
        """Return a part by its name: train, validation or test."""
        found: UserItems = getattr(self, PARTS[PARTS.index(name)])
        return found

    def left_out(self, part: str) -> UserItems:
        """Return the items that users are not ranked for when a part is evaluated: those of all parts before it."""
        return self.train.union(self.validation) if part == "test" else self.train

    def popularity(self) -> np.ndarray:
        """Return how many users have an item in the training part, [n_items] int64."""
        return np.bincount(self.train.items, minlength=self.n_items)

    def with_validation(self, train: UserItems, validation: UserItems, how: str) -> ImplicitDataset:
        """Return this data set with its training part divided in two.

        Args:
            train: what is left of it.
            validation: what was taken.
            how: how it was chosen, in a few words.
        """
        return replace(self, train=train, validation=validation, split=f"{self.split}; {how}")

    def of_users(self, n: int, seed: int) -> ImplicitDataset:
        """Return some of the users with all of their items, drawn at random; the items stay as they are.

        Args:
            n: how many; of that many or fewer, all.
            seed: of the draw.
        """
        if n >= self.n_users:
            return self
        chosen = np.sort(numpy_rng(seed, "users").choice(self.n_users, n, replace=False))
        train, validation, test = (self.part(name).of_users(chosen) for name in PARTS)
        ids, split = self.user_ids[chosen], f"{self.split}; {n:,} of the users"
        return replace(self, train=train, validation=validation, test=test, user_ids=ids, split=split)

    def digest(self) -> str:
        """Return a digest of the content of every part, the same on every machine."""
        digest = hashlib.blake2b(f"{self.n_users} {self.n_items}".encode(), digest_size=16)
        for name in PARTS:
            part = self.part(name)
            digest.update(f"{name} {len(part)};".encode())
            digest.update(part.indptr.astype("<i8").tobytes())
            digest.update(part.items.astype("<i4").tobytes())
        return digest.hexdigest()
