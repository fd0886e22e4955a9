"""Set-wise losses as torch modules in files of their own, LaTeX and JSON."""

import json
from xml.etree import ElementTree

import pytest
import torch
from hypothesis import given

from core.export.set_loss import as_json, as_latex, as_torch
from core.export.set_typesetting import set_latex, set_mathml
from core.losses.setwise.formula import FormulaLoss
from core.losses.setwise.registry import SET_LOSSES
from core.programs.sets.expression import Expression
from core.programs.sets.formula import formula_of, parse_formula
from tests.core.export.written import imported
from tests.core.setwise import strategies as made
from tests.core.setwise.test_shape_space import KNOWN
from tests.strategies import costly_law

TEXT = "relu(1 - p) + 150*mean(relu(n - 0.9)) + 0.1*log_mean_exp(d/0.1)*sigmoid(-p)"
#: Every operation that a formula may have.
EVERY = "tanh(max(atan(n))) + log(sum(square(softplus(d)))/count) + log_sum_exp(-exp(n))/(p*p + 1) - p"


@pytest.mark.parametrize("text", [TEXT, EVERY])
@costly_law
@given(scores=made.score_sets(made.dropped))
def test_value_and_gradient_are_those_of_the_loss(text, scores, tmp_path_factory):
    loss = FormulaLoss(text)
    module = imported(as_torch(loss.expression, ["A loss."]), tmp_path_factory.mktemp("exported"))
    p, n = scores.positive.clone().requires_grad_(), scores.negatives.clone().requires_grad_()
    value = module.Loss("none")(p, n)
    of_p, of_n = torch.autograd.grad(value.sum(), (p, n))
    for one, other in zip(loss.evaluate(scores), (value.detach(), of_p, of_n), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", [name for name, row in SET_LOSSES.items() if not row.needs])
def test_known_losses_leave_too(name, tmp_path):
    loss = SET_LOSSES[name]()
    module = imported(as_torch(loss.expression), tmp_path)
    p, n = torch.tensor([0.5, -0.2]), torch.tensor([[0.1, 0.95], [0.4, -0.9]])
    assert module.Loss()(p, n) == pytest.approx(float(module.per_example(p, n).mean()))
    assert module.Loss("sum")(p, n[0]) == pytest.approx(float(module.per_example(p, n[[0, 0]]).sum()))
    assert as_latex(loss.expression).count("\n") == 2
    assert json.loads(as_json(loss.expression))["formula"] == formula_of(loss.expression)


def test_a_module_refuses_what_it_cannot_take(tmp_path):
    module = imported(as_torch(parse_formula(TEXT)), tmp_path)
    for p, n in (((2, 1), (2, 3)), ((2,), (3, 4)), ((2,), (2, 0))):
        with pytest.raises(ValueError, match="expected positives"):
            module.Loss()(torch.zeros(p), torch.zeros(n))
    with pytest.raises(ValueError, match="expected mean, sum or none"):
        module.Loss("median")


def test_json_has_the_whole_tree():
    content = json.loads(as_json(parse_formula("2*mean(n) - p"), ["Found."]))
    assert content["tree"] == ["add", ["mul", 2.0, ["mean", "n"]], ["mul", "p", -1.0]]
    assert content["origin"] == ["Found."]


def test_latex_is_what_one_writes():
    assert as_latex(parse_formula("relu(1 - p) + 150*mean(relu(n - 0.9))"), ["A."]) == (
        "% relu(1 - p) + 150*mean(relu(n - 0.9))\n% A.\n"
        r"\max \left( 0, 1 - p \right) + 150 \, \left( \frac{1}{N} \sum_j \left( \max \left( 0, n_j - 0.9 \right) "
        r"\right) \right)" + "\n"
    )


@pytest.mark.parametrize(
    ("formula", "latex"),
    [
        ("mean(relu(d/0.3))", r"\frac{1}{N} \sum_j \left( \max \left( 0, \frac{n_j - p}{0.3} \right) \right)"),
        ("log_mean_exp(n)*2 - p", r"2 \, \log \frac{1}{N} \sum_j \exp n_j - p"),
        ("max(d) - (1 + p)", r"\max_j \left( n_j - p \right) - \left( 1 + p \right)"),
        ("-0.5*p + mean(n)", r"\frac{1}{N} \sum_j n_j - 0.5 \, p"),
    ],
)
def test_signs_and_fractions_are_where_they_belong(formula, latex):
    assert set_latex(parse_formula(formula)) == latex


@pytest.mark.parametrize("text", [TEXT, EVERY, *(text for text, _ in KNOWN.values())])
def test_mathematics_for_browsers_is_well_formed(text):
    loss = parse_formula(text)
    loss = loss.bound(dict.fromkeys(loss.slots, 0.5))
    math = ElementTree.fromstring(set_mathml(loss))
    assert math.get("alttext") == formula_of(loss)
    children = {"mfrac": 2, "msup": 2, "msub": 2, "munder": 2, "mi": 0, "mn": 0, "mo": 0, "mspace": 0}
    for element in math.iter():
        assert len(element) == children.get(element.tag, len(element))
        assert element.tag in children or element.tag in ("math", "mrow")


def test_what_it_says_of_itself_cannot_end_the_docstring(tmp_path):
    text = as_torch(parse_formula(TEXT), ['"""', "\\"])
    assert imported(text, tmp_path).Loss()(torch.zeros(1), torch.zeros(1, 2)).isfinite()


def test_shapes_of_known_losses_are_written_in_every_form():
    for text, values in KNOWN.values():
        expression: Expression = parse_formula(text).bound(values)
        assert as_latex(expression)
        assert as_torch(expression)
