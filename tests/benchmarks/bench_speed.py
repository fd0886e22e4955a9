"""Speed of what a study spends its time on: `make bench`. Read ratios within one run; absolute times drift."""

import functools

import pytest
import torch

from core.loss import ProgramLoss
from core.proxy import ProxyTest, prediction_probe
from core.seeding import numpy_rng
from core.space import OperatorSpace
from core.stack import StackedLosses
from core.trial import Candidate, Trial, Verdict
from recommenders import make_recommender
from recommenders.data.synthetic import planted
from recommenders.losses import make_loss
from recommenders.metrics import find_metric
from recommenders.task import RecommendationTask, TrainSettings
from searchers import SEARCHERS, make_searcher

SPACE = OperatorSpace()


@functools.cache
def task(recommender="mf", times=1):
    """As many rows as MovieLens-100K, and `times` as many users and items."""
    data = planted(n_users=943 * times, n_items=1_682 * times, n_pairs=100_000)
    metric = find_metric("classification", "auc")
    return RecommendationTask(
        make_recommender(recommender, init_std=0.1), data, metric, TrainSettings(), torch.device("cpu")
    )


def train_one_epoch(problem, losses):
    population = problem.population(problem.initial(0), len(losses), 1e-4)
    stacked = StackedLosses(losses, device=torch.device("cpu"), dtype=torch.float32)
    return lambda: problem.trainer.train_epoch(population, stacked, 0)


def sampled(n):
    return [ProgramLoss(program, SPACE) for program in SPACE.sample(n, numpy_rng("benchmark"))]


@pytest.mark.parametrize("times", [1, 10])
def test_epoch_of_bce_with_more_users_and_items(benchmark, times):
    benchmark.pedantic(train_one_epoch(task(times=times), [make_loss("BCE", SPACE)]), rounds=3)


@pytest.mark.parametrize("k", [1, 4, 16, 64])
def test_epoch_of_k_programs(benchmark, k):
    benchmark.extra_info["candidates"] = k
    benchmark.pedantic(train_one_epoch(task(), sampled(k)), rounds=2)


def test_epoch_of_16_programs_on_mlp(benchmark):
    benchmark.pedantic(train_one_epoch(task("mlp"), sampled(16)), rounds=1)


@pytest.mark.parametrize("k", [1, 16])
def test_validation_score(benchmark, k):
    problem = task()
    weights = problem.population(problem.initial(0), k, 0.0).weights
    benchmark(problem.scores, weights)


@pytest.mark.parametrize("searcher", SEARCHERS)
def test_ask_and_tell_16(benchmark, searcher):
    made = make_searcher(searcher, SPACE, 0)

    def round_trip():
        programs = made.ask(16)
        made.tell([Trial(0, Candidate(i, program), Verdict.ZERO_GRADIENT) for i, program in enumerate(programs)])

    benchmark(round_trip)


def test_proxy_test_of_1000_programs(benchmark):
    def examine():
        proxy = ProxyTest()
        proxy.renew(prediction_probe(0, 5))
        return proxy.examine(sampled(1_000))

    benchmark(examine)
