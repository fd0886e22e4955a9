"""Where constants of formulas are tuned: weights by how large their part of a loss is, margins by what they bound."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.losses.setwise.formula import FormulaLoss
from core.losses.setwise.registry import parse_ranking_loss
from core.losses.setwise.set_loss import SetScores
from core.programs.sets.formula import formula_of, parse_formula
from core.programs.sets.regions import middle_of, numbers_at, point_of, tuned_ranges
from core.programs.sets.space import ShapeSpace
from core.programs.sets.stages import NEGATIVES, POSITIVES, STAGES, simulated_scores
from tests.strategies import law

SPACE = ShapeSpace(3)


def drawn_case(seed):
    """A shape as an expression, and a point of its regions."""
    rng = np.random.default_rng(seed)
    (shape,) = SPACE.decode(SPACE.sample(1, rng))
    loss = parse_formula(str(shape))
    return loss, {name: region.at(rng.random()) for name, region in tuned_ranges(loss).items()}


def sizes(text):
    """Sums of a loss's gradients by positives and negatives, on scores of a half trained and a trained model."""
    positives, negatives = (one[POSITIVES:] for one in simulated_scores(0))
    found = FormulaLoss(text).evaluate(SetScores(torch.from_numpy(positives), torch.from_numpy(negatives)))
    return float(found.positive.abs().sum()), float(found.negatives.abs().sum())


@law
@given(st.integers(0, 2**32 - 1))
def test_a_point_is_read_back(seed):
    loss, point = drawn_case(seed)
    numbers = numbers_at(loss, point)
    assert set(numbers) == set(loss.slots)
    assert all(np.isfinite(list(numbers.values())))
    assert point_of(loss, numbers) == pytest.approx(point, rel=1e-3)  # weights have four digits
    assert list(point_of(loss, numbers)) == list(tuned_ranges(loss))


@law
@given(st.integers(0, 2**32 - 1), st.sampled_from((0.25, 1.0, 4.0)))
def test_a_balance_is_how_large_a_part_is_beside_the_rest(seed, balance):
    loss, point = drawn_case(seed)
    weights = {name: balance for name in point if name.endswith(".balance")}
    numbers = numbers_at(loss, point | weights)
    terms = [one.bound(numbers) for one in loss.parts("add")]
    are_weighted = [any(one.startswith("w") for one in term.slots) for term in loss.parts("add")]
    if not weights:
        assert all(are_weighted) or not any(are_weighted)
        return
    rest = formula_of(sum((one for one, is_weighted in zip(terms, are_weighted, strict=True) if not is_weighted), 0.0))
    # What stands beside is of nothing, so that the parts can be looked at as losses.
    whole = max(sizes(f"{rest} + 0*p + 0*mean(n)"))
    for term, is_weighted in zip(terms, are_weighted, strict=True):
        size = max(sizes(f"{formula_of(term)} + 0*p + 0*mean(n)"))
        if is_weighted and np.isfinite([whole, size]).all() and min(whole, size) > 1e-200:
            assert size / whole == pytest.approx(balance, rel=1e-3)


@pytest.mark.parametrize(
    "published",
    [
        "relu(1 - p) + 150*mean(relu(n - 0.9))",  # CCL
        "relu(1 - p) + 130.8*mean(relu(n - 0.8614))",
        "1.22*(0.08*log_mean_exp(n/0.08)) - p",  # BSL, for Gowalla and for Yelp2018
        "1.1*(0.11*log_mean_exp(n/0.11)) - p",
        "relu(0.75 - p) + 1.22*(0.08*log_mean_exp(n/0.08))",
    ],
)
def test_constants_that_are_known_to_be_good_are_in_the_regions(published):
    for text in ("relu(m0 - p) + w1*mean(relu(n - m1))", "w1*(t1*log_mean_exp(n/t1)) - p", MARGIN_BSL):
        loss = FormulaLoss(text)
        point = loss.coordinates_as(parse_ranking_loss(published))
        if point is not None:
            assert all(loss.ranges[name].low < value < loss.ranges[name].high for name, value in point.items())
            assert loss.moved(point) == parse_ranking_loss(published)
            break
    else:
        pytest.fail(f"{published} is none of these")


MARGIN_BSL = "relu(m0 - p) + w1*(t1*log_mean_exp(n/t1))"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (MARGIN_BSL, ["m0", "w1.balance", "t1"]),
        ("relu(1 - p) - w1*mean(relu(n))*max(n)", ["w1.balance"]),
        # A factor of all of it, one in two places, two of one term, one within a term: weights as they are.
        ("w*mean(relu(d - m1))", ["w", "m1"]),
        ("w1*relu(1 - p) + w2*mean(n)", ["w1", "w2"]),
        ("w1*relu(1 - p) + w1*mean(n) + mean(d)", ["w1"]),
        ("w1*w2*mean(n) - p", ["w1", "w2"]),
        ("softplus(w1*mean(n)) - p", ["w1"]),
    ],
)
def test_which_weights_are_tuned_by_balance(text, names):
    assert list(FormulaLoss(text).ranges) == names


def test_margins_are_tuned_where_the_scores_are_that_they_bound():
    found = tuned_ranges(parse_formula("relu(m0 - p) + mean(relu(n - m1)) + mean(relu(d - m2)) + mean(relu(d + m3))"))
    assert found["m0"][:2] == (0.3, 1.2)
    assert found["m1"][:2] == (-0.2, 1.0)
    assert found["m2"][:2] == (-1.0, 0.5)
    assert found["m3"][:2] == (-0.5, 1.2)


def test_a_part_without_gradients_leaves_a_weight_as_it_is():
    loss = parse_formula("relu(-2 - p) + w1*mean(relu(n))")
    assert numbers_at(loss, {"w1.balance": 3.0}) == {"w1": 3.0}
    assert point_of(loss, {"w1": 3.0}) == {"w1.balance": 3.0}


def test_numbers_are_taken_as_they_are_and_those_not_said_are_in_the_middle():
    loss = FormulaLoss(MARGIN_BSL)
    assert str(loss.moved({"w1": 1.2, "m0": 0.5})) == "relu(0.5 - p) + 1.2*(t1*log_mean_exp(n/t1))"
    middle = middle_of(loss.shape)
    balance = {"w1.balance": middle["w1.balance"]}
    assert loss.moved(balance).moved({"m0": middle["m0"], "t1": middle["t1"]}) == loss.moved(middle)


def test_scores_are_those_of_stages():
    positives, negatives = simulated_scores(3)
    assert positives.shape == (len(STAGES) * POSITIVES,)
    assert negatives.shape == (len(STAGES) * POSITIVES, NEGATIVES)
    assert np.abs(negatives).max() <= 1
    for k, stage in enumerate(STAGES.values()):
        here = slice(k * POSITIVES, (k + 1) * POSITIVES)
        assert abs(positives[here].mean() - stage.positive) < 4 * stage.positive_std / POSITIVES**0.5
        assert abs(negatives[here, 1:].mean() - stage.negative) < stage.negative_std / 4
    assert not np.array_equal(positives, simulated_scores(4)[0])
