"""Trainings on rankings: the best epoch, the end, schedules, going on, and that they learn what there is."""

import math

import numpy as np
import pytest
import torch

from core.common.errors import UserError
from core.losses.setwise.registry import RANKING_LOSSES, parse_ranking_loss
from core.search.effectiveness import EarlyStopping
from recommenders.backends.ranking.base import Recipe, VectorTask
from recommenders.backends.ranking.optimisers import SGD
from recommenders.common.machine import Machine
from recommenders.data.implicit import ImplicitOptions, UserItems, load_implicit
from recommenders.data.implicit.dataset import ImplicitDataset
from recommenders.data.implicit.samplers import parse_sampler
from recommenders.models.vectors.mf import VectorMF
from recommenders.tasks.ranking import VectorScores, find_ranking_metric, rank_items
from recommenders.tasks.ranking.quantiles import top_quantiles
from recommenders.tasks.ranking.schedules import SCHEDULES, parse_schedule
from recommenders.tasks.ranking.training import RankingPlan, RankingTraining

CPU = Machine(torch.device("cpu"))
DATA = load_implicit("synthetic")
SMALL = VectorTask(VectorMF(embedding_size=8), DATA, Recipe(parse_sampler("shared:negatives=32"), batch_size=256))
RECALL = find_ranking_metric("recall@20")


def plan(epochs=6, **changes):
    return RankingPlan(early_stopping=EarlyStopping(epochs, epochs, epochs), **changes)


def train(loss="BSL", task=SMALL, seed=0, **changes):
    training = RankingTraining(task, parse_ranking_loss(loss), plan(**changes), CPU, seed)
    training.run()
    return training


def blocks(n_groups=4, users=12, items=15):
    """Users of a group choose items of their group alone: a model that has learned this ranks all of them first."""
    member = np.arange(n_groups * users) % n_groups
    pairs = [(u, i) for u, group in enumerate(member) for i in range(group, n_groups * items, n_groups)]
    user, item = np.array(pairs).T
    part = np.array([(u + i) % 5 for u, i in pairs])
    parts = [UserItems.of_pairs(user[chosen], item[chosen], len(member)) for chosen in (part < 3, part == 3, part == 4)]
    return ImplicitDataset("blocks", *parts, np.arange(len(member)), np.arange(n_groups * items), "planted")


#: Losses whose constants are not made for cosines of so few items.
OWN_CONSTANTS = (
    "CCL:margin=.4:negative_weight=20",
    "DirectAU:gamma=.2",
    "MML:margins=.3,.5:weights=.5,.5:negative_weight=20",
    "MSE:reduction=mean",
    "SigmoidCE:temperature=.2:reduction=mean",
    "gBCE:temperature=.2",
)


#: One of each kind: the others are for the night.
BY_DAY = ("BPR", "BSL", "DirectAU", "MML")


@pytest.mark.parametrize(
    "loss",
    [
        pytest.param(one, marks=[] if one.partition(":")[0] in BY_DAY else pytest.mark.nightly)
        for one in [*sorted(set(RANKING_LOSSES) - {one.split(":")[0] for one in OWN_CONSTANTS}), *OWN_CONSTANTS]
    ],
)
def test_planted_groups_are_ranked_perfectly(loss):
    recipe = Recipe(parse_sampler("uniform:negatives=20:exclude_positives=true"), batch_size=16)
    task = VectorTask(VectorMF(embedding_size=16), blocks(), recipe)
    (result,) = train(loss, task, epochs=30, metrics=("auc", "ndcg@20"), select_on="test").fitted
    assert result.test["auc"] > 0.98


def test_the_result_is_that_of_the_best_epoch():
    training = train(epochs=12, learning_rate=0.3)
    (result,) = training.fitted
    assert len(result.curve) == result.epochs == 12
    assert result.best_epoch == 1 + int(np.argmax(result.curve)) < 12  # at this rate it overfits
    assert result.validation["recall@20"] == max(result.curve)
    own = VectorScores(*training.vectors())
    assert result.test["recall@20"] == RECALL.mean(rank_items(own, DATA, "test"))


def test_every_metric_is_known_after_every_evaluated_epoch():
    training = train(epochs=7, every=2, select_on="test")
    (result,) = training.fitted
    assert training.evaluated["recall@20"] == list(result.curve)
    best = int(np.argmax(result.curve))
    assert {name: values[best] for name, values in training.evaluated.items()} == result.test
    assert {len(values) for values in training.evaluated.values()} == {4}  # epochs 2, 4, 6 and 7


