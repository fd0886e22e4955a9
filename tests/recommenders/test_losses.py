import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from core.common.errors import UserError
from core.losses.loss import ProgramLoss
from core.programs.parsing import FormulaError
from core.programs.space import OperatorSpace
from recommenders.tasks.losses import NAMED_LOSSES, find_named_loss, make_loss
from recommenders.testing import plain
from tests.recommenders import oracle
from tests.strategies import examples

SPACE = OperatorSpace()


def hinge(logit, y):
    return nn.HingeEmbeddingLoss(margin=1.0, reduction="none")(logit, 1 - 2 * y)


def mse(logit, y):
    return functional.mse_loss(torch.sigmoid(logit), y, reduction="none")


def focal(logit, y):
    """Lin et al.: (1 - p)^2 times the cross entropy, p the probability of the true class."""
    p = torch.exp(-plain.bce(logit, y))
    return (1 - p) ** 2 * plain.bce(logit, y)


CLOSED_FORMS = {"BCE": plain.bce, "MSE": mse, "hinge": hinge, "focal": focal}
TABLE_4 = {"MaxR": plain.max_of_ratios, "SumR": plain.sum_of_reciprocals, "LogMin": oracle.log_min}
laws = examples(40, 200)
logits = st.lists(st.floats(-30, 30), min_size=1, max_size=6).map(lambda xs: torch.tensor(xs, dtype=torch.float64))


def both_labels(logit):
    return torch.cat([logit, logit]), torch.cat([torch.zeros_like(logit), torch.ones_like(logit)])


def autograd_gradient(value, logit, y):
    logit = logit.clone().requires_grad_()
    return torch.autograd.grad(value(logit, y).sum(), logit)[0]


def test_the_table_holds_the_losses_of_the_paper():
    assert list(NAMED_LOSSES) == ["MSE", "BCE", "hinge", "focal", "MaxR", "SumR", "LogMin"]
    assert {name for name, row in NAMED_LOSSES.items() if row.closed_form} == set(CLOSED_FORMS)


@pytest.mark.parametrize("name", CLOSED_FORMS)
@laws
@given(logit=logits)
def test_closed_forms_have_the_value_of_torchs(name, logit):
    logit, y = both_labels(logit)
    expected = CLOSED_FORMS[name](logit, y)
    assert torch.allclose(make_loss(name, SPACE).value(logit, y), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", CLOSED_FORMS)
@laws
@given(logit=logits)
def test_closed_forms_have_the_gradient_of_torchs(name, logit):
    logit, y = both_labels(logit[logit != 1])  # where the hinge bends, any gradient from -1 to 0 is right
    expected = autograd_gradient(CLOSED_FORMS[name], logit, y)
    assert torch.allclose(make_loss(name, SPACE).gradient(logit, y), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", CLOSED_FORMS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_closed_forms_are_finite_where_the_sigmoid_saturates(name, dtype):
    logit, y = both_labels(torch.tensor([-100.0, -20.0, 0.0, 1.0, 20.0, 100.0], dtype=dtype))
    loss = make_loss(name, SPACE)
    value, gradient = loss.value(logit, y), loss.gradient(logit, y)
    assert value.isfinite().all()
    assert gradient.isfinite().all()
    assert value.dtype == gradient.dtype == dtype
    assert torch.allclose(gradient, autograd_gradient(loss.value, logit, y), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("name", "expected"), [("BCE", (100.0, 1.0)), ("MSE", (1.0, 0.0)), ("hinge", (100.0, 1.0)), ("focal", (100.0, 1.0))]
)
def test_a_very_wrong_negative_costs_what_it_should(name, expected):
    logit, y = torch.tensor([100.0]), torch.tensor([0.0])
    loss = make_loss(name, SPACE)
    assert (loss.value(logit, y).item(), loss.gradient(logit, y).item()) == pytest.approx(expected)


@pytest.mark.parametrize("name", TABLE_4)
@pytest.mark.parametrize("epsilon", [None, 1.0, 0.01, 1e-6])
@laws
@given(logit=logits.map(lambda x: x / 3))
def test_table_4_is_as_printed(name, epsilon, logit):
    logit, y = both_labels(logit)
    loss = make_loss(name, SPACE, epsilon)
    plain = TABLE_4[name](NAMED_LOSSES[name].epsilon if epsilon is None else epsilon)
    assert torch.allclose(loss.value(logit, y), plain(logit, y), rtol=1e-9, atol=1e-12)
    assert torch.allclose(loss.gradient(logit, y), autograd_gradient(plain, logit, y), rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("name", TABLE_4)
def test_named_formulas_do_not_feel_the_clamp_of_the_space(name):
    logit, y = both_labels(torch.tensor([-6.0, 0.3, 6.0]))
    tight = OperatorSpace(clamp="paper", xi=0.4)
    assert torch.equal(make_loss(name, tight).value(logit, y), make_loss(name, SPACE).value(logit, y))


@pytest.mark.parametrize("name", NAMED_LOSSES)
@pytest.mark.parametrize("written", [str.lower, str.upper, "  {} ".format])
def test_names_are_read_in_any_case(name, written):
    assert find_named_loss(written(name)) is NAMED_LOSSES[name]
    assert make_loss(written(name), SPACE) == make_loss(name, SPACE)


@pytest.mark.parametrize("text", ["", "y_hat", "bc e", "MSE2"])
def test_other_texts_name_nothing(text):
    assert find_named_loss(text) is None


def test_a_formula_is_run_in_the_space_given():
    space = OperatorSpace(clamp="paper", xi=0.01)
    loss = make_loss("-(y_hat*y)", space, 0.5)
    assert isinstance(loss, ProgramLoss)
    assert (loss.space, loss.epsilon) == (space, 0.5)
    assert loss.value(torch.zeros(1), torch.ones(1)).item() == pytest.approx(0.01)  # neg clamped to xi


@pytest.mark.parametrize(("text", "position"), [("max(y_hat, ", 10), ("y_hat + z", 8), ("y_hat $ y", 6), ("", 0)])
def test_what_is_neither_a_name_nor_a_formula_is_refused_with_its_position(text, position):
    with pytest.raises(FormulaError, match=f"position {position}") as caught:
        make_loss(text, SPACE)
    assert caught.value.position == position


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "BCEE",
            "unknown loss 'BCEE': expected one of BCE, .*hinge, y, y_hat. Did you mean 'BCE'.* Or give a formula",
        ),
        ("yhat", "Did you mean 'y_hat'"),
        ("y_hat + BCE", "position 8: .*; BCE is a named loss, which cannot be part of a formula"),
        ("MaxR*2", "MaxR is a named loss"),
        ("log", "expected '\\(', got 'the end'"),
    ],
)
def test_a_name_that_is_none_or_is_out_of_place_is_told_the_known_ones(text, message):
    with pytest.raises(UserError, match=message):
        make_loss(text, SPACE)
