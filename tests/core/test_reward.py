import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from core.search.reward import RewardFilter, reward_of
from core.search.trial import Verdict
from tests.strategies import law

SCORES = st.floats(-10, 10)


@law
@given(SCORES, SCORES)
def test_the_reward_is_the_gain(updated, init):
    assert reward_of(updated, init) == updated - init


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_training_that_broke_down_has_no_reward(broken):
    assert reward_of(broken, 0.5) is None


@law
@given(SCORES, st.floats(0, 1))
def test_a_loss_passes_if_it_costs_at_most_eta(reward, eta):
    expected = Verdict.ACCEPTED if reward >= -eta else Verdict.REJECTED
    assert RewardFilter(eta).verdict(reward) is expected


def test_the_edge_of_the_filter_passes():
    assert RewardFilter(0.25).verdict(-0.25) is Verdict.ACCEPTED
    assert RewardFilter(0.25).verdict(math.nextafter(-0.25, -1)) is Verdict.REJECTED
    assert RewardFilter(0.0).verdict(0.0) is Verdict.ACCEPTED
    assert RewardFilter(math.inf).verdict(-1e300) is Verdict.ACCEPTED


def test_no_reward_is_not_finite():
    assert RewardFilter().verdict(None) is Verdict.NON_FINITE


def test_the_papers_threshold():
    assert RewardFilter().eta == 0.001


@pytest.mark.parametrize("eta", [-1e-9, -1.0, math.nan, -math.inf])
def test_a_threshold_below_zero_is_refused(eta):
    with pytest.raises(UserError, match="reward threshold eta: expected a number >= 0, got"):
        RewardFilter(eta)