def test_published_results_are_selected_on_test():
    by_test, by_validation = (train(epochs=12, learning_rate=0.3, select_on=part) for part in ("test", "validation"))
    assert by_test.fitted[0].test["recall@20"] == max(by_test.fitted[0].curve)
    assert by_test.fitted[0].test["recall@20"] >= by_validation.fitted[0].test["recall@20"]


def test_training_ends_where_nothing_is_gained():
    stopping = EarlyStopping(max_epochs=60, best_ago=3, falling=60)
    training = RankingTraining(SMALL, parse_ranking_loss("BSL"), RankingPlan(0.3, early_stopping=stopping), CPU, 0)
    (result,) = training.run()
    assert result.epochs == result.best_epoch + 4 < 60


def test_epochs_between_evaluations_cost_no_ranking():
    training = train(epochs=7, every=3)
    (result,) = training.fitted
    assert result.epochs == 7
    assert len(result.curve) == 3  # epochs 3, 6 and 7
    assert result.best_epoch in (3, 6, 7)
    assert training.losses == train(epochs=7).losses


def test_a_training_that_breaks_down_says_so_and_ends():
    recipe = Recipe(parse_sampler("shared:negatives=8"), SGD(), batch_size=256)
    task = VectorTask(VectorMF(embedding_size=8, similarity="dot", init_std=1e5), DATA, recipe)
    (result,) = train("MSE", task, learning_rate=1e5, epochs=20).fitted
    assert result.epochs == 1
    assert result.best_epoch == 0
    assert result.validation == result.test == {}


@pytest.mark.parametrize("loss", ["BSL", "SL@K", pytest.param("DirectAU", marks=pytest.mark.nightly)])
@pytest.mark.parametrize("line", SCHEDULES)
@pytest.mark.parametrize("stop", [1, 4, 9])
def test_a_killed_training_ends_bit_for_bit_like_one_that_was_not(loss, line, stop):
    made = [
        RankingTraining(SMALL, parse_ranking_loss(loss), plan(9, schedule=parse_schedule(line)), CPU, 0)
        for _ in range(3)
    ]
    for number, _ in enumerate(made[0], 1):
        if number == stop:
            state = made[0].state_dict()
            made[1].load_state_dict(state)
            break
    assert made[1].run() == made[2].run()
    assert made[1].losses == made[2].losses
    for one, other in zip(made[1].kept.values(), made[2].kept.values(), strict=True):
        assert torch.equal(one, other)


def test_cosine_ends_near_nothing_and_constant_stays():
    cosine, constant = (parse_schedule(name) for name in ("cosine", "constant"))
    factors = [cosine.factor(epoch, 10, []) for epoch in range(10)]
    assert factors[0] == 1
    assert factors == sorted(factors, reverse=True)
    assert 0 < factors[-1] < 0.03
    assert {constant.factor(epoch, 10, []) for epoch in range(10)} == {1.0}


def test_plateau_falls_where_nothing_is_gained():
    plateau = parse_schedule("plateau:by=.5:least=.2")
    found = [plateau.factor(len(scores), 9, scores) for scores in ([], [1], [1, 2], [1, 2, 2], [1, 2, 2, 1], [3] * 9)]
    assert found == [1, 1, 1, 0.5, 0.25, 0.2]


@pytest.mark.parametrize("line", ["cosine:by=1", "plateau:by=2", "linear"])
def test_schedules_that_are_none_are_refused(line):
    with pytest.raises(UserError, match="schedule"):
        parse_schedule(line)


@pytest.mark.parametrize(
    "changes", [{"learning_rate": 0.0}, {"every": 0}, {"select_on": "train"}, {"metrics": ("recall",)}]
)
def test_plans_that_are_none_are_refused(changes):
    with pytest.raises(UserError):
        plan(**changes)


def test_a_part_that_decides_has_to_hold_something():
    data = load_implicit("synthetic", options=ImplicitOptions(validation_share=0))
    task = VectorTask(SMALL.model, data, SMALL.recipe)
    with pytest.raises(UserError, match="expected items in the validation part"):
        train(task=task)
    assert train(task=task, select_on="test").fitted[0].validation == {}


def test_quantiles_are_the_kth_best_scores():
    rng = np.random.default_rng(0)
    users, items = rng.normal(size=(300, 5)), rng.normal(size=(70, 5))
    scores = np.sort(users.astype(np.float32) @ items.astype(np.float32).T, axis=1)[:, ::-1]
    for k in (1, 20, 70, 100):
        found = top_quantiles(VectorScores(users, items), k, threads=2)
        np.testing.assert_allclose(found, scores[:, min(k, 70) - 1], rtol=1e-5, atol=1e-6)
    users[3] = np.nan
    assert math.isnan(top_quantiles(VectorScores(users, items), 2)[3])
