"""Shapes of set-wise losses: the contract of spaces, and known losses among them, in value and gradient."""

import pytest
import torch
from hypothesis import given

from core.common.errors import UserError
from core.losses.setwise.formula import FormulaLoss
from core.losses.setwise.margins import CCL, MML, Contrastive
from core.losses.setwise.pairwise import BPR, PairwiseHinge, Triplet
from core.losses.setwise.pointwise import MSE, SigmoidCE
from core.losses.setwise.softmax import BSL, SL, BSLBenchmark, BSLPaper, InfoNCE
from core.losses.setwise.surrogates import PSL
from core.programs.sets.formula import formula_of, parse_formula
from core.programs.sets.space import ShapeSpace
from core.testing.space import SpaceContract
from tests.core.setwise import strategies as made
from tests.strategies import law


class TestShapes(SpaceContract):
    def make(self):
        return ShapeSpace()


class TestOnePush(SpaceContract):
    def make(self):
        return ShapeSpace(1)


#: A loss -> its shape and constants; it is that but for a factor.
KNOWN = {
    BPR(temperature=0.25): ("mean(softplus(d/t1))", {"t1": 0.25}),
    PairwiseHinge(margin=0.5): ("mean(relu(d - m1))", {"m1": -0.5}),
    Triplet(margin=0.5): ("mean(relu(d - m1))", {"m1": -0.25}),
    SL(temperature=0.25): ("t1*log_mean_exp(d/t1)", {"t1": 0.25}),
    InfoNCE(temperature=0.25): ("softplus(log_sum_exp(d/t1))", {"t1": 0.25}),
    BSL(temperature=0.25, exponent=1.25): ("w1*(t1*log_mean_exp(n/t1)) - p", {"t1": 0.25, "w1": 1.25}),
    BSLPaper(temperature=0.25): ("w1*(t1*log_mean_exp(n/t1)) - p", {"t1": 0.25, "w1": 1.0}),
    BSLBenchmark(temperature=0.5, negative_temperature=0.25): ("t1*log_mean_exp(n/t1) - p", {"t1": 0.25}),
    CCL(0.75, 150.0): ("relu(m0 - p) + w1*mean(relu(n - m1))", {"m0": 1, "w1": 150, "m1": 0.75}),
    MML((0.5, 0.75), (0.25, 0.75), negative_weight=200.0): (
        "relu(m0 - p) + w1*mean(relu(n - m1)) + w2*mean(relu(n - m2))",
        {"m0": 1, "w1": 50, "m1": 0.5, "w2": 150, "m2": 0.75},
    ),
    Contrastive(margin=0.75): ("square(m0 - p) + mean(square(relu(n - m1)))", {"m0": 1, "m1": 0.25}),
    SigmoidCE(temperature=0.5, negative_weight=2.0, reduction="mean"): (
        "softplus(-p/t0) + w1*mean(softplus(n/t1))",
        {"t0": 0.5, "t1": 0.5, "w1": 2.0},
    ),
    MSE(negative_weight=3.0, reduction="mean"): ("square(m0 - p) + w1*mean(square(n))", {"m0": 1, "w1": 3.0}),
    PSL(temperature=0.25, score_divisor=2.0): (
        "r1*log_mean_exp(log1p(tanh(d/t1))/r1)",
        {"r1": 0.25, "t1": 2.0},
    ),
}


def gradients(loss, scores):
    """Of all rows, as one vector of length 1."""
    found = loss.evaluate(scores)
    return torch.nn.functional.normalize(torch.cat([found.positive[:, None], found.negatives], 1).flatten(), dim=0)


@pytest.mark.parametrize(("loss", "shape"), list(KNOWN.items()))
@law
@given(scores=made.score_sets(made.dropped))
def test_known_losses_are_shapes(loss, shape, scores):
    text, values = shape
    found = ShapeSpace().parse(text)
    assert str(found) == formula_of(parse_formula(text))
    ShapeSpace().encode(found)
    made_of_it = FormulaLoss(str(found)).moved(values)
    one, other = (gradients(each, scores) for each in (loss, made_of_it))
    torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


def test_two_and_three_pushes_are_told_from_each_other():
    space = ShapeSpace(3)
    text = "relu(m0 - p) + w1*(mean(relu(n - m1))*sigmoid(log_sum_exp(d/t2))) + mean(exp(n/t3))"
    shape = space.parse(text)
    assert [one.join for one in shape.pushes] == ["plus", "times", "plus"]
    assert [one.weighted for one in shape.pushes] == [True, False, False]
    assert str(shape) == text
    with pytest.raises(UserError, match="at most 2 pushes, got 3"):
        ShapeSpace(2).encode(shape)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("relu(1 - p) + w1*mean(relu(n - m1))", "a function of m0 - p.* got relu.1 - p."),
        ("-p", "reduced functions of n"),
        ("mean(n*d)", "got mean.n.d."),
        ("w1*mean(n)", "got w1.mean.n."),
        ("mean(relu(n - )", "position 14: expected a number, a name or a bracket"),
    ],
)
def test_what_is_no_shape_is_refused(text, message):
    with pytest.raises(UserError, match=message):
        ShapeSpace().parse(text)


@pytest.mark.parametrize("pushes", [0, 5])
def test_numbers_of_pushes_are_bounded(pushes):
    with pytest.raises(UserError, match="pushes: expected 1 to 4"):
        ShapeSpace(pushes)
