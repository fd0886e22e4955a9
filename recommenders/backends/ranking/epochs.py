"""What is drawn for an epoch: the order of examples, their negatives, and which elements of users are dropped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from core.common import splitmix
from core.common.jit import compiled
from core.common.seeding import derive_seed, numpy_rng
from core.common.splitmix import drawn
from recommenders.backends.ranking.base import Recipe
from recommenders.data.implicit.samplers import PreparedSampler
from recommenders.data.implicit.user_items import UserItems

#: Elements of a vector that 64 random bits decide over.
_EACH = 4
_LOW, _SHIFT = np.uint64(0xFFFF), np.uint64(16)


@dataclass(frozen=True, eq=False)
class Batch:
    """Examples of an epoch, in most places those of a step."""

    first: int
    """The number of the first of them in the epoch."""
    users: np.ndarray
    """[B] int32."""
    positives: np.ndarray
    """[B] int32."""
    sampler: PreparedSampler
    """Draws their negatives."""
    seed: int
    """Of these draws."""

    @cached_property
    def negatives(self) -> np.ndarray:
        """[B, drawn] int32, or [negatives] where they are shared."""
        return self.negatives_of(slice(0, len(self.users)))

    def negatives_of(self, block: slice) -> np.ndarray:
        """Draw the negatives of some examples, the same as those of all; shared ones are those of the first example.

        Args:
            block: of the examples.

        Returns:
            [b, drawn] int32, or [negatives] where they are shared.
        """
        return self.sampler.draw(self.seed, self.users[block], self.first + block.start)


class Epochs:
    """The batches of every epoch.

    Args:
        train: the items of every user.
        n_items: the number of items.
        recipe: how vectors are trained.
        seed: of all draws.
    """

    def __init__(self, train: UserItems, n_items: int, recipe: Recipe, seed: int) -> None:
        self._users, self._items = train.users().astype(np.int32), train.items
        self._sampler, self._size, self._seed = recipe.sampler.prepare(train, n_items), recipe.batch_size, seed

    def __len__(self) -> int:
        """The number of steps of an epoch."""
        return -(-len(self._items) // self._size)

    @property
    def n_examples(self) -> int:
        """The number of examples of an epoch."""
        return len(self._items)

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Iterate over the batches of an epoch."""
        every = self.whole(epoch)
        for first in range(0, len(every.users), self._size):
            chosen = slice(first, first + self._size)
            yield replace(every, first=first, users=every.users[chosen], positives=every.positives[chosen])

    def whole(self, epoch: int) -> Batch:
        """Return all examples of an epoch, one batch behind the other."""
        order = numpy_rng(self._seed, "order", epoch).permutation(len(self._items))
        seed = derive_seed(self._seed, "negatives", epoch)
        return Batch(0, self._users[order], self._items[order], self._sampler, seed)

    def dropout_seed(self, epoch: int) -> np.uint64:
        """Return the seed from which `mask` draws in an epoch."""
        return np.uint64(derive_seed(self._seed, "dropout", epoch))


@compiled(uses=(splitmix,))
def mask(seed, first, dropout, masks):
    """Draw which elements of the users' vectors of examples are dropped.

    Args:
        seed: of the epoch, uint64.
        first: the number of the first example.
        dropout: the share of elements that are dropped.
        masks: [B, D], overwritten: 0 where an element is dropped, else 1 / (1 - dropout).
    """
    kept = masks.dtype.type(1 / (1 - dropout))
    zero, border, n = masks.dtype.type(0), np.uint64(np.rint(dropout * 65536)), masks.shape[1]
    words = (n + _EACH - 1) // _EACH
    for b in range(len(masks)):
        for word in range(words):
            bits = drawn(seed, (first + b) * words + word)
            for j in range(word * _EACH, min(word * _EACH + _EACH, n)):
                masks[b, j] = zero if (bits & _LOW) < border else kept
                bits >>= _SHIFT
