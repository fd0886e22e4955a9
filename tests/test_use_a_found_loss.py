"""The example for RecBole, without RecBole: the part that puts a loss in, and what the page shows of it."""

import ast
import importlib.util
import re
import sys
import textwrap
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch
from torch import nn

from core.export.set_loss import as_torch
from core.losses.setwise.registry import parse_set_loss

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "examples" / "recbole_found_loss.py"
RANKING_SCRIPT = ROOT / "examples" / "recbole_found_ranking_loss.py"
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


def loaded(script):
    spec = importlib.util.spec_from_file_location(script.stem, script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def example():
    return loaded(SCRIPT)


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


class GeneralRecommender(nn.Module):
    """As RecBole's, as far as the example needs it."""

    USER_ID, ITEM_ID = "user", "item"

    def __init__(self, config, dataset):
        super().__init__()
        self.n_users, self.n_items = dataset


def test_a_loss_of_rankings_trains_a_model_of_recbole(monkeypatch, tmp_path):
    stubs = {"recbole": {}, "recbole.model": {}, "recbole.utils": {"InputType": SimpleNamespace(PAIRWISE=2)}}
    stubs["recbole.model.abstract_recommender"] = {"GeneralRecommender": GeneralRecommender}
    for name, content in stubs.items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    example = loaded(RANKING_SCRIPT)
    (tmp_path / "bsl.py").write_text(as_torch(parse_set_loss("BSL").expression), encoding="utf-8")
    model = example.model_trained_by(example.load_loss(tmp_path / "bsl.py")(), 50)({"embedding_size": 4}, (6, 9))
    optimiser = torch.optim.Adam(model.parameters(), lr=0.05)
    batch = {"user": torch.tensor([1, 2, 3]), "item": torch.tensor([4, 5, 6])}
    for _ in range(30):
        optimiser.zero_grad()
        model.calculate_loss(batch).backward()
        optimiser.step()
    scores = model.full_sort_predict(batch).reshape(3, 9)
    assert scores[:, 1:].argmax(1).tolist() == [3, 4, 5]
    torch.testing.assert_close(model.predict(batch), scores[torch.arange(3), batch["item"]])


def test_the_page_shows_the_adapter_as_it_is():
    shown = ast.parse(textwrap.dedent(re.search(r"```python\n(def give_loss.*?)```", PAGE, re.DOTALL)[1])).body[0]
    here = next(n for n in ast.parse(SCRIPT.read_text()).body if getattr(n, "name", "") == "give_loss")
    assert ast.dump(ast.Module(here.body[1:], [])) == ast.dump(ast.Module(shown.body, []))  # but for the docstring
