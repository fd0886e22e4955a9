"""Modules such as users of the house may bring."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class PlainMF(nn.Module):
    """The equation of recommenders.models.mf, with its names."""

    def __init__(self, n_users: int, n_items: int, embedding_size: int = 3, init_std: float = 1.0):
        super().__init__()
        self.user_embedding = nn.Parameter(init_std * torch.randn(n_users, embedding_size))
        self.item_embedding = nn.Parameter(init_std * torch.randn(n_items, embedding_size))
        self.user_bias = nn.Parameter(init_std * torch.randn(n_users))
        self.item_bias = nn.Parameter(init_std * torch.randn(n_items))
        self.global_bias = nn.Parameter(torch.tensor(0.1))

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        dot = (self.user_embedding[user] * self.item_embedding[item]).sum(dim=1)
        return dot + self.user_bias[user] + self.item_bias[item] + self.global_bias


class ProbabilityMF(PlainMF):
    output = "probability"

    def forward(self, user, item):
        return torch.sigmoid(super().forward(user, item))


class Clipped(PlainMF):
    """Probabilities that no sigmoid makes."""

    output = "probability"

    def forward(self, user, item):
        return 0.5 + torch.atan(super().forward(user, item)) / torch.pi


class NeuMF(nn.Module):
    def __init__(self, n_users: int, n_items: int, size: int = 3):
        super().__init__()
        self.of_users, self.of_items = nn.ModuleList(), nn.ModuleList()
        for _ in range(2):
            self.of_users.append(nn.Embedding(n_users, size))
            self.of_items.append(nn.Embedding(n_items, size))
        self.tower = nn.Sequential(nn.Linear(2 * size, size), nn.ReLU())
        self.last = nn.Linear(2 * size, 1)

    def forward(self, user, item):
        product = self.of_users[0](user) * self.of_items[0](item)
        both = torch.cat([self.of_users[1](user), self.of_items[1](item)], dim=-1)
        return self.last(torch.cat([product, self.tower(both)], dim=-1))  # [B, 1]


class Normed(nn.Module):
    """Batch normalisation and dropout, as recommenders.models.mlp."""

    def __init__(self, n_users: int, n_items: int, size: int = 3, dropout: float = 0.2):
        super().__init__()
        self.user, self.item = nn.Embedding(n_users, size), nn.Embedding(n_items, size)
        self.net = nn.Sequential(
            nn.Linear(2 * size, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Dropout(dropout), nn.Linear(5, 1)
        )

    def forward(self, user, item):
        return self.net(torch.cat([self.user(user), self.item(item)], dim=1)).squeeze(1)


class Featured(nn.Module):
    """Features of items in a buffer, and their kinds, whole numbers."""

    def __init__(self, n_users: int, n_items: int):
        super().__init__()
        self.user, self.item = nn.Embedding(n_users, 3), nn.Embedding(n_items, 3)
        self.kind = nn.Embedding(4, 3)
        self.register_buffer("features", torch.linspace(-1, 1, 2 * n_items).reshape(n_items, 2))
        self.register_buffer("kinds", torch.arange(n_items) % 4)
        self.mix = nn.Linear(2, 3)

    def forward(self, user, item):
        of_item = self.item(item) + self.mix(self.features[item]) + self.kind(self.kinds[item])
        return (self.user(user) * of_item).sum(-1)


class Graph(nn.Module):
    """One table of all, spread along a fixed graph: it cannot be gathered."""

    def __init__(self, n_users: int, n_items: int):
        super().__init__()
        self.n_users, n = n_users, n_users + n_items
        self.nodes = nn.Embedding(n, 3)
        nn.init.normal_(self.nodes.weight, std=0.5)
        graph = ((torch.arange(n)[:, None] * 7 + torch.arange(n)) % 3 == 0).float()
        self.register_buffer("graph", graph / graph.sum(1, keepdim=True))

    def forward(self, user, item):
        nodes = self.nodes.weight + self.graph @ self.nodes.weight
        return (nodes[user] * nodes[self.n_users + item]).sum(-1)


class Padded(nn.Module):
    """Row 0 of each table is nobody's."""

    def __init__(self, n_users: int, n_items: int):
        super().__init__()
        self.user = nn.Embedding(n_users + 1, 3, padding_idx=0)
        self.item = nn.Embedding(n_items + 1, 3, padding_idx=0)

    def forward(self, user, item):
        return functional.cosine_similarity(self.user(user + 1), self.item(item + 1)) * 3


class Branching(PlainMF):
    """Python decides by a number, which vmap cannot follow."""

    def forward(self, user, item):
        logit = super().forward(user, item)
        return logit * 2 if self.global_bias.item() > 0.3 else logit
