"""The problem of a loss, made of the settings of a study. Everything that can be wrong with them is found here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.common.seeding import derive_seed
from core.losses.closed_forms import BCE
from core.problems.no_proxy import NoProxyTest
from core.problems.proxy import ProxyTest, prediction_proxy_batch
from core.problems.validation import ValidationCheck
from recommenders import make_recommender
from recommenders.common.machine import Machine, pick_device
from recommenders.data import Dataset
from recommenders.data.implicit import ImplicitDataset
from recommenders.tasks.contenders import baseline
from recommenders.tasks.environments import AlternatingEnvironment, FromScratchEnvironment
from recommenders.tasks.loss_problem import LossRules, TrainedLossProblem
from recommenders.tasks.task import RecommendationTask

if TYPE_CHECKING:
    from studies.study.problems import Ingredients


def make_loss_problem(given: Ingredients) -> TrainedLossProblem:
    """Return the problem of a loss.

    Raises:
        UserError: anything that it could not be searched with.
    """
    settings, training, losses = given.settings, given.settings.training, given.settings.losses
    machine = Machine(
        pick_device(training.device), backend=training.backend, threads=given.threads, memory=given.memory
    )
    space, protocol = settings.space, settings.protocol
    check = ValidationCheck(losses.min_positive_rate, seed=settings.seed, is_strict=protocol.check == "strict")
    own = {} if training.init_std is None else {"init_std": training.init_std}
    recommender = make_recommender(given.kind or training.recommender, {"init_std": protocol.init_std}, **own)
    for text in settings.judging.baseline:  # before the data are read
        baseline(text, space, training.epsilon)
    assert not isinstance(given.data, ImplicitDataset), "it has no labels"
    dataset = given.data if isinstance(given.data, Dataset) else settings.data.load(given.data, settings.data_seed)
    task = RecommendationTask(recommender, dataset, training.chosen_by, protocol.train, machine)
    seed, proxy = derive_seed(settings.seed, "environment"), settings.in_force("proxy")
    rules = LossRules(
        proxy=NoProxyTest() if proxy == "none" else ProxyTest(losses.proxy_delta),
        proxy_batch=prediction_proxy_batch(seed) if proxy == "prediction" else None,
        check=check,
        check_first=protocol.check != "after",
        reference=BCE if protocol.scale == "normalised" else None,
        epsilons=training.epsilon,
        early_stopping=protocol.early_stopping,
        threshold_from=losses.threshold_from,
        short_epochs=protocol.epochs_per_candidate,
        ways=protocol.ways,
        search_epsilon=protocol.search_epsilon,
        seed=settings.seed,
    )
    environment = (
        FromScratchEnvironment(task, seed, losses.proxy_size, protocol.epochs_per_candidate, losses.fidelity)
        if protocol.environment == "from-scratch"
        else AlternatingEnvironment(task, seed, losses.proxy_size)
    )
    return TrainedLossProblem(task, space, environment, rules)
