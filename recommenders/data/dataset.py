"""The types of data: ratings as published, and a data set ready for training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.common.errors import UserError

_REMEDY = {
    "positive": "lower --positive-at, the least rating that counts as positive",
    "negative": "raise --positive-at, let --negatives draw some",
}


@dataclass(frozen=True)
class Ratings:
    """Explicit ratings in the order of their file.

    Users and items are numbered from 0; `user_ids` and `item_ids` give the published ids back.
    """

    user: np.ndarray
    """[n] int64."""
    item: np.ndarray
    """[n] int64."""
    rating: np.ndarray
    """[n] float64."""
    timestamp: np.ndarray | None
    """[n] int64 in the order of times (they themselves where all are whole), or None where the source has none."""
    user_ids: np.ndarray
    """The published id of every user."""
    item_ids: np.ndarray
    """The published id of every item."""

    def __len__(self) -> int:
        """The number of ratings."""
        return len(self.user)


@dataclass(frozen=True)
class Interactions:
    """Labelled pairs: user [n] and item [n] (int64, from 0), label [n] (float32, 0 or 1)."""

    user: np.ndarray
    item: np.ndarray
    label: np.ndarray

    def __len__(self) -> int:
        """The number of pairs."""
        return len(self.user)

    def take(self, rows: np.ndarray) -> Interactions:
        """The pairs of these row numbers (or of a boolean mask), in that order."""
        return Interactions(self.user[rows], self.item[rows], self.label[rows])


@dataclass(frozen=True)
class Origin:
    """What was read, and what was done to it."""

    n_rows: int | None = None
    """Rows read; None where that is the rows of all parts."""
    n_repeated: int = 0
    """Rows whose user and item stood in a row before."""
    pairs: str = "all"
    """What stays of such rows: last, first or all."""
    n_pairs: int | None = None
    """Distinct pairs of a user and an item that were read; None where that is the rows of all parts."""
    n_drawn: int = 0
    """Negatives that were drawn."""
    labels: str = ""
    """What counts as a positive, and why there are no negatives where there are none."""
    notes: tuple[str, ...] = ()
    """What was found out or guessed, a sentence each."""
    warnings: tuple[str, ...] = ()
    """What makes results doubtful, a sentence each."""


_UNKNOWN = Origin()


@dataclass(frozen=True)
class Dataset:
    """Training, validation and test interactions of one data set."""

    name: str
    """The name in the registry, or that of the table."""
    train: Interactions
    """What recommenders are trained on."""
    validation: Interactions
    """What rewards, early stopping and choices are measured on."""
    test: Interactions
    """What is only ever reported."""
    user_ids: np.ndarray
    """The published id of every user."""
    item_ids: np.ndarray
    """The published id of every item."""
    split: str
    """How the parts were made, in a sentence."""
    origin: Origin = _UNKNOWN
    """What was read, and what was done to it."""

    @property
    def n_users(self) -> int:
        """The number of users."""
        return len(self.user_ids)

    @property
    def n_items(self) -> int:
        """The number of items."""
        return len(self.item_ids)

    def check_classes(self) -> None:
        """Refuse a part from which nothing can be learned or measured.

        Raises:
            UserError: an empty part, or one with a single class of labels.
        """
        for name in ("train", "validation", "test"):
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
