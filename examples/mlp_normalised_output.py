"""The paper's MLP with batch normalisation on its last layer, too: `--recommender examples.mlp_normalised_output:MLP`.

Section 5.1.4 normalises, drops and rectifies each layer. To rectify the last one would leave no prediction below
1/2; to normalise it is possible, and for a loss without a lower bound, such as hinge, makes a difference: logits cannot
run away. `docs/results.md` has the figures.
"""

import itertools

import torch
from torch import Tensor, nn


class MLP(nn.Module):
    """Layers 2d x 64, 64 x 16 and 16 x 1 on concatenated embeddings, each of them normalised over the batch."""

    def __init__(self, n_users: int, n_items: int, embedding_size: int = 64, dropout: float = 0.2) -> None:
        super().__init__()
        self.user, self.item = nn.Embedding(n_users, embedding_size), nn.Embedding(n_items, embedding_size)
        hidden = itertools.pairwise((2 * embedding_size, 64, 16))
        layers = [(nn.Linear(n, m), nn.BatchNorm1d(m), nn.ReLU(), nn.Dropout(dropout)) for n, m in hidden]
        self.layers = nn.Sequential(*itertools.chain(*layers), nn.Linear(16, 1), nn.BatchNorm1d(1))

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        """User and item numbers [B] -> logits [B]."""
        return self.layers(torch.cat([self.user(user), self.item(item)], dim=-1)).squeeze(-1)
