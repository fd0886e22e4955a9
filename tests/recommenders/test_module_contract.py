"""Modules of all kinds keep the contract of recommenders."""

from functools import cache

import pytest
import torch

from recommenders.modules.building import ModuleClass
from recommenders.modules.module import ModuleRecommender
from recommenders.testing.recommender import N_ITEMS, N_USERS, RecommenderContract
from tests.recommenders import modules

#: Class -> (weights that are read whole, weights that are constant).
KINDS = {
    modules.PlainMF: (set(), set()),
    modules.ProbabilityMF: (set(), set()),
    modules.Clipped: (set(), set()),
    modules.NeuMF: (set(), set()),
    modules.Normed: (set(), set()),
    modules.Featured: (set(), {"features", "kinds"}),
    modules.Graph: ({"nodes.weight", "graph"}, {"graph"}),
    modules.Padded: ({"user.weight", "item.weight"}, set()),
    modules.Branching: (set(), set()),
}


@cache
def recommender_of(kind, n_users=N_USERS, n_items=N_ITEMS, **settings):
    return ModuleRecommender(ModuleClass(kind, kind.__name__), tuple(settings.items()), n_users, n_items)


def contract_of(kind):
    whole, constant = map(frozenset, KINDS[kind])
    body = {"make": lambda self: recommender_of(kind), "whole": whole, "constant": constant}
    return type(f"Test{kind.__name__}", (RecommenderContract,), body)


globals().update({f"Test{kind.__name__}": contract_of(kind) for kind in KINDS})


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_read_whole_is_known(kind):
    recommender = recommender_of(kind)
    growing = KINDS[kind][0]
    assert growing.isdisjoint(recommender.tables)
    trained = set(recommender.initial(N_USERS, N_ITEMS, 0)) - recommender.buffers
    assert {n for n in trained if not growing and n.startswith(("user", "item", "of_"))} <= set(recommender.tables)
    assert recommender.plan.together == (kind is not modules.Branching)


def test_nothing_is_drawn_from_the_global_generator():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    recommender = recommender_of(modules.Normed)
    recommender.initial(N_USERS, N_ITEMS, 3)
    assert torch.equal(before, torch.get_rng_state())
