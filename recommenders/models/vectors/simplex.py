"""SimpleX (Mao et al., CIKM 2021): the vector of a user is mixed with what the items of the user are like.

user = gamma * row of the user + (1 - gamma) * V * sum over the user's items h of a(h) h, where a is (Eq. 9)

- mean: 1 / number of items,
- user_attention: softmax over h of tanh(K h + b) . row of the user,
- self_attention: softmax over h of tanh(K h + b) . q.

In training the item to be predicted is not among the user's items. What the official code does (reczoo/RecZoo@88fae23,
src/SimpleX.py) and where this differs:

- its tables begin as normal with deviation 1e-4 and its learning rate is 1e-4: `init_std=1e-4`;
- on Gowalla it takes `aggregation=user_attention:gamma=.8:share_embedding=no`, on Yelp gamma=1, which leaves the items
  out, so that it is matrix factorisation; its own default of gamma is .5;
- it pads all users' items to one length, and the padding counts in the softmax as exp(0), so that the weights of a user
  with few items add up to far less than 1: `padding=811` does the same on Gowalla;
- it takes exp without subtracting the largest, so that large scores overflow, and adds 1e-9 to counts and sums;
- it treats an item whose row adds up to 0 as padding;
- of users with more items than the length it keeps the last ones in the file, 500 on Yelp; here `history_length` items
  are drawn once for each user, as items have no order, and the one to be predicted is taken out after that;
- dropout of the attention, biases of scores and batch normalisation, all off in its configurations, are left out.

Where users have a good part of all items, as in small data sets, draw negatives that the user does not have
(`uniform:exclude_positives=yes`) and stop early: of a user's training items the one to be predicted is the one that is
missing among those looked at, which a model can learn instead of what users like.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from core.common.seeding import numpy_rng, torch_rng
from recommenders.data.implicit.user_items import UserItems
from recommenders.models.recommender import RowKind, Weights, check_settings
from recommenders.models.vectors.model import VectorModel

#: Users whose items are looked up at a time.
_AT_ONCE = 8192


class _Bags(NamedTuple):
    """The items of n users one after the other."""

    items: Tensor
    """[m]."""
    user: Tensor
    """[m] the place of the user, from 0 to n - 1."""
    counts: Tensor
    """[n]."""


class History:
    """The items of every user, or some of them.

    Args:
        train: the items of every user.
        length: the most items of a user, drawn the same way whenever it is made; None: all.
    """

    def __init__(self, train: UserItems, length: int | None) -> None:
        if length is not None:
            key = numpy_rng("simplex", "history").random(len(train))
            order = np.lexsort((key, train.users()))
            place = np.arange(len(train)) - np.repeat(train.indptr[:-1], train.counts)
            chosen = np.zeros(len(train), dtype=bool)
            chosen[order] = place < length
            train = train.take(chosen)
        self._starts, self._items = torch.from_numpy(train.indptr), torch.from_numpy(train.items.astype(np.int64))

    def of(self, users: Tensor, positives: Tensor | None) -> _Bags:
        """Return the items of users.

        Args:
            users: [n].
            positives: [n] an item that is left out for each; None: none is.
        """
        if self._starts.device != users.device:
            self._starts, self._items = self._starts.to(users.device), self._items.to(users.device)
        first, counts = self._starts[users], self._starts[users + 1] - self._starts[users]
        user = torch.repeat_interleave(torch.arange(len(users), device=users.device), counts)
        ends = counts.cumsum(0)
        items = self._items[(first - ends + counts)[user] + torch.arange(len(user), device=users.device)]
        if positives is not None:
            others = items != positives[user]
            items, user = items[others], user[others]
            counts = torch.bincount(user, minlength=len(users))
        return _Bags(items, user, counts)


@dataclass(frozen=True)
class SimpleX(VectorModel):
    """Users mixed with their items, see the module."""

    about: ClassVar[str] = "SimpleX: users are mixed with the items that they have"

    aggregation: Literal["mean", "user_attention", "self_attention"] = "user_attention"
    """How the items of a user become one vector."""
    gamma: float = 0.8
    """The weight of the user's own row; the items have the rest."""
    history_length: int | None = None
    """The most items of a user that are looked at, drawn at random; none: all."""
    share_embedding: bool = True
    """Whether items have the same rows as a user's items and as what is scored."""
    padding: int = 0
    """The softmax of attention counts exp(0) for each place that is missing to so many items; the official code has
    that, with the length of its lists."""

    def __post_init__(self) -> None:
        """Check the settings."""
        super().__post_init__()
        check_settings(self, gamma=(0, 1 + 1e-9), padding=(0, 1e6))
        if self.history_length is not None:
            check_settings(self, history_length=(1, 1e6))

    @property
    def tables(self) -> Mapping[str, RowKind]:  # type: ignore[override]
        """See VectorModel."""
        own: Mapping[str, RowKind] = {} if self.share_embedding else {"history_embedding": "item"}
        return {**VectorModel.tables, **own}

    def on(self, train: UserItems, n_items: int) -> Self:
        """See VectorModel."""
        return self._knowing(History(train, self.history_length))

    def initial(self, n_users: int, n_items: int, seed: int) -> Weights:
        """See VectorModel: layers are Xavier normal, their bias is 0."""
        n, made = self.embedding_size, super().initial(n_users, n_items, seed)
        shapes: dict[str, tuple[int, ...]] = {"value": (n, n)}
        if self.aggregation != "mean":
            shapes["key"] = n, n
            made["key_bias"] = torch.zeros(n)
        if self.aggregation == "self_attention":
            shapes["query"] = n, 1
        for name, shape in shapes.items():
            draw = torch.randn(shape, generator=torch_rng(seed, "initial", name))
            made[name] = draw * math.sqrt(2 / sum(shape))
        return made

    def vectors(
        self, weights: Weights, users: Tensor | None, items: Tensor | None, positives: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """See VectorModel.

        Raises:
            UserError: the model is of no training part yet.
        """
        history, own, item = self._known(History), weights["user_embedding"], weights["item_embedding"]
        every = torch.arange(len(own), device=own.device) if users is None else users
        parts = []
        for first in range(0, max(len(every), 1), _AT_ONCE):
            some = slice(first, first + _AT_ONCE)
            bags = history.of(every[some], None if positives is None else positives[some])
            parts.append(self._mixed(weights, own[every[some]], bags))
        return torch.cat(parts), item if items is None else item[items]

    def _mixed(self, weights: Weights, users: Tensor, bags: _Bags) -> Tensor:
        if self.gamma >= 1:
            return users
        table = weights["item_embedding" if self.share_embedding else "history_embedding"]
        starts = torch.nn.functional.pad(bags.counts.cumsum(0), (1, 0))
        if self.aggregation == "mean":
            pooled = embedding_bag(bags.items, table, starts, mode="mean", include_last_offset=True)
        else:
            shares = self._shares(weights, table, users, bags)
            pooled = embedding_bag(
                bags.items, table, starts, mode="sum", per_sample_weights=shares, include_last_offset=True
            )
        return self.gamma * users + (1 - self.gamma) * (pooled @ weights["value"].T)

    def _shares(self, weights: Weights, table: Tensor, users: Tensor, bags: _Bags) -> Tensor:
        """Return the share of each item [m] in the vector of its user, by attention."""
        different, place = bags.items.unique(return_inverse=True)
        keys = torch.tanh(table[different] @ weights["key"].T + weights["key_bias"])
        if self.aggregation == "self_attention":
            score = (keys @ weights["query"])[:, 0][place]
        else:
            score = (keys[place] * users[bags.user]).sum(1)
        total, padded = score.new_zeros(len(users)), self.padding > 0
        largest = total.scatter_reduce(0, bags.user, score.detach(), "amax", include_self=padded)
        power = (score - largest[bags.user]).exp()
        if padded:
            total = (self.padding - bags.counts).clamp(min=0) * (-largest).exp()
        return power / total.index_add(0, bags.user, power)[bags.user]
