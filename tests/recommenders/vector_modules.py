"""Models of vectors such as users of the house may bring."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from recommenders.models.vectors.mf import VectorMF
from recommenders.models.vectors.model import VectorModel


class Towers(nn.Module):
    """Two tables."""

    def __init__(self, n_users: int, n_items: int, size: int = 3):
        super().__init__()
        self.user, self.item = nn.Embedding(n_users, size, sparse=True), nn.Embedding(n_items, size)
        self.own = self.extra()

    def extra(self):
        return None

    def user_vectors(self, ids):
        return self.user(ids)

    def item_vectors(self, ids):
        return self.item(ids)


class Featured(nn.Module):
    """A table of users, and items by their features."""

    def __init__(self, n_users: int, n_items: int, size: int = 3):
        super().__init__()
        self.user, self.map = nn.Embedding(n_users, size), nn.Linear(n_items, size)
        self.register_buffer("features", torch.eye(n_items))

    def user_vectors(self, ids):
        return self.user(ids)

    def item_vectors(self, ids):
        return self.map(self.features[ids])


class Needy(Towers):
    """Has a setting without a default."""

    def __init__(self, n_users: int, n_items: int, width: int):
        super().__init__(n_users, n_items, width)


class Half(nn.Module):
    """Knows nothing of items."""

    def user_vectors(self, ids):
        return ids


@dataclass(frozen=True)
class OwnMF(VectorMF):
    """A class of the house with another setting."""

    size: int = 8
    about: ClassVar[str] = "own"

    def initial(self, n_users, n_items, seed):
        return {name: one[:, : self.size] for name, one in super().initial(n_users, n_items, seed).items()}


@dataclass(frozen=True)
class Abstract(VectorModel):
    """Gives no vectors."""
