"""What preselection does with the proposals of another searcher; the contract holds gp and hybrid, which have it."""

import numpy as np
import pytest

from core.common.errors import UserError
from core.search.trial import Trial, Verdict
from searchers import check_searcher, make_searcher
from searchers.preselection import PreselectingSearcher
from searchers.random import RandomSearcher
from searchers.testing.searcher import SPACES, proposed

SPACE = SPACES["bits"]


class Watched(RandomSearcher):
    """Random search that remembers what it was asked for and told."""

    def __init__(self, space, seed):
        super().__init__(space, seed)
        self.asked, self.told = [], []

    def ask(self, n):
        self.asked.append(n)
        return super().ask(n)

    def tell(self, trials):
        self.told += trials
        return {"own": 1.0}


def trained(searcher, n, first=0):
    """Let a searcher propose; the reward is the share of bits that are on."""
    candidates = proposed(searcher, SPACE, n, first=first)
    rewards = [float(one.genome.mean()) for one in candidates]
    pairs = zip(candidates, rewards, strict=True)
    metrics = searcher.tell([Trial(0, one, Verdict.ACCEPTED, reward=reward, trained=True) for one, reward in pairs])
    return rewards, metrics


def test_the_model_chooses_the_better_of_what_is_proposed_to_it():
    inner = Watched(SPACE, 1)
    searcher = PreselectingSearcher(inner, SPACE, 25)
    means = [np.mean(trained(searcher, 20, first=20 * i)[0]) for i in range(4)]
    assert means[0] < 0.6 < 0.7 < min(means[1:])
    assert inner.asked == [20, 500, 500, 500]


def test_the_searcher_within_learns_of_everything_and_both_are_heard():
    inner = Watched(SPACE, 2)
    searcher = PreselectingSearcher(inner, SPACE, 5)
    for i in range(3):
        rewards, metrics = trained(searcher, 10, first=10 * i)
        assert [trial.reward for trial in inner.told[-10:]] == rewards
    assert metrics.keys() == {"own", "model_trials", "model_best"}
    assert metrics["model_trials"] == 30


def test_what_waits_is_proposed_before_others_are_asked_for_until_something_was_trained():
    inner = Watched(SPACE, 3)
    searcher = PreselectingSearcher(inner, SPACE, 10)
    trained(searcher, 20)
    first = searcher.ask(10)
    more = searcher.ask(3)
    assert inner.asked == [20, 100]
    assert len(np.unique(np.concatenate([first, more]), axis=0)) == 13
    trained(searcher, 2)
    assert inner.asked == [20, 100]  # those two waited, too
    searcher.ask(1)
    assert inner.asked == [20, 100, 10]


def test_a_space_that_is_used_up_is_proposed_anew():
    space = SPACES["one decision"]
    searcher = PreselectingSearcher(RandomSearcher(space, 0), space, 4)
    for i in range(4):
        candidates = proposed(searcher, space, 8, first=8 * i)
        searcher.tell([Trial(0, one, Verdict.ACCEPTED, reward=0.1, trained=True) for one in candidates])
    assert searcher.ask(5).shape == (5, 1)


@pytest.mark.parametrize("name", ["gp", "rl", "hybrid"])
def test_it_is_a_setting_of_searchers(name):
    assert isinstance(make_searcher(f"{name}:preselection=2", SPACE, 0), PreselectingSearcher)
    assert not isinstance(make_searcher(f"{name}:preselection=1", SPACE, 0), PreselectingSearcher)
    with pytest.raises(UserError, match="preselection: expected at least 1, got 0"):
        check_searcher(f"{name}:preselection=0")
