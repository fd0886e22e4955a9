"""The supernet of interaction functions: slopes against finite differences, steps against those of one model."""

import numpy as np
import pytest
import torch

from core.interactions.spaces import FunctionSpace, NetSpace
from core.search.rounds import Rules
from core.search.search import Search, SearchBudget
from core.search.supernet import Path
from recommenders.data.explicit import ExplicitOptions, planted_ratings, split_ratings
from recommenders.tasks.rating import supernet
from recommenders.tasks.rating.problem import InteractionProblem
from recommenders.tasks.rating.supernet import InteractionSupernet
from recommenders.tasks.rating.training import RatingPlan, Trainer
from searchers import make_searcher

DATA = split_ratings("planted", planted_ratings(30, 20, 12), ExplicitOptions(), 0)
PLAN = RatingPlan(dimensions=3, batch_size=40, init_std=0.5, decays=(0.01,))
SPACE, NETS = FunctionSpace(), NetSpace()
#: A path as numbers of options, and whether its sides are networks.
PATHS = [(0, 0, 1), (3, 1, 2), (7, 5, 4), (2, 2, 0), (1,), (2,), (4,)]


def made(options, seed=0, plan=PLAN):
    return InteractionSupernet(DATA, plan, seed, SPACE if len(options) > 1 else NETS)


def path_of(options, net):
    return Path(np.array(options), np.concatenate([np.empty(0), *net.numbers]))


def loss_at(net, options, architecture, order, part="validation"):
    """The loss with any numbers for the architecture parameters, and for networks."""
    tables = [torch.from_numpy(one) for one in net._models[options[-1]][:4]]
    weights = [torch.from_numpy(one.weights) for one in net._models]
    if order == 2:
        tables, weights = net._stepped(tables, weights, architecture, options[-1])
    return float(supernet._loss(tables, weights, architecture, net._next(part)).detach())


def architecture_of(options, net):
    choice = [torch.eye(n, dtype=torch.float64)[i] for n, i in zip(net.sizes, options, strict=True)]
    return choice, torch.from_numpy(path_of(options, net).numbers)


@pytest.mark.parametrize("part", ["validation", "train"])
@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("options", PATHS, ids=str)
def test_slopes_are_those_of_finite_differences(options, order, part):
    net = made(options)
    (slopes, of_numbers), step = net.slopes(path_of(options, net), order, part), 1e-5
    assert tuple(map(len, slopes)) == net.sizes
    rng = np.random.default_rng(0)
    whole = [*slopes, of_numbers]
    for group, one in [(g, int(rng.integers(len(of)))) for g, of in enumerate(whole) if len(of) for _ in range(3)]:
        found = []
        for move in (step, -step):
            again = made(options)  # whose first batches are the same
            choice, numbers = architecture_of(options, again)
            [*choice, numbers][group][one] += move
            found.append(loss_at(again, options, (choice, numbers), order, part))
        assert whole[group][one] == pytest.approx((found[0] - found[1]) / (2 * step), rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("options", [(0, 0, 1), (1,)], ids=str)
def test_a_step_is_one_of_the_chosen_model_and_tables_are_shared(options):
    net = made(options)
    before = [model.weights.copy() for model in net._models]
    users = net._models[0].users.copy()
    net.train(path_of(options, net))
    assert not np.array_equal(net._models[3].users, users)
    assert all(model.users is net._models[0].users for model in net._models)
    changed = [not np.array_equal(one, model.weights) for one, model in zip(before, net._models, strict=True)]
    assert changed == [False, True, False, False, False]


@pytest.mark.parametrize("options", [(3, 4, 2), (2,)], ids=str)
def test_what_it_predicts_as_a_path_is_what_the_candidate_predicts(options):
    plan = RatingPlan(dimensions=3, batch_size=10_000, init_std=0.5, decays=(0.01,))
    net = made(options, plan=plan)
    trainer = Trainer(net._interaction(path_of(options, net)), plan)
    part = DATA.parts["validation"]
    wanted = (part.value - DATA.mean) / DATA.std
    error = trainer.predictions(trainer.fresh(DATA, 0), part.user, part.item) - wanted
    assert loss_at(net, options, architecture_of(options, net), 1) == pytest.approx(float(np.mean(error**2)) / 2)


@pytest.mark.parametrize("options", PATHS, ids=str)
def test_the_genome_of_a_path_is_of_its_candidate_but_for_hundredths(options):
    net = made(options)
    path = path_of(options, net)
    space = SPACE if len(options) > 1 else NETS
    (found,), expected = space.decode(net.genome(path)[None]), net._interaction(path)
    x = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    assert found.parts == expected.parts
    torch.testing.assert_close(found.evaluate(x, -x), expected.evaluate(x, -x), rtol=0, atol=0.25)
    assert all(np.linalg.norm(one) <= 1 + 1e-12 for one in net.numbers)


def test_a_search_proposes_what_it_found_first():
    found = []
    for _ in range(2):
        problem = InteractionProblem(DATA, SPACE, PLAN, 0)
        searcher = make_searcher("nasp:epochs=2", SPACE, 3, insight=lambda name, seed, of=problem: of.supernet(seed))
        search = Search(searcher, problem, Rules(), SearchBudget(trainings=2, candidates_per_step=2), seed=0)
        found.append([str(trial.candidate.solution) for step in search for trial in step.trials])
    assert found[0] == found[1]
    assert len(set(found[0])) == len(found[0])
