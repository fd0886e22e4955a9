"""Optuna over what candidates do: what that adds to the contract of searchers."""

import numpy as np
import pytest

from core.common.errors import UserError
from core.programs.space import OperatorSpace
from searchers.bayesian import BayesianSearcher
from searchers.feature_search import FeatureSearcher, make_bayesian
from searchers.samplers import BayesianSettings
from searchers.testing.searcher import SPACES, proposed
from tests.searchers.squared_error import SPACE, mean_rewards, told


@pytest.mark.parametrize(
    ("settings", "space", "kind"),
    [
        ({}, SPACE, FeatureSearcher),
        ({}, SPACES["bits"], BayesianSearcher),  # which only knows its choices
        ({"parameters": "features"}, SPACES["bits"], FeatureSearcher),
        ({"parameters": "choices"}, SPACE, BayesianSearcher),
        ({"sampler": "cmaes"}, SPACE, BayesianSearcher),
        ({"sampler": "random"}, SPACE, BayesianSearcher),
        ({"sampler": "random", "parameters": "features"}, SPACE, FeatureSearcher),
    ],
    ids=str,
)
def test_settings_and_space_decide_what_optuna_sees(settings, space, kind):
    assert type(make_bayesian(space, 0, BayesianSettings(**settings))) is kind


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"parameters": "curves"}, "parameters: expected auto, choices, features, got 'curves'"),
        ({"parameters": "features", "sampler": "cmaes"}, "expected a sampler out of tpe, gp, random, got cmaes"),
    ],
)
def test_what_cannot_be_is_refused(settings, message):
    with pytest.raises(UserError, match=message):
        BayesianSettings(**settings)


def test_nothing_that_does_the_same_is_proposed_twice():
    searcher, seen = FeatureSearcher(SPACE, 3, BayesianSettings(n_startup=5)), []
    for i in range(6):
        candidates = proposed(searcher, SPACE, 16, first=16 * i)
        told(searcher, candidates, [0.01 * k for k in range(16)])
        seen += [candidate.genome for candidate in candidates]
    assert len({tuple(row) for row in SPACE.features(np.stack(seen)).round(6).tolist()}) == len(seen)


def test_a_space_in_which_candidates_do_all_the_same_can_be_searched():
    space = OperatorSpace(operators=("identity",), max_variables=4, inputs=("1", "y"))
    searcher = FeatureSearcher(space, 0, BayesianSettings(n_startup=2))
    for _ in range(3):
        candidates = proposed(searcher, space, 3)
        assert {one.solution.key for one in candidates} <= {"identity(1)", "identity(y)"}
        told(searcher, candidates, [1.0, 2.0, 3.0])


def test_it_proposes_what_does_as_the_best_do():
    means = mean_rewards(FeatureSearcher(SPACE, 1, BayesianSettings(n_startup=20)), rounds=8)
    assert abs(means[0]) < 0.3
    assert np.mean(means[-3:]) > 0.5
