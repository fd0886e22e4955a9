"""Where losses are tuned: no two points are the same loss, and every loss that matters has one."""

import dataclasses
import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.losses.setwise.constants import constants_of, coordinates_of, tuned_ranges, with_coordinates
from core.losses.setwise.margins import MML
from core.losses.setwise.registry import RANKING_LOSSES, SET_LOSSES, parse_ranking_loss
from core.losses.setwise.softmax import BSLBenchmark
from core.losses.setwise.uniformity import DirectAU
from tests.core.setwise import strategies as made
from tests.core.setwise.formulas import scores_of
from tests.strategies import law

parts = st.floats(0, 1)
inner = st.sampled_from((0.125, 0.25, 0.5, 0.75))


def mml(n_margins):
    return MML(tuple(0.5 for _ in range(n_margins)), tuple(1.0 for _ in range(n_margins)))


@st.composite
def points(draw, values=parts, n=None):
    """A loss with some margins, and a point of its region."""
    loss = mml(draw(st.integers(1, 4)) if n is None else n)
    return loss, {name: draw(values) for name in coordinates_of(loss) if name != "negative_weight"}


@law
@given(points())
def test_margins_ascend_and_weights_are_shares(case):
    loss = with_coordinates(*case)
    assert all(0 <= one <= other <= 1 for one, other in itertools.pairwise((*loss.margins, 1.0)))
    assert all(weight >= 0 for weight in loss.weights)
    if len(loss.weights) > 1:
        assert sum(loss.weights) == pytest.approx(1, abs=1e-3)  # they have four digits


@law
@given(points(inner))
def test_a_point_is_read_back(case):
    loss, point = case
    found = coordinates_of(with_coordinates(loss, point))
    assert {name: found[name] for name in point} == pytest.approx(point, abs=2e-2)  # again, four digits


@law
@given(st.integers(1, 4).flatmap(lambda n: st.tuples(points(inner, n), points(inner, n))))
def test_two_points_are_two_losses(cases):
    """The push at a score is a step function with steps at the margins; at the top it is the negative weight."""
    one, other = (with_coordinates(*case) for case in cases)
    assert (cases[0][1] == cases[1][1]) == (one == other)
    steps = [dict.fromkeys(loss.margins, 0.0) for loss in (one, other)]
    for loss, found in zip((one, other), steps, strict=True):
        for margin, weight in zip(loss.margins, loss.weights, strict=True):
            found[margin] += weight
        if len(loss.weights) > 1:
            top = loss.evaluate(scores_of([0.0], [[2.0]])).negatives
            assert float(top) == pytest.approx(loss.negative_weight, rel=1e-3)
    assert (one == other) == (steps[0] == steps[1])


@law
@given(made.LOSSES["MML"].filter(lambda loss: sum(loss.weights) > 0), made.score_sets(), st.data())
def test_every_mml_is_one_whose_margins_ascend_and_whose_weights_sum_to_1(loss, scores, data):
    """So nothing is lost, up to the weight of the positive, which is a factor of the whole loss."""
    order = data.draw(st.permutations(range(len(loss.margins))))
    pairs = sorted(zip(loss.margins, loss.weights, strict=True))
    total = sum(loss.weights)
    same = dataclasses.replace(
        loss,
        margins=tuple(margin for margin, _ in pairs),
        weights=tuple(weight / total for _, weight in pairs),
        negative_weight=loss.negative_weight * total,
    )
    mixed = dataclasses.replace(
        loss, margins=tuple(loss.margins[i] for i in order), weights=tuple(loss.weights[i] for i in order)
    )
    expected = loss.evaluate(scores)
    for found in (same.evaluate(scores), mixed.evaluate(scores)):
        for left, right in zip(found, expected, strict=True):
            torch.testing.assert_close(left, right, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", RANKING_LOSSES)
def test_a_loss_is_where_its_coordinates_are(name):
    loss = parse_ranking_loss(name)
    assert with_coordinates(loss, coordinates_of(loss)) == loss
    assert with_coordinates(loss, {}) == loss
    assert list(tuned_ranges(loss)) == list(coordinates_of(loss))
    for coordinate, region in tuned_ranges(loss).items():
        assert region.low < region.high
        for end in (region.low, region.high):
            moved = with_coordinates(loss, {coordinate: end})
            assert parse_ranking_loss(str(moved)) == moved
            assert moved != loss or coordinates_of(loss)[coordinate] == end


def test_coordinates_by_hand():
    assert coordinates_of(MML()) == pytest.approx(
        {
            "margins.0": 0.7,
            "margins.1": 1 / 3,
            "margins.2": 0.5,
            "weights.0": 0.1,
            "weights.1": 1 / 6,
            "negative_weight": 700,
        }
    )
    moved = with_coordinates(MML(), {"margins.1": 0.5, "weights.0": 0.2, "negative_weight": 123.456})
    assert moved == MML((0.7, 0.85, 0.925), (0.2, 0.1333, 0.6667), negative_weight=123.5)
    assert coordinates_of(DirectAU()) == {"gamma": 1.0}
    assert constants_of(MML((0.5,), (2.0,))) == {
        "margins.0": 0.5,
        "weights.0": 2.0,
        "positive_weight": 1.0,
        "negative_weight": 700.0,
    }
    # given as they are, margins need not ascend, nor lie where they are tuned
    assert with_coordinates(MML((2.0, -1.0), (0.0, 0.0)), {"negative_weight": 2.0}).margins == (2.0, -1.0)


@law
@given(made.temperatures, made.temperatures, made.score_sets())
def test_what_is_a_factor_of_the_whole_loss_is_not_tuned(one, other, scores):
    """Of the tuned constants none is: with the learning rate it would say one thing twice."""
    assert "temperature" not in tuned_ranges(BSLBenchmark())
    assert "positive_weight" not in tuned_ranges(MML())
    found, base = (BSLBenchmark(t, 0.1).evaluate(scores) for t in (one, other))
    for left, right in zip(found, base, strict=True):
        torch.testing.assert_close(left * one, right * other, rtol=1e-9, atol=1e-9)


def test_switches_and_choices_are_not_tuned():
    for row in SET_LOSSES.values():
        assert not {"clamp", "reduction", "surrogate"} & set(tuned_ranges(row()))
