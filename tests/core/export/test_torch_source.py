"""Losses as torch modules in files of their own."""

import ast
import sys

import pytest
import torch
from hypothesis import given

from core.common.errors import UserError
from core.export.torch_source import torch_source
from core.losses.loss import ProgramLoss
from core.losses.module import LossModule
from core.programs.compile import prediction_gradient
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from recommenders.tasks.losses import NAMED_LOSSES, make_loss
from tests.core.export.written import Y_HAT, Foreign, Y, imported
from tests.strategies import costly_law, losses

ABOUT = ["A loss."]


@costly_law
@given(loss=losses())
def test_value_and_gradient_are_those_of_the_loss(loss, tmp_path_factory):
    exported = imported(torch_source(loss, ABOUT), tmp_path_factory.mktemp("exported")).Loss("none")
    assert torch.allclose(exported(Y_HAT, Y), loss.function(Y_HAT, Y), rtol=1e-12, atol=1e-12, equal_nan=True)
    expected = prediction_gradient(loss.function, Y_HAT, Y)
    assert torch.allclose(prediction_gradient(exported, Y_HAT, Y), expected, rtol=1e-12, atol=1e-12, equal_nan=True)


@pytest.mark.parametrize("name", NAMED_LOSSES)
@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_known_losses_are_those_of_the_module(name, from_logits, reduction, tmp_path):
    loss = make_loss(name, OperatorSpace())
    exported = imported(torch_source(loss, ABOUT), tmp_path).Loss(reduction, from_logits)
    prediction = (Y_HAT.logit() if from_logits else Y_HAT).float()
    ours = LossModule(loss, reduction, from_logits)
    assert torch.equal(exported(prediction, Y), ours(prediction, Y))


@pytest.mark.parametrize("name", [*NAMED_LOSSES, "log(log(y)*(1/(y_hat))^2) + 1"])
@pytest.mark.parametrize("clamp", ["signed", "paper", "none"])
def test_the_file_needs_nothing_but_torch_and_defines_nothing_that_it_does_not_use(name, clamp):
    text = torch_source(make_loss(name, OperatorSpace(clamp=clamp)), ABOUT)
    tree = ast.parse(text)
    taken = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    modules = {alias.name for node in taken if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module for node in taken if isinstance(node, ast.ImportFrom)}
    assert {module.split(".")[0] for module in modules} == {"torch"}
    names = {alias.name for node in taken if isinstance(node, ast.ImportFrom) for alias in node.names}
    names |= {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    names |= {target.id for node in tree.body if isinstance(node, ast.Assign) for target in node.targets}
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    assert names <= used
    assert max(map(len, text.splitlines())) <= 120


SCRIPTED = [*NAMED_LOSSES, "-log(y_hat*y)", "max(1, y_hat)", "eps*y_hat + 1", "(1 + y_hat^2)*max(y_hat^2, y/(y_hat))"]


@pytest.mark.filterwarnings("ignore:.*torch.jit.*deprecated")  # of TorchScript itself, from Python 3.14 on
@pytest.mark.parametrize("text", SCRIPTED)
@pytest.mark.parametrize(
    ("reduction", "scale", "clamp"), [("mean", 1.0, "signed"), ("sum", 0.3, "paper"), ("none", 2.0, "none")]
)
def test_torchscript_takes_the_file_and_comes_to_the_same(text, reduction, scale, clamp, tmp_path):
    loss = make_loss(text, OperatorSpace(clamp=clamp)).scaled(scale)
    exported = imported(torch_source(loss, ABOUT), tmp_path)
    for from_logits in (False, True):
        module = exported.Loss(reduction, from_logits)
        scripted = torch.jit.script(module)
        for dtype in (torch.float64, torch.float32, torch.float16):
            prediction = (Y_HAT.logit() if from_logits else Y_HAT).to(dtype)
            assert torch.equal(scripted(prediction, Y), module(prediction, Y))


def test_the_docstring_has_what_it_is_told(tmp_path):
    about = ["The title", "second \\ line", 'with """quotes"""']
    exported = imported(torch_source(make_loss("MaxR", OperatorSpace()), about), tmp_path)
    assert exported.__doc__ == "The title\n\nsecond \\ line\nwith '''quotes'''\n"
    assert exported.Loss.__doc__.startswith("The title\n")


def test_bad_use_of_the_file_is_told(tmp_path):
    exported = imported(torch_source(make_loss("MaxR", OperatorSpace()), ABOUT), tmp_path)
    with pytest.raises(ValueError, match="reduction: expected mean, sum or none, got 'max'"):
        exported.Loss("max")
    with pytest.raises(ValueError, match=r"of one shape, got \[2\] and \[3\]"):
        exported.Loss()(torch.zeros(2), torch.zeros(3))


@pytest.mark.parametrize("name", ["MaxR", "BCE"])
@pytest.mark.parametrize(("wrong", "kind"), [([0.5], "list"), (Y_HAT.numpy(), "ndarray"), (0.5, "float")])
def test_what_is_no_tensor_is_refused_by_module_and_file_alike(name, wrong, kind, tmp_path):
    loss = make_loss(name, OperatorSpace())
    for module in (LossModule(loss), imported(torch_source(loss, ABOUT), tmp_path).Loss()):
        with pytest.raises(
            TypeError, match=f"expected predictions and labels as tensors, got {kind} and Tensor; torch"
        ):
            module(wrong, Y)
        with pytest.raises(TypeError, match=f"got Tensor and {kind}; torch.as_tensor makes one"):
            module(Y_HAT, wrong)


def test_half_precision_and_whole_labels(tmp_path):
    exported = imported(torch_source(make_loss("SumR", OperatorSpace()), ABOUT), tmp_path).Loss()
    assert exported(torch.tensor([0.25]).half(), torch.tensor([1])).dtype is torch.float32


def test_the_file_can_be_compiled_and_moved(tmp_path):
    exported = imported(torch_source(make_loss("MaxR", OperatorSpace()), ABOUT), tmp_path).Loss()
    assert list(exported.parameters()) == []
    assert exported.to("cpu", torch.float64) is exported
    assert "exported" not in sys.modules


def test_another_kind_of_loss_is_refused():
    with pytest.raises(UserError, match="export: expected a program or a loss with a closed form, got Foreign"):
        torch_source(Foreign(), ABOUT)


def test_a_loss_that_is_an_input(tmp_path):
    loss = ProgramLoss(LossProgram.parse("1"), OperatorSpace())
    exported = imported(torch_source(loss, ABOUT), tmp_path).Loss("none")
    assert torch.equal(exported(Y_HAT, Y), torch.ones_like(Y))
