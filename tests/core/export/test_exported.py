"""A loss with where it comes from, in every form."""

import json

import pytest
import torch

from core.export.exported import FORMS, JSON_FORMAT, Exported
from core.losses.loss import ProgramLoss
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from recommenders.tasks.losses import make_loss
from tests.core.export.written import Y_HAT, Y, imported

LOSS = make_loss("1^2*log(y_hat + y/(y_hat))", OperatorSpace(), 0.01)
EXPORTED = Exported(str(LOSS.program), LOSS, ("Found somewhere.",), {"test": {"auc": 0.8}})


@pytest.mark.parametrize("form", FORMS)
def test_every_form_tells_formula_simplified_formula_and_origin(form):
    text = FORMS[form].write(EXPORTED)
    for told in (EXPORTED.name, "log(y_hat + y/(y_hat))", "Found somewhere."):
        assert told in text


def test_json_holds_all_that_makes_the_loss():
    content = json.loads(FORMS["json"].write(EXPORTED))
    assert content["format"] == JSON_FORMAT
    program = LossProgram.from_dict(content["program"])
    space = OperatorSpace(clamp=content["clamp"], xi=content["xi"])
    loss = ProgramLoss(program, space, content["epsilon"])
    assert torch.equal(loss.function(Y_HAT, Y), LOSS.function(Y_HAT, Y))
    assert content["simplified"]["complexity"] < content["complexity"]
    assert content["test"] == {"auc": 0.8}


def test_the_simple_form_has_the_same_gradient(tmp_path):
    simple = EXPORTED.in_simple_form()
    assert simple.name == EXPORTED.simple == "log(y_hat + y/(y_hat))"
    assert any("Simplified from 1^2" in line for line in simple.about())
    gradients = []
    for number, exported in enumerate((EXPORTED, simple)):
        (tmp_path / str(number)).mkdir()
        module = imported(FORMS["torch"].write(exported), tmp_path / str(number)).Loss("sum")
        y_hat = Y_HAT.clone().requires_grad_()
        module(y_hat, Y).backward()
        gradients.append(y_hat.grad)
    assert torch.allclose(*gradients, rtol=1e-12)
    assert simple.in_simple_form() is simple


def test_a_closed_form_is_what_it_is():
    exported = Exported("BCE", make_loss("BCE", OperatorSpace()))
    assert exported.in_simple_form() is exported
    assert exported.about() == ["BCE", "A function of the logit z, y_hat = sigmoid(z)."]


def test_long_lines_are_wrapped():
    exported = Exported("y_hat", make_loss("y_hat", OperatorSpace()), ("word " * 100,))
    assert max(map(len, exported.about())) <= 110


@pytest.mark.parametrize(("clamp", "told"), [("signed", "The magnitude of what"), ("paper", "What an operator gives")])
def test_the_clamp_is_told(clamp, told):
    loss = make_loss("log(y_hat)", OperatorSpace(clamp=clamp))
    assert any(line.startswith(told) for line in Exported("log(y_hat)", loss).about())
