"""What compiled steps work with: the examples and constants of an epoch, and arrays that are used again in every step.

E examples of an epoch, at most K of a batch, N negatives of each or of all, D dimensions, m namings of items.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from core.losses.setwise.set_loss import SetLoss
from recommenders.backends.ranking.base import Recipe
from recommenders.backends.ranking.compiled.rows import Rows, new_rows
from recommenders.backends.ranking.compiled.rules import Rule
from recommenders.backends.ranking.compiled.sketch import Sketch
from recommenders.backends.ranking.compiled.tables import Table, Travel
from recommenders.backends.ranking.epochs import Batch
from recommenders.data.implicit.draws import Alias
from recommenders.models.vectors.model import VectorModel

#: Examples that a thread takes at a time, where negatives are shared and where they are private. The first decides how
#: sums over examples are rounded, whatever the threads.
SHARED_BLOCK, PRIVATE_BLOCK = 256, 64


class Examples(NamedTuple):
    """The examples of an epoch, and how their negatives and dropped elements are drawn."""

    users: np.ndarray
    """[E] int32."""
    positives: np.ndarray
    """[E] int32."""
    batch: int
    """K: examples of all batches but the last."""
    seed: np.uint64
    """Of the negatives."""
    alias: Alias
    """Of the items."""
    owned: tuple[np.ndarray, np.ndarray]
    """Items of users that are not drawn for them, see `draw_private`."""
    any_item: bool
    """Whether all items are drawn for everybody."""
    dropout_seed: np.uint64
    """Of the dropped elements."""


class Manner(NamedTuple):
    """The way in which vectors are placed in scores and gradients used."""

    cosine: bool
    """Whether vectors in scores have length 1."""
    dropout: float
    """The share of elements of users that are dropped."""
    before: bool
    """Whether they are dropped before vectors are brought to length 1."""
    clip: float
    """The largest norm of the gradient of a step; infinite: any."""
    decay: np.floating
    """The weight decay of a row, for each time that it is named."""
    threshold: np.floating
    """Scores of negatives up to this one may be left out, see `SetLoss.threshold`; of no use without a sketch."""


class Work(NamedTuple):
    """The part that all steps of an epoch share."""

    examples: Examples
    manner: Manner
    lines: np.ndarray
    """[L, 7] of the loss, see `EncodedExpression`; none where it is no expression."""
    quantiles: np.ndarray
    """[n_users] see `SetScores`; empty where the loss needs none."""
    rule: Rule
    travel: Travel
    sketch: Sketch
    """Of items; without rows unless private negatives are screened."""


class Named(NamedTuple):
    """The rows that a batch names."""

    users: Rows
    items: Rows
    counts: np.ndarray
    """[3] int64: different users, different items, and namings of items."""
    ids: np.ndarray
    """[m] int32, items by naming: positives, then negatives, of private ones those that have a gradient."""


class Placed(NamedTuple):
    """Users as they are in scores, by example."""

    vectors: np.ndarray
    """[K, D]."""
    inverse: np.ndarray
    """[K] what they are multiplied by for that."""
    masks: np.ndarray
    """[K, D] factors of their elements; without rows where none is dropped."""
    gradients: np.ndarray
    """[K, D]."""


class Scored(NamedTuple):
    """The loss of a batch, and what it depends on."""

    positives: np.ndarray
    """[K] scores."""
    negatives: np.ndarray
    """[K, N] scores."""
    borders: np.ndarray
    """[K] quantiles of the users, where the loss needs them."""
    values: np.ndarray
    """[K] of the loss."""
    of_positives: np.ndarray
    """[K] derivatives by scores."""
    of_negatives: np.ndarray
    """[K, N] likewise."""
    total: np.ndarray
    """[1] float64, the sum of the values of all steps."""


class Private(NamedTuple):
    """Private negatives. Nothing here has rows where they are shared."""

    items: np.ndarray
    """[K, N] int32."""
    pool: np.ndarray
    """[K, pool] int32 of which they are chosen; without rows where they are drawn one by one."""
    pool_scores: np.ndarray
    """[K, pool] likewise."""
    owners: np.ndarray
    """[m] int32, the example of each naming."""
    factors: np.ndarray
    """[m] the derivative by its score."""
    starts: np.ndarray
    """[K + 1] int32, where those of each example begin."""
    of_pool: np.ndarray
    """[0, N, D], the gradients of shared negatives, of which there are none."""


class Shared(NamedTuple):
    """Shared negatives. Nothing here has rows where they are private."""

    owners: np.ndarray
    """[K] int32, the example of each positive."""
    gradients: np.ndarray
    """[blocks, N, D] from each block of examples."""


class Kept(NamedTuple):
    """Arrays that are used again in every step. Each stage gets its part: passing arrays takes time to compile."""

    named: Named
    placed: Placed
    scored: Scored
    private: Private
    shared: Shared


def new_kept(model: VectorModel, recipe: Recipe, users: Table, items: Table) -> Kept:
    """Return arrays for a training; memory that is never used is never taken.

    Args:
        model: decides dimensions and dropout.
        recipe: decides batches and negatives.
        users: the table of users.
        items: the table of items.
    """
    k, n, d, sampler = recipe.batch_size, recipe.sampler.negatives, model.embedding_size, recipe.sampler
    private, pool = (0, 0) if sampler.shared else (k, k if sampler.drawn > n else 0)
    dtype, namings = users.rows.dtype, k * n if private else 0

    def numbers(*shape: int) -> np.ndarray:
        return np.empty(shape, dtype)

    def whole(*shape: int) -> np.ndarray:
        return np.empty(shape, np.int32)

    m = k + (namings if private else n)
    return Kept(
        Named(new_rows(users, k), new_rows(items, m), np.zeros(3, dtype=np.int64), whole(m)),
        Placed(numbers(k, d), numbers(k), numbers(k if model.dropout > 0 else 0, d), numbers(k, d)),
        Scored(numbers(k), numbers(k, n), numbers(k), numbers(k), numbers(k), numbers(k, n), np.zeros(1)),
        Private(
            whole(private, n),
            whole(pool, sampler.drawn),
            numbers(pool, sampler.drawn),
            whole(private + namings),
            numbers(private + namings),
            whole(private + 1),
            numbers(0, n, d),
        ),
        Shared(np.arange(0 if private else k, dtype=np.int32), numbers(0 if private else -(-k // SHARED_BLOCK), n, d)),
    )


def examples_of(whole: Batch, batch: int, dropout_seed: np.uint64) -> Examples:
    """Return the examples of an epoch for compiled code.

    Args:
        whole: all of them.
        batch: how many make a step.
        dropout_seed: of the epoch.
    """
    draws, seed = whole.sampler, np.uint64(whole.seed)
    return Examples(
        whole.users, whole.positives, batch, seed, draws.alias, draws.owned, draws.excluded is None, dropout_seed
    )


def manner_of(model: VectorModel, recipe: Recipe, loss: SetLoss, dtype: np.dtype) -> Manner:
    """Return how a model is trained with a loss.

    Args:
        model: the model.
        recipe: how it is trained.
        loss: decides the threshold.
        dtype: of numbers.
    """
    clip = np.inf if recipe.clip_norm is None else recipe.clip_norm
    threshold = 0.0 if loss.threshold is None else loss.threshold
    placed = model.similarity == "cosine", float(model.dropout), model.dropout_place == "before"
    return Manner(*placed, clip, dtype.type(recipe.weight_decay), dtype.type(threshold))
