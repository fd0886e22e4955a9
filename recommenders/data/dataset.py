"""The types of data: ratings as read, labelled interactions, and a data set ready for training."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np

from core.common.errors import UserError

#: The parts of a data set, in the order of their numbers.
PARTS = ("train", "validation", "test")
_REMEDY = {
    "positive": "lower --positive-at, the least rating that counts as positive",
    "negative": "raise --positive-at, let --negatives draw some",
}


@dataclass
class Ratings:
    """Ratings in the order of their file. Whoever holds them may drop columns that are no longer needed."""

    user: np.ndarray
    """[n] int64, index in `user_ids`."""
    item: np.ndarray
    """[n] int64, index in `item_ids`."""
    rating: np.ndarray | None
    """[n] float64, or None where there is no such column."""
    timestamp: np.ndarray | None
    """[n] int64 in the order of time (the times themselves where all are whole), or None without such a column."""
    user_ids: np.ndarray
    """[n_users] the published ids in order."""
    item_ids: np.ndarray
    """[n_items] the published ids in order."""
    part: np.ndarray | None = None
    """[n] int8, 0 for training, 1 for validation, 2 for test; None where rows are not split yet."""
    notes: list[str] = field(default_factory=list)
    """What was guessed while reading, a sentence each."""

    def __len__(self) -> int:
        """The number of ratings."""
        return len(self.user)


@dataclass(frozen=True)
class Interactions:
    """Labelled pairs of a user and an item."""

    user: np.ndarray
    """[n] int64, from 0."""
    item: np.ndarray
    """[n] int64, from 0."""
    label: np.ndarray
    """[n] float32, 0 or 1."""

    def __len__(self) -> int:
        """The number of pairs."""
        return len(self.user)

    def take(self, rows: np.ndarray) -> Interactions:
        """Select rows by their indices (in that order) or by a boolean mask [n]."""
        return Interactions(self.user[rows], self.item[rows], self.label[rows])


@dataclass(frozen=True)
class Origin:
    """Provenance of a data set: what was read, and how it was prepared."""

    n_rows: int | None = None
    """Rows read; None if as many as the parts have together."""
    n_repeated: int = 0
    """Rows whose user and item occur in an earlier row."""
    pairs: str = "all"
    """Which of such rows are kept: last, first or all."""
    n_pairs: int | None = None
    """Distinct pairs of a user and an item that were read; None if as many as the parts have rows."""
    n_drawn: int = 0
    """Negatives that were drawn at random."""
    labels: str = ""
    """What counts as a positive, and why there are no negatives if there are none."""
    notes: tuple[str, ...] = ()
    """What was guessed while reading, a sentence each."""
    warnings: tuple[str, ...] = ()
    """What makes results doubtful, a sentence each."""


@dataclass(frozen=True)
class Dataset:
    """Training, validation and test interactions of one data set."""

    name: str
    """The name in the registry, or that of the table."""
    train: Interactions
    """For training recommenders."""
    validation: Interactions
    """For rewards, early stopping and every choice."""
    test: Interactions
    """For reported results only."""
    user_ids: np.ndarray
    """[n_users] the published ids."""
    item_ids: np.ndarray
    """[n_items] the published ids."""
    split: str
    """How it was split into parts, in a sentence."""
    origin: Origin = Origin()
    """What was read, and how it was prepared."""

    @property
    def n_users(self) -> int:
        """The number of users."""
        return len(self.user_ids)

    @property
    def n_items(self) -> int:
        """The number of items."""
        return len(self.item_ids)

    def digest(self) -> str:
        """Return a digest of the content of every part."""
        digest = hashlib.blake2b(f"{self.n_users} {self.n_items}".encode(), digest_size=16)
        for part in (self.train, self.validation, self.test):
            for column in (part.user, part.item, part.label):
                digest.update(f"{column.dtype} {len(column)};".encode())
                digest.update(np.ascontiguousarray(column).data)
        return digest.hexdigest()

    def check_classes(self) -> None:
        """Refuse a part on which nothing can be learned or measured.

        Raises:
            UserError: an empty part, or one with a single class of labels.
        """
        for name in PARTS:
            part: Interactions = getattr(self, name)
            if not len(part):
                raise UserError(f"data set {self.name}: the {name} part is empty, expected positives and negatives")
            n_positive = int((part.label > 0.5).sum())
            if n_positive in (0, len(part)):
                missing = "positive" if n_positive == 0 else "negative"
                why = f" ({self.origin.labels})" * bool(self.origin.labels)
                raise UserError(
                    f"data set {self.name}: the {name} part has {len(part)} rows and no {missing} label{why}; "
                    f"AUC and F1 need both classes: {_REMEDY[missing]}, use more data or another --split"
                )
