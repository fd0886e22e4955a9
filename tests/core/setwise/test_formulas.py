"""Formulas of set-wise losses: read, written, trained with, refused."""

from contextlib import suppress

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from core.losses.setwise.formula import FormulaLoss
from core.losses.setwise.margins import CCL
from core.losses.setwise.registry import parse_ranking_loss
from core.losses.setwise.set_loss import SetScores
from core.programs.sets.by_torch import evaluate_by_torch
from core.programs.sets.encoded import encode
from core.programs.sets.formula import formula_of, is_formula, parse_formula
from core.programs.sets.interpreter import evaluate
from tests.core.setwise import strategies as made
from tests.core.setwise.test_expressions import losses
from tests.strategies import law

CCL_TEXT = "relu(1 - p) + 150*mean(relu(n - 0.9))"


#: Formula -> the score up to which negatives do nothing.
THRESHOLDS = {
    CCL_TEXT: 0.9,
    "-p + 2*mean(square(relu((n - 0.4)/0.3)))": 0.4,
    "log_sum_exp(relu(n - 0.7)) + mean(exp(relu(n - 0.2) - p))": 0.2,
    "relu(1 - p) + max(relu(n)) + p/mean(1 + relu(n + 0.3))": -0.3,
    "mean(relu(d - 0.5))": None,
    "mean(relu(-n)) - p": None,
    "mean(relu(n - 0.9)) + 0.1*mean(n) - p": None,
    "mean(softplus(n - 0.9)) - p": None,
    "mean(relu(n + p))": None,
    "mean(relu(2*n - 1)) - p": None,
}


@pytest.mark.parametrize(("text", "threshold"), list(THRESHOLDS.items()))
@law
@given(scores=made.score_sets(made.dropped))
def test_negatives_up_to_the_threshold_need_not_be_known(text, threshold, scores):
    loss = FormulaLoss(text)
    assert loss.threshold == threshold
    if threshold is None:
        return
    found, below = loss.evaluate(scores), scores.negatives <= threshold
    assert not found.negatives[below].any()
    lowest = SetScores(scores.positive, torch.where(below, -torch.inf, scores.negatives))
    for one, other in zip(found, loss.evaluate(lowest), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", ["CCL", "MML", "contrastive"])
def test_the_threshold_of_a_known_loss_is_found_in_its_formula(name):
    loss = parse_ranking_loss(name)
    assert FormulaLoss(formula_of(loss.expression)).threshold == loss.threshold


def inputs(scores):
    numbers = {"count": float(scores.negatives.shape[1]), "rate": 0.01}
    given = {"p": scores.positive[:, None], "n": scores.negatives, "quantile": scores.quantile[:, None]}
    return given | {name: scores.positive.new_tensor(value) for name, value in numbers.items()}


@law
@given(losses(), made.score_sets(made.dropped))
def test_what_is_written_is_read_back(expression, scores):
    text = formula_of(expression)
    again = parse_formula(text)
    assert formula_of(again) == text
    one, other = (evaluate_by_torch(each, inputs(scores)) for each in (expression, again))
    torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9, equal_nan=True)


@law
@given(made.score_sets(made.dropped))
def test_a_formula_trains_as_the_loss_that_it_describes(scores):
    loss, formula = CCL(0.9, 150.0), parse_ranking_loss(CCL_TEXT)
    arrays = [one.numpy() for one in (scores.positive, scores.negatives)]
    compiled = evaluate(encode(formula.expression), *arrays, None, 1.0)
    for one, two, three in zip(loss.evaluate(scores), formula.evaluate(scores), compiled, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(one, torch.from_numpy(three), rtol=1e-9, atol=1e-9)


def test_a_line_is_a_formula_or_a_name():
    assert str(parse_ranking_loss(" relu(1-p)+150 * mean( relu(n-.9)) ")) == CCL_TEXT
    assert str(parse_ranking_loss(str(parse_ranking_loss(CCL_TEXT)))) == CCL_TEXT
    assert is_formula("-p + mean(n)")
    assert not is_formula("BSL:temperature=.08")


def test_constants_without_numbers_are_tuned_and_those_with_stay():
    loss = FormulaLoss("relu(1 - p) + w*mean(relu(n - m1))")
    assert list(loss.ranges) == list(loss.coordinates) == ["w.balance", "m1"]
    assert str(loss.moved({"w": 151.23456})) == "relu(1 - p) + 151.2*mean(relu(n - m1))"
    assert loss.moved({"w": 150.0, "m1": 0.9}) == FormulaLoss(CCL_TEXT)
    assert dict(FormulaLoss(CCL_TEXT).ranges) == {}
    with pytest.raises(UserError, match=r"expected w\.balance, m1, got t1"):
        loss.moved({"t1": 1.0})
    scores = SetScores(torch.tensor([0.5]), torch.tensor([[0.7, 0.1]]))
    assert torch.equal(loss.evaluate(scores).value, loss.moved(loss.coordinates).evaluate(scores).value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mean(n)", "expected p, the positive, and n"),
        ("-p + n*p", "expected one number for a positive, got one for every negative: reduce them"),
        ("(quantile - p)*mean(n)", "expected no quantile"),
        ("mean(n + a)", "position 9: expected one of d, p, n.* got 'a'"),
        ("mean(n + 1e999)", "expected finite numbers"),
        ("mean(n)/0 - p", "expected a divisor that is not 0"),
        ("mean(n)^3 - p", "expected the power 2, got '3'"),
        ("mean n (p)", "expected a bracket after mean, got 'n'"),
        ("mean(n) - p)", "expected an operator or the end, got '\\)'"),
        ("mean(n) $ p", "expected a number, a name or an operator, got '\\$'"),
        ("mean(p/n) + p*0", "div: expected a divisor that is no number of every negative"),
        ("mean(mean(n)) - p", "mean: expected something of every negative"),
        ("(" * 50 + "p", "at most 40 levels of brackets"),
        ("-" * 1500 + "p*mean(n) +", "expected a number, a name or a bracket, got 'the end'"),
        ("+".join(["mean(n)-p"] * 200), "at most 300 parts expected"),
        ("mean(n)" + " " * 3000, "at most 2000 characters expected, got 3007"),
        ("__import__('os')", "expected a number, a name or an operator|expected one of"),
    ],
)
def test_what_is_no_loss_is_refused_in_a_line(text, message):
    with pytest.raises(UserError, match=message):
        FormulaLoss(text)


@law
@given(st.text(alphabet="pnd(0.1)+-*/^e mtwr:relu,[]\n\x00é", max_size=60))
def test_any_text_is_read_or_refused(text):
    with suppress(UserError):
        loss = FormulaLoss(text)
        assert FormulaLoss(str(loss)) == loss


def test_a_division_by_a_constant_of_nothing_is_refused():
    with pytest.raises(UserError, match="no division by 0"):
        FormulaLoss("mean(n/t) - p").moved({"t": 0.0})
    with pytest.raises(UserError, match="expected a number for t"):
        encode(parse_formula("mean(n/t) - p"))
