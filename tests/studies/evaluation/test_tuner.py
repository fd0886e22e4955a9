import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.evaluation.tuner import AT_ONCE, LEARNING_RATES, LONGEST_STEP, WEIGHT_DECAYS, Point, Tuner
from tests.strategies import examples

EPSILONS = (1.0, 0.1, 0.01)


def hill(point, peak=(1.0, 1e-4, 0.1)):
    """Highest at the peak, and falling with every factor away from it."""
    rate, decay, epsilon = peak
    far = math.log(point.learning_rate / rate) ** 2 + math.log(point.weight_decay / decay) ** 2
    return 0.9 - 0.01 * far - (0 if point.epsilon is None else 0.01 * abs(math.log10(point.epsilon / epsilon)))


def tuned(trials, epsilons=EPSILONS, seed=0, value=hill, higher_is_better=True):
    tuner = Tuner(dict.fromkeys(epsilons, 1.0), seed, higher_is_better)
    for done in range(0, trials, AT_ONCE):
        n = min(AT_ONCE, trials - done)
        tuner.tell([[value(point)] for point in tuner.ask(n, walk=2 * done >= trials)])
    return tuner


@examples(4, 20)
@given(st.integers(0, 10**6), st.floats(-0.7, 1.4), st.floats(-1.5, 1.4))
def test_an_optimum_inside_of_the_region_is_bracketed(seed, rate, decay):
    peak = (10**rate, 1e-4 * 10**decay, 0.1)
    tuner = tuned(64, seed=seed, value=lambda point: hill(point, peak))
    best = tuner.best.point
    assert abs(math.log2(best.learning_rate / peak[0])) < 1.5
    assert abs(math.log2(best.weight_decay / peak[1])) < 1.5
    assert best.epsilon == 0.1
    assert tuner.at_an_end == []
    assert all(side.value <= tuner.best.value for side in tuner.bracket() if side.value is not None)


def test_the_neighbours_of_the_best_point_are_tried_first():
    tuner = tuned(8)
    best = tuner.best.point
    walked = tuner.ask(8, walk=True)
    for setting in ("learning_rate", "weight_decay"):
        moved = {getattr(point, setting) / getattr(best, setting) for point in walked[:4]}
        assert moved == {0.5, 1.0, 2.0}
    assert {point.epsilon for point in walked[4:6]} <= set(EPSILONS) - {best.epsilon} | {best.epsilon}
    tuner.tell([[hill(point)] for point in walked])
    assert len({tried.point.key for tried in tuner.tried}) == 16


def test_neighbours_alone_close_the_bracket_and_then_there_are_none():
    tuner = tuned(8)
    for _ in range(20):
        points = tuner.ask(None, walk=True)
        tuner.tell([[hill(point)] for point in points])
        if not points:
            break
    assert points == []
    assert all(side.value is not None and side.value <= tuner.best.value for side in tuner.bracket())


def test_an_optimum_at_an_end_is_told():
    tuner = tuned(48, (None,), value=lambda point: hill(point, (1e6, 1e-4, None)))
    assert tuner.at_an_end == ["learning_rate"]
    tuner = tuned(48, (None,), value=lambda point: -hill(point), higher_is_better=False)
    assert tuner.at_an_end == []


def test_lower_is_better_where_it_is():
    down = tuned(24, value=lambda point: 1 - hill(point), higher_is_better=False)
    up = tuned(24)
    assert [tried.point for tried in down.tried] == [tried.point for tried in up.tried]
    assert down.best.point == up.best.point


def test_the_same_seed_asks_the_same_and_another_one_something_else():
    assert [tried.point for tried in tuned(24, seed=3).tried] == [tried.point for tried in tuned(24, seed=3).tried]
    assert tuned(8, seed=3).tried[-1] != tuned(8, seed=4).tried[-1]


def test_every_point_lies_in_the_region_and_every_loss_has_as_many_trials():
    for epsilons in (EPSILONS, (None,)):
        tried = tuned(20, epsilons).tried
        assert len(tried) == 20
        for one in tried:
            assert LEARNING_RATES[0] <= one.point.learning_rate <= LEARNING_RATES[1]
            assert WEIGHT_DECAYS[0] <= one.point.weight_decay <= WEIGHT_DECAYS[1]
            assert one.point.epsilon in epsilons


@given(st.floats(*LEARNING_RATES), st.floats(*WEIGHT_DECAYS), st.floats(1e-6, 1e6))
def test_a_point_stands_for_the_same_sgd_of_a_loss_of_any_scale(rate, decay, factor):
    """The identity: what a step takes off a parameter, and how much of the gradient reaches it, do not change."""
    one, other = (Point(rate, decay, None).sgd(f) for f in (1.0, factor))
    assert other.learning_rate / factor == pytest.approx(one.learning_rate)
    assert other.learning_rate * other.weight_decay == pytest.approx(one.learning_rate * one.weight_decay)
    assert other.learning_rate * other.clip == pytest.approx(LONGEST_STEP) == one.learning_rate * one.clip


def test_every_smoothing_term_is_tried_in_the_middle_of_the_region():
    first = Tuner(dict.fromkeys(EPSILONS, 1.0), 0, True).ask(8, walk=False)
    assert [point.epsilon for point in first[:3]] == list(EPSILONS)
    assert len({(point.learning_rate, point.weight_decay) for point in first[:3]}) == 1
    assert [point.epsilon for point in Tuner(dict.fromkeys(EPSILONS, 1.0), 0, True).ask(2, walk=False)] == [1.0, 0.1]
