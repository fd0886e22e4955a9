"""What the surrogate searcher does beyond the contract of searchers."""

import numpy as np
import pytest

from core.common.errors import UserError
from core.search.trial import Trial, Verdict
from searchers.surrogate import SurrogateSearcher, SurrogateSettings
from searchers.testing.searcher import SPACES, proposed
from tests.searchers.squared_error import SPACE, mean_rewards, told

SMALL = SurrogateSettings(n_startup=5, drawn=200, varied=100)


def rounded(features):
    return {tuple(row) for row in features.round(4).tolist()}


def test_nothing_is_proposed_twice_nor_what_does_the_same():
    searcher, seen = SurrogateSearcher(SPACE, 3, SMALL), []
    for i in range(6):
        candidates = proposed(searcher, SPACE, 16, first=16 * i)
        told(searcher, candidates, [None if k % 2 else 0.01 * k for k in range(16)])
        seen += [candidate.genome for candidate in candidates]
    assert len(rounded(SPACE.features(np.stack(seen)))) == len(seen)


def test_a_small_space_is_proposed_anew_when_it_is_used_up():
    space = SPACES["one decision"]
    searcher = SurrogateSearcher(space, 0, SMALL)
    genomes = np.concatenate([searcher.ask(5) for _ in range(6)])
    assert set(genomes[:, 0].tolist()) == set(range(8))


def test_it_proposes_what_does_as_the_best_do():
    means = mean_rewards(SurrogateSearcher(SPACE, 1, SurrogateSettings(n_startup=20)), rounds=5)
    assert abs(means[0]) < 0.3
    assert max(means[1:]) > 0.7


def test_training_that_broke_down_counts_as_the_worst():
    searcher = SurrogateSearcher(SPACE, 2, SMALL)
    candidates = proposed(searcher, SPACE, 8)
    trials = [Trial(0, one, Verdict.NON_FINITE, reward=None, trained=True) for one in candidates[:4]]
    searcher.tell([*trials, *(Trial(0, one, Verdict.ACCEPTED, reward=1.0, trained=True) for one in candidates[4:])])
    assert searcher.ask(3).shape == (3, len(SPACE.decisions))
    assert told(searcher, [], []) == {"model_trials": 8.0, "model_best": 1.0}


@pytest.mark.parametrize("name", ["n_startup", "drawn", "varied", "n_best", "memory"])
def test_settings_out_of_bounds_are_refused(name):
    with pytest.raises(UserError, match=f"surrogate {name}: expected at least"):
        SurrogateSettings(**{name: -1})


def test_a_state_of_unequal_lengths_is_refused():
    searcher = SurrogateSearcher(SPACE, 2, SMALL)
    told(searcher, proposed(searcher, SPACE, 3), [0.1, 0.2, 0.3])
    state = searcher.state_dict()
    with pytest.raises(ValueError, match="a reward for each genome, got 2 and 3"):
        SurrogateSearcher(SPACE, 2, SMALL).load_state_dict(
            state | {"model": state["model"] | {"rewards": state["model"]["rewards"][:2]}}
        )
