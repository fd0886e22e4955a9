"""The Gaussian process that proposes constants: laws of its parts, and that it finds what random draws do not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr
from scipy.stats import norm

from core.search.surrogate import Surrogate, _matern, next_point, normal_scores, spread_points
from tests.strategies import law


def optimised(function, dimensions, n, seed):
    points = spread_points(dimensions, 4, seed)
    values = [function(point) for point in points]
    while len(points) < n:
        points.append(next_point(np.stack(points), np.array(values), seed))
        values.append(function(points[-1]))
    return points, values


@law
@given(st.integers(1, 30), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_first_points_are_spread_over_the_cube_the_middle_first(n, dimensions, seed):
    found = np.stack(spread_points(dimensions, n, seed))
    assert found.tolist() == np.stack(spread_points(dimensions, n, seed)).tolist()
    assert found.shape == (n, dimensions)
    assert set(found[0]) == {0.5}
    for axis in found[1:].T:
        assert sorted(np.floor(axis * (n - 1))) == list(range(n - 1))


@law
@given(st.integers(1, 5), st.integers(1, 12), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.3, 1.0]))
def test_what_comes_next_lies_in_the_cube_whatever_the_values(dimensions, n, seed, broken):
    rng = np.random.default_rng(seed)
    points, values = rng.random((n, dimensions)), rng.standard_normal(n) * 10.0 ** rng.integers(-9, 9)
    values[rng.random(n) < broken] = np.nan
    found = next_point(points, values, seed)
    assert found.shape == (dimensions,)
    assert ((found >= 0) & (found <= 1)).all()
    assert found.tolist() == next_point(points, values, seed).tolist()
    assert found.tolist() == next_point(points, values * 4.0, seed).tolist()  # units do not matter


def test_only_what_is_allowed_comes_next_where_there_is_any():
    points, values = np.array([[0.2], [0.8]]), np.array([0.0, 1.0])
    free = next_point(points, values, 0)
    assert free > 0.5
    assert next_point(points, values, 0, lambda point: bool(point != free)) != free
    assert next_point(points, values, 0, lambda point: False) == free


def test_expected_improvement_is_the_mean_of_what_normal_draws_would_gain():
    rng = np.random.default_rng(0)
    known = Surrogate(rng.random((6, 2)), rng.standard_normal(6))
    points = rng.random((5, 2))
    gain, deviation = known.prediction(points)
    draws = gain + deviation * rng.standard_normal((400_000, 1))
    means = np.maximum(draws - known.best_value, 0).mean(axis=0)
    assert known.expected_improvement(points) == pytest.approx(means, abs=0.005)


def test_it_passes_near_what_is_known_and_knows_less_elsewhere():
    points = np.linspace(0.1, 0.9, 7)[:, None]
    known = Surrogate(points, np.sin(5 * points[:, 0]))
    mean, deviation = known.prediction(points)
    true = np.sin(5 * points[:, 0])
    assert mean == pytest.approx((true - true.mean()) / true.std(), abs=0.1)
    assert (known.prediction(points + 0.066)[1] > deviation).all()


def test_axes_that_do_not_count_are_found_out():
    points = np.stack(spread_points(3, 30, 1))
    known = Surrogate(points, np.sin(6 * points[:, 1]))
    assert known.scales[1] < min(known.scales[0], known.scales[2])


@pytest.mark.parametrize("dimensions", [2, 4])
def test_it_comes_nearer_to_the_best_point_than_random_draws(dimensions):
    gains = []
    for seed in range(12):
        best = np.random.default_rng(seed).uniform(0.1, 0.9, dimensions)
        _, values = optimised(lambda at, best=best: -float(((at - best) ** 2).sum()), dimensions, 14, seed)
        drawn = np.random.default_rng(seed + 100).random((14, dimensions))
        gains.append(max(values) - max(-((drawn - best) ** 2).sum(axis=1)))
    assert np.mean(np.array(gains) > 0) >= 0.9


def test_a_point_that_broke_down_is_kept_away_from():
    _, values = optimised(lambda at: np.nan if at[0] > 0.5 else float(at[0]), 1, 12, 0)
    assert np.nanmax(values) > 0.45
    assert np.isnan(values).sum() <= 6


def test_axes_that_are_alike_have_one_length_scale():
    rng = np.random.default_rng(0)
    points = rng.random((30, 40))
    known = Surrogate(points, points.sum(axis=1), alike=True)
    assert len(set(known.scales.tolist())) == 1
    asked = rng.random((200, 40))
    assert np.corrcoef(known.prediction(asked)[0], asked.sum(axis=1))[0, 1] > 0.4


def test_normal_scores_keep_the_order_and_nothing_else():
    found = normal_scores(np.array([3.0, -np.inf, 1e9, 3.5]))
    assert found.argsort().tolist() == [1, 0, 3, 2]
    assert found.sum() == pytest.approx(0)
    assert found.tolist() == normal_scores(np.array([0.2, 0.1, 0.4, 0.3])).tolist()


@law
@given(st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_a_batch_is_chosen_as_if_each_choice_came_to_what_is_expected_of_it(n, seed):
    """As a process does that is given those points and the same scales, all from the definition."""
    rng = np.random.default_rng(seed)
    points, values, others = rng.random((8, 2)), rng.standard_normal(8), rng.random((30, 2))
    known = Surrogate(points, values)
    found = known.most_promising(others, n)
    assert len(set(found.tolist())) == n
    assert found[0] == known.expected_improvement(others).argmax()
    for i in range(1, n):
        there, chosen = np.concatenate([points, others[found[:i]]]), found[:i].tolist()
        deviation = np.sqrt(np.maximum(conditional_variance(known, there, others), 1e-12))
        gain = known.prediction(others)[0] - known.best_value
        improvement = gain * ndtr(gain / deviation) + deviation * norm.pdf(gain / deviation)
        improvement[chosen] = -np.inf
        assert improvement[found[i]] == pytest.approx(improvement.max(), rel=1e-4, abs=1e-9)


def conditional_variance(known, there, others):
    across = _matern(others, there, known.scales)
    covariance = _matern(there, there, known.scales) + (known._noise + 1e-9) * np.eye(len(there))
    return 1 - (across * np.linalg.solve(covariance, across.T).T).sum(axis=1)


def test_of_twins_the_second_is_not_tried_together_with_the_first():
    rng = np.random.default_rng(1)
    known = Surrogate(rng.random((6, 2)), rng.standard_normal(6))
    others = rng.random((12, 2))
    others[1] = others[0] = others[known.expected_improvement(others).argmax()]
    first, second = known.most_promising(others, 2)
    assert {first, second} != {0, 1}


def test_a_batch_is_no_larger_than_what_there_is_to_choose_from():
    rng = np.random.default_rng(1)
    known = Surrogate(rng.random((6, 2)), rng.standard_normal(6))
    assert sorted(known.most_promising(rng.random((3, 2)), 9)) == [0, 1, 2]
