"""Small learning problems for tests."""

import numpy as np
import torch

from recommenders.backends.registry import BACKENDS
from recommenders.common.machine import Machine
from recommenders.data.dataset import Dataset, Interactions
from recommenders.data.synthetic import planted
from recommenders.models.mf import MF
from recommenders.tasks.convergence import LossConvergence
from recommenders.tasks.metrics import find_metric
from recommenders.tasks.task import RecommendationTask, TrainSettings

CPU = torch.device("cpu")
#: The back ends that train there.
ON_CPU = [name for name, kind in BACKENDS.items() if kind.for_task(MF(), Machine(CPU)) is not None]


def interactions(user, item, label) -> Interactions:
    return Interactions(
        np.asarray(user, dtype=np.int64), np.asarray(item, dtype=np.int64), np.asarray(label, dtype=np.float32)
    )


def small_data() -> Dataset:
    return planted(n_users=20, n_items=15, n_pairs=200, rank=2)


def make_task(
    recommender=None, dataset=None, metric="auc", dtype=torch.float64, memory=None, **settings
) -> RecommendationTask:
    """A task on the CPU in float64: MF on a small planted set unless told otherwise."""
    kind = "regression" if metric in ("rmse", "mae") else "classification"
    return RecommendationTask(
        recommender or MF(embedding_size=4, init_std=0.3),
        dataset or small_data(),
        find_metric(kind, metric),
        TrainSettings(**({"batch_size": 32} | settings)),
        Machine(CPU, dtype, memory=memory),
    )


def task_that_takes(n_copies=None):
    """A task whose memory takes so many copies of the recommender."""
    task = make_task()
    if n_copies is None:
        return task
    n_bytes = sum(w.numel() for w in task.initial(0).values()) * 8
    return make_task(memory=n_copies * n_bytes * 1.01 / 2**30)


def fit_losses(task, losses, seed, early_stopping, threshold_from="validation", on_epoch=lambda curves: None):
    """What fresh recommenders come to that are trained by each loss until they converge."""
    return LossConvergence(task, losses, seed, early_stopping, threshold_from).run(on_epoch)
