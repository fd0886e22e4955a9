"""The problem of a loss, made of the settings of a study. Everything that can be wrong with them is found here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import torch

from core.common.errors import UserError
from core.common.seeding import derive_seed
from core.losses.closed_forms import BCE
from core.problems.no_proxy import NoProxyTest
from core.problems.proxy import ProxyTest, prediction_proxy_batch
from core.problems.validation import ValidationCheck
from recommenders import make_recommender
from recommenders.common.machine import Machine, check_device
from recommenders.data import DataFiles, Dataset, dataset_name, load_dataset
from recommenders.tasks.contenders import baseline
from recommenders.tasks.environments import AlternatingEnvironment, FromScratchEnvironment
from recommenders.tasks.loss_problem import LossRules, TrainedLossProblem
from recommenders.tasks.metrics import find_metric
from recommenders.tasks.task import RecommendationTask

if TYPE_CHECKING:
    from studies.study.problems import Ingredients
    from studies.study.settings import StudySettings


def pick_device(name: str) -> torch.device:
    """Return the device that a name stands for; auto is cuda where there is one.

    Raises:
        UserError: an unknown name, or a CUDA device that is not here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if not re.fullmatch(r"cpu|cuda(:(0|[1-9][0-9]?))?", name):
        raise UserError(f"--device: expected auto, cpu, cuda or cuda:N for one of several GPUs, got {name!r}")
    check_device(device := torch.device(name))
    return device


def load_settings(settings: StudySettings, files: DataFiles) -> Dataset:
    """Return the data set that settings and files mean.

    Args:
        settings: of a study.
        files: of the data set, where it needs some.

    Raises:
        UserError: see load_dataset.
    """
    name = dataset_name(settings.dataset, files.data)
    return load_dataset(name, files, settings.seed, settings.table_options)


def make_loss_problem(given: Ingredients) -> TrainedLossProblem:
    """Return the problem of a loss.

    Raises:
        UserError: anything that it could not be searched with.
    """
    settings = given.settings
    metric = find_metric(settings.task, settings.metric)
    machine = Machine(
        pick_device(settings.device), backend=settings.backend, threads=given.threads, memory=given.memory
    )
    space, check = settings.space, ValidationCheck(settings.min_positive_rate, seed=settings.seed)
    own = {} if settings.init_std is None else {"init_std": settings.init_std}
    recommender = make_recommender(given.kind or settings.recommender, {"init_std": settings.initial_std}, **own)
    for text in settings.baseline:  # before the data are read
        baseline(text, space, settings.epsilon)
    dataset = given.data if isinstance(given.data, Dataset) else load_settings(settings, given.data)
    task = RecommendationTask(recommender, dataset, metric, settings.train, machine)
    seed, proxy = derive_seed(settings.seed, "environment"), settings.in_force("proxy")
    rules = LossRules(
        proxy=NoProxyTest() if proxy == "none" else ProxyTest(settings.proxy_delta),
        proxy_batch=prediction_proxy_batch(seed) if proxy == "prediction" else None,
        check=check,
        check_first=settings.check == "before",
        reference=BCE if settings.scale == "normalised" else None,
        epsilons=settings.epsilon,
        early_stopping=settings.early_stopping,
        threshold_from=settings.threshold_from,
        short_epochs=settings.epochs_per_candidate,
        seed=settings.seed,
    )
    return TrainedLossProblem(task, space, _environment(settings, task, seed), rules)


def _environment(
    settings: StudySettings, task: RecommendationTask, seed: int
) -> AlternatingEnvironment | FromScratchEnvironment:
    if settings.environment == "from-scratch":
        return FromScratchEnvironment(task, seed, settings.proxy_size, settings.epochs_per_candidate)
    return AlternatingEnvironment(task, seed, settings.proxy_size)
