"""Measurements, each of a thing that a study spends its time on; beside them what one would write without it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from statistics import median

import numpy as np
import torch
from torch import Tensor, nn

from core.common.seeding import derive_seed, numpy_rng
from core.losses.loss import ProgramLoss
from core.problems.proxy import ProxyTest, prediction_proxy_batch
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from recommenders import make_recommender
from recommenders.backends.batches import EpochBatches
from recommenders.common.machine import Machine
from recommenders.data.dataset import Dataset
from recommenders.models.mf import MF
from recommenders.models.mlp import MLP
from recommenders.tasks.metrics import find_metric
from recommenders.tasks.task import RecommendationTask, TrainSettings
from searchers import make_searcher


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


#: As many proposals as a search examines at a time.
_PROPOSALS = 16
#: Steps of an epoch that are timed where all are alike.
_TIMED_STEPS = 100
#: Random programs, of which some hundred pass the proxy test.
_SAMPLED = 4_096
_SPACE = OperatorSpace()


def seconds(calls: Sequence[Callable[[], object]], device: torch.device, repeats: int) -> list[float]:
    """The median times of calls that take turns, so that a machine that gets slower does so for all.

    Args:
        calls: each is called once more, before all others, which does not count.
        device: where they compute.
        repeats: of each.
    """
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(repeats + 1):
        for call, of_call in zip(calls, times, strict=True):
            _finish(device)
            began = time.perf_counter()
            call()
            _finish(device)
            of_call.append(time.perf_counter() - began)
    return [median(of_call[1:]) for of_call in times]


def _finish(device: torch.device) -> None:
    """Wait until the device has done what it was asked for."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _programs(n: int, rng: np.random.Generator) -> list[LossProgram]:
    return _SPACE.decode(_SPACE.sample(n, rng))


def sampled_losses(n: int) -> list[ProgramLoss]:
    """Random programs that pass the proxy test, those that a search would train; they repeat where n is large."""
    proxy = ProxyTest()
    proxy.renew(prediction_proxy_batch(0))
    losses = [ProgramLoss(program, _SPACE) for program in _programs(_SAMPLED, numpy_rng("benchmark"))]
    passed = [loss for loss, finding in zip(losses, proxy.examine(losses), strict=True) if finding.verdict is None]
    return [passed[i % len(passed)] for i in range(n)]


@dataclass(frozen=True)
class EpochTime:
    """What a candidate costs when k are trained together."""

    k: int
    epoch: float
    """Seconds a candidate-epoch."""
    scored: float
    """Seconds a candidate-epoch with the validation score after it."""


def task_of(recommender: str, dataset: Dataset, machine: Machine) -> RecommendationTask:
    """The learning problem of the default study."""
    model = make_recommender(recommender, init_std=0.1)
    settings = TrainSettings(clip=1.0)
    return RecommendationTask(model, dataset, find_metric("classification", "auc"), settings, machine)


def epoch_time(task: RecommendationTask, losses: Sequence[ProgramLoss], repeats: int) -> EpochTime:
    """An epoch of these losses together, and the validation scores after it."""
    k, device = len(losses), task.trainer.device
    models = task.model_copies(task.initial(0), k, task.settings.search_weight_decay)
    prepared = task.trainer.prepare(losses)
    calls = (
        lambda: task.trainer.train_epoch(models, prepared, 0),
        lambda: task.train_and_score(models, prepared, 0, 0),
    )
    epoch, scored = seconds(calls, device, repeats)
    return EpochTime(k, epoch / k, scored / k)


def _steps(task: RecommendationTask) -> tuple[int, float]:
    """How many steps to time of those that are all alike, and how many times as many an epoch has."""
    whole = -(-len(task.dataset.train) // task.settings.batch_size)
    return min(whole, _TIMED_STEPS), whole / min(whole, _TIMED_STEPS)


def plain_epoch_time(task: RecommendationTask, losses: Sequence[ProgramLoss]) -> float:
    """Seconds that MF's epoch takes in a plain loop, one candidate after the other: the median over these losses."""
    recommender, data, device = task.recommender, task.dataset, task.trainer.device
    assert isinstance(recommender, MF)
    (n, times), shape = _steps(task), (data.n_users, data.n_items, recommender.embedding_size)
    runs = [plain_steps(PlainMF(*shape).to(device), data, loss, task.settings, n) for loss in losses]
    return median(seconds([run], device, repeats=1)[0] for run in runs) * times


def products_time(task: RecommendationTask, k: int, repeats: int) -> float:
    """Seconds a candidate-epoch that MLP's products of matrices alone take in torch, there and back, k at once."""
    model, (n, times), device = task.recommender, _steps(task), task.trainer.device
    assert isinstance(model, MLP)
    sizes = (2 * model.embedding_size, *model.hidden_sizes, 1)
    x = [torch.rand(k, task.settings.batch_size, size, device=device) for size in sizes]
    weights = [torch.rand(k, n_in, n_out, device=device) for n_in, n_out in pairwise(sizes)]

    def products() -> None:
        for _ in range(n):
            for i, weight in enumerate(weights):
                torch.bmm(x[i], weight)
                torch.bmm(x[i].mT, x[i + 1])
                torch.bmm(x[i + 1], weight.mT)

    return seconds([products], device, repeats)[0] * times / k


def proxy_rate(repeats: int) -> float:
    """Programs a second through key, gradient and duplicate test, as they come from a searcher."""
    n, rng = 4_096, numpy_rng("proxy rate")
    rates = []
    for _ in range(repeats + 1):
        losses = [ProgramLoss(program, _SPACE) for program in _programs(n, rng)]
        proxy = ProxyTest()
        proxy.renew(prediction_proxy_batch(0))
        began = time.perf_counter()
        for start in range(0, n, _PROPOSALS):
            proxy.examine(losses[start : start + _PROPOSALS])
        rates.append(n / (time.perf_counter() - began))
    return median(rates[1:])


def sampling_rate(repeats: int) -> float:
    """Programs a second that the paper's controller writes."""
    searcher, n = make_searcher("rl", _SPACE, derive_seed("sampling rate")), 2_048

    def sample() -> None:
        for _ in range(0, n, _PROPOSALS):
            searcher.ask(_PROPOSALS)

    return n / seconds([sample], torch.device("cpu"), repeats)[0]
