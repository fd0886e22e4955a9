"""`python -m tests.benchmarks.module_speed`: what a module of one's own costs beside the same model batched by hand.

Milliseconds a candidate-epoch of MovieLens-100K on one core, from the first steps of an epoch; all ways of a model one
after the other, several times over, and medians, since a shared machine changes from minute to minute.
"""

import sys
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import nn

from recommenders.backends.batches import Batch, Epoch
from recommenders.backends.trainer import Trainer
from recommenders.common.machine import Machine
from recommenders.data import load_dataset
from recommenders.models.mf import MF
from recommenders.models.mlp import MLP
from recommenders.models.recommender import Recommender
from recommenders.modules.building import ModuleClass
from recommenders.modules.module import ModuleRecommender
from recommenders.tasks.task import TrainSettings
from studies.speed.measuring import PlainMF, plain_steps, sampled_losses

K, STEPS, REPEATS = 32, 20, 5


class LogitMF(PlainMF):
    """Its y_hat is a sigmoid."""

    output = "probability"

    def __init__(self, n_users: int, n_items: int) -> None:
        super().__init__(n_users, n_items, 64)


class PlainMLP(nn.Module):
    """The layers of recommenders.models.mlp; its y_hat is a sigmoid."""

    output = "probability"

    def __init__(self, n_users: int, n_items: int) -> None:
        super().__init__()
        self.user, self.item = nn.Embedding(n_users, 64), nn.Embedding(n_items, 64)
        hidden = [
            layer
            for n_in, n_out in ((128, 64), (64, 16))
            for layer in (nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out), nn.ReLU(), nn.Dropout(0.2))
        ]
        self.layers = nn.Sequential(*hidden, nn.Linear(16, 1))

    def forward(self, user: torch.Tensor, item: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.layers(torch.cat([self.user(user), self.item(item)], dim=1)).squeeze(1))


def main() -> None:
    torch.set_num_threads(1)
    dataset, losses, settings = load_dataset("ml-100k", None, 0), sampled_losses(K), TrainSettings(clip=1.0)
    n_steps, size = -(-len(dataset.train) // settings.batch_size), (dataset.n_users, dataset.n_items)

    def batched(recommender: Recommender, backend: str) -> Callable[[], float]:
        recommender = recommender.sized(*size)
        machine = Machine(torch.device("cpu"), backend=backend)
        trainer = Trainer(recommender, dataset.train, settings.batch_size, settings.clip, machine)
        models, train = (
            trainer.model_copies(recommender.initial(*size, 0), [0.5] * K, [1e-4] * K),
            trainer.prepare(losses),
        )
        all_, nobody, n = trainer.epoch(0, 0).examples, torch.empty(0, dtype=torch.int64), STEPS * settings.batch_size
        first = Batch(*(column[:n] for column in (all_.user, all_.item, all_.label, all_.first_user, all_.first_item)))
        train(models, Epoch(first, settings.batch_size, 0, 0), nobody, nobody)

        def timed() -> float:
            began = time.perf_counter()
            train(models, Epoch(first, settings.batch_size, 0, 0), nobody, nobody)
            return (time.perf_counter() - began) / K

        return timed

    def plain(kind: type[nn.Module]) -> Callable[[], float]:
        """Autograd loops of one candidate after the other; three of the losses stand for all."""

        def timed() -> float:
            runs = [plain_steps(kind(*size), dataset, loss, settings, STEPS) for loss in losses[:3]]
            began = time.perf_counter()
            for run in runs:
                run()
            return (time.perf_counter() - began) / len(runs)

        return timed

    ways = {
        "MF, a module, plain loops": plain(LogitMF),
        "MF, a module, 32 at once": batched(ModuleRecommender(ModuleClass(LogitMF, "MF")), "auto"),
        "MF, by hand in torch": batched(MF(init_std=0.1), "torch"),
        "MF, machine code": batched(MF(init_std=0.1), "auto"),
        "MLP, a module, plain loops": plain(PlainMLP),
        "MLP, a module, 32 at once": batched(ModuleRecommender(ModuleClass(PlainMLP, "MLP")), "auto"),
        "MLP, by hand in torch": batched(MLP(init_std=0.1), "torch"),
        "MLP, machine code": batched(MLP(init_std=0.1), "auto"),
    }
    times = [[timed() for timed in ways.values()] for _ in range(REPEATS)]
    for name, of_way in zip(ways, zip(*times, strict=True), strict=True):
        sys.stdout.write(f"{name:28s} {median(of_way) * 1e3 * n_steps / STEPS:8.1f} ms a candidate-epoch\n")


if __name__ == "__main__":
    main()
