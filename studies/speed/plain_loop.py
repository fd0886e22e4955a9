"""What one would write without this project: one candidate, torch modules, autograd, an optimiser."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import torch
from torch import Tensor, nn

from core.losses.loss import ProgramLoss
from recommenders.backends.batches import EpochBatches
from recommenders.data.dataset import Dataset
from recommenders.tasks.task import TrainSettings


class PlainMF(nn.Module):
    """Matrix factorisation with biases (paper, Eq. 2): (user [B], item [B]) -> y_hat [B]."""

    def __init__(self, n_users: int, n_items: int, embedding_size: int) -> None:
        super().__init__()
        self.user, self.item = nn.Embedding(n_users, embedding_size), nn.Embedding(n_items, embedding_size)
        self.user_bias, self.item_bias = nn.Embedding(n_users, 1), nn.Embedding(n_items, 1)
        self.global_bias = nn.Parameter(torch.tensor(0.1))

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        """See the class."""
        dot = (self.user(user) * self.item(item)).sum(dim=1)
        return torch.sigmoid(dot + self.user_bias(user)[:, 0] + self.item_bias(item)[:, 0] + self.global_bias)


def plain_steps(
    model: nn.Module, dataset: Dataset, loss: ProgramLoss, settings: TrainSettings, n: int
) -> Callable[[], None]:
    """Train a model in a plain loop.

    Args:
        model: (user [B], item [B]) -> y_hat [B], where its parameters are.
        dataset: to train on.
        loss: to train with.
        settings: of the training.
        n: how many steps of an epoch, the first ones.

    Returns:
        What does it, to be called and timed.
    """
    device = next(model.parameters()).device
    optimiser = torch.optim.SGD(model.parameters(), settings.learning_rate, weight_decay=settings.search_weight_decay)
    batches = EpochBatches(dataset.train, settings.batch_size, device, torch.float32)(0, 0)

    def train() -> None:
        for batch in islice(batches, n):
            optimiser.zero_grad()
            value = loss.function(model(batch.user, batch.item), batch.label).mean()
            if value.requires_grad:
                value.backward()
            nn.utils.clip_grad_value_(model.parameters(), settings.clip)
            optimiser.step()

    return train
