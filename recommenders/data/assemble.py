"""From ratings to a data set: labels and parts."""

from __future__ import annotations

import numpy as np

from core.common.seeding import numpy_rng
from recommenders.data.dataset import Dataset, Interactions, Ratings
from recommenders.data.labels import USUAL_POSITIVE_AT
from recommenders.data.split import positive_leave_one_out, random_split


def labelled(ratings: Ratings, positive_at: float | None = None) -> Interactions:
    """Ratings of `positive_at` (4 unless given, section 5.1.1) and more get the label 1, others 0."""
    border = USUAL_POSITIVE_AT if positive_at is None else positive_at
    return Interactions(ratings.user, ratings.item, (ratings.rating >= border).astype(np.float32))


def by_time_or_random(name: str, ratings: Ratings, seed: int, positive_at: float | None = None) -> Dataset:
    """Positive leave-one-out where there are timestamps, else a random 80/10/10 split."""
    interactions = labelled(ratings, positive_at)
    if ratings.timestamp is not None:
        order = np.argsort(ratings.timestamp, kind="stable")
        parts, split = positive_leave_one_out(interactions.take(order)), "positive leave-one-out by time"
    else:
        parts, split = random_split(interactions, numpy_rng(seed, "split", name)), "random 80/10/10 (no timestamps)"
    return Dataset(name, *parts, ratings.user_ids, ratings.item_ids, split)
