"""The example for RecBole, without RecBole: the part that puts a loss in, and what the page shows of it."""

import ast
import importlib.util
import re
import textwrap
from pathlib import Path

import pytest
import torch
from torch import nn

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "examples" / "recbole_found_loss.py"
PAGE = (ROOT / "docs" / "use-a-found-loss.md").read_text(encoding="utf-8")
LOSS = """
import torch

class Loss(torch.nn.Module):
    def __init__(self, reduction="mean", from_logits=False):
        super().__init__()
        self.from_logits = from_logits

    def forward(self, prediction, label):
        y_hat = torch.sigmoid(prediction) if self.from_logits else prediction
        return ((y_hat - label) ** 2).mean()
"""


@pytest.fixture
def example():
    spec = importlib.util.spec_from_file_location("recbole_found_loss", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Pointwise(nn.Module):
    """As RecBole's NeuMF: the loss is an attribute."""

    def __init__(self, loss):
        super().__init__()
        self.logit, self.loss = nn.Parameter(torch.tensor([0.0, 2.0])), loss

    def calculate_loss(self, label):
        takes_logits = isinstance(self.loss, nn.BCEWithLogitsLoss) or getattr(self.loss, "from_logits", False)
        return self.loss(self.logit if takes_logits else torch.sigmoid(self.logit), label)


@pytest.mark.parametrize("own", [nn.BCELoss, nn.BCEWithLogitsLoss])
def test_the_loss_of_a_file_takes_the_place_of_the_models_own(example, own, tmp_path):
    (tmp_path / "found_loss.py").write_text(LOSS, encoding="utf-8")
    model = example.give_loss(Pointwise(own()), example.load_loss(tmp_path / "found_loss.py"))
    label = torch.tensor([1.0, 0.0])
    value = model.calculate_loss(label)
    assert value.item() == pytest.approx(((torch.sigmoid(model.logit) - label) ** 2).mean().item())
    value.backward()
    assert (model.logit.grad != 0).all()


def test_a_model_with_another_kind_of_loss_is_refused(example):
    with pytest.raises(SystemExit, match="pointwise"):
        example.give_loss(Pointwise(nn.MSELoss()), None)


def test_the_page_shows_the_adapter_as_it_is():
    shown = ast.parse(textwrap.dedent(re.search(r"```python\n(def give_loss.*?)```", PAGE, re.DOTALL)[1])).body[0]
    here = next(n for n in ast.parse(SCRIPT.read_text()).body if getattr(n, "name", "") == "give_loss")
    assert ast.dump(ast.Module(here.body[1:], [])) == ast.dump(ast.Module(shown.body, []))  # but for the docstring
