"""The supernet of interaction functions: slopes against finite differences, steps against those of one model."""

import numpy as np
import pytest
import torch

from core.interactions.spaces import MEETINGS, SIDES, FunctionSpace
from core.search.rounds import Rules
from core.search.search import Search, SearchBudget
from recommenders.data.explicit import ExplicitOptions, planted_ratings, split_ratings
from recommenders.tasks.rating import supernet
from recommenders.tasks.rating.problem import InteractionProblem
from recommenders.tasks.rating.supernet import InteractionSupernet
from recommenders.tasks.rating.training import RatingPlan, encoded, fresh_model, predictions
from searchers import make_searcher

DATA = split_ratings("planted", planted_ratings(30, 20, 12), ExplicitOptions(), 0)
PLAN = RatingPlan(dimensions=3, batch_size=40, init_std=0.5, decays=(0.01,))
SPACE = FunctionSpace()
GENOMES = [np.array(one) for one in ((0, 0, 1), (3, 1, 2), (7, 5, 4), (2, 2, 0))]


def made(seed=0):
    return InteractionSupernet(DATA, PLAN, seed)


def loss_at(net, genome, choice, order):
    """The validation loss with any numbers for the architecture parameters."""
    tables = [torch.from_numpy(one) for one in net._models[genome[2]][:4]]
    weights = [torch.from_numpy(one.weights) for one in net._models]
    if order == 2:
        tables, weights = net._stepped(tables, weights, choice, int(genome[2]))
    return float(supernet._loss(tables, weights, choice, net._next("validation")).detach())


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("genome", GENOMES, ids=str)
def test_slopes_are_those_of_finite_differences(genome, order):
    slopes, step = made().slopes(genome, order), 1e-5
    assert tuple(map(len, slopes)) == made().sizes == (len(SIDES), len(SIDES), len(MEETINGS))
    rng = np.random.default_rng(0)
    for decision, option in [(d, int(rng.integers(len(slopes[d])))) for d in (0, 0, 1, 1, 2, 2)]:
        found = []
        for move in (step, -step):
            choice = [torch.zeros(n, dtype=torch.float64) for n in made().sizes]
            for one, own in zip(choice, genome.tolist(), strict=True):
                one[own] = 1.0
            choice[decision][option] += move
            found.append(loss_at(made(), genome, choice, order))  # on the same first batches
        assert slopes[decision][option] == pytest.approx((found[0] - found[1]) / (2 * step), rel=1e-4, abs=1e-7)


def test_a_step_is_one_of_the_chosen_model_and_tables_are_shared():
    net = made()
    before = [model.weights.copy() for model in net._models]
    users = net._models[0].users.copy()
    net.train(np.array([0, 0, 1]))
    assert not np.array_equal(net._models[3].users, users)
    assert all(model.users is net._models[0].users for model in net._models)
    changed = [not np.array_equal(one, model.weights) for one, model in zip(before, net._models, strict=True)]
    assert changed == [False, True, False, False, False]


def test_what_it_predicts_as_a_candidate_is_what_the_candidate_predicts():
    (interaction,) = SPACE.decode(np.array([[3, 4, 2]]))
    model = fresh_model(interaction, DATA, PLAN, 0)
    part = DATA.parts["validation"]
    error = predictions(model, encoded(interaction), part.user, part.item) - (part.value - DATA.mean) / DATA.std
    net = InteractionSupernet(DATA, RatingPlan(dimensions=3, batch_size=10_000, init_std=0.5, decays=(0.01,)), 0)
    choice = [torch.eye(n, dtype=torch.float64)[i] for n, i in zip(net.sizes, (3, 4, 2), strict=True)]
    assert loss_at(net, (3, 4, 2), choice, 1) == pytest.approx(float(np.mean(error**2)) / 2)


def test_a_search_proposes_what_it_found_first():
    found = []
    for _ in range(2):
        problem = InteractionProblem(DATA, SPACE, PLAN, 0)
        searcher = make_searcher("nasp:epochs=2", SPACE, 3, supernet=problem.supernet)
        search = Search(searcher, problem, Rules(), SearchBudget(trainings=2, candidates_per_step=2), seed=0)
        found.append([str(trial.candidate.solution) for step in search for trial in step.trials])
    assert found[0] == found[1]
    assert len(set(found[0])) == len(found[0])
