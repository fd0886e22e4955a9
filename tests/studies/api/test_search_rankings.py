"""A search of losses of rankings from Python."""

import json
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import torch

from core.common.errors import UserError
from core.losses.setwise.module import SetLossModule
from core.losses.setwise.registry import parse_set_loss
from studies.api import load_result, search_loss
from tests.core.export.written import imported

SMALL = {"task": "ranking", "searcher": "random", "trainings": 3, "tuning_settings": 2, "tuning_epochs": 2}
SMALL |= {"max_epochs": 2, "every": 1, "negatives": 8, "finalists": 1, "simpler": 1, "baseline": ("SL", "SL@K")}
SMALL |= {"repeats": 2, "embedding_size": 8, "progress": False}


def bought():
    rng = np.random.default_rng(0)
    rows = [(f"c{user}", f"s{(user % 4) * 12 + item}") for user in range(60) for item in rng.permutation(12)[:9]]
    return pd.DataFrame(rows, columns=["customer", "sku"])


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    folder = tmp_path_factory.mktemp("search") / "out"
    found = search_loss(bought(), item_col="sku", user_col="customer", out=folder, **SMALL)
    return found, folder


def test_the_found_loss_is_a_torch_module_and_all_of_its_forms(result, tmp_path):
    found, folder = result
    positive, negatives = torch.tensor([0.3, -0.1]), torch.tensor([[0.5, 0.1, -0.4], [0.0, 0.2, 0.3]])
    module = imported(found.export("torch"), tmp_path).Loss()
    torch.testing.assert_close(found.loss(positive, negatives), module(positive, negatives))
    assert found.export("json") == load_result(folder).export("json")
    assert json.loads((folder / "loss.json").read_text())["formula"] == json.loads(found.export("json"))["formula"]
    with pytest.raises(UserError, match="unknown form 'sympy'"):
        found.export("sympy")
    assert "SearchResult: " + found.formula in repr(found)
    assert {"name", "loss", "learning_rate", "validation_recall@20", "test_ndcg@20"} <= set(found.losses)
    assert len(found.losses) >= 3
    assert len(found.candidates) >= 3
    assert "Push on a negative" in found.report()
    with pytest.raises(UserError, match="on rankings; train_recommender"):
        found.predict([1], [2])
    with pytest.raises(UserError, match="on rankings; train_recommender"):
        _ = found.recommender


def test_it_is_the_same_after_a_journey_and_without_a_folder(result):
    found, folder = result
    there = pickle.loads(pickle.dumps(found))
    assert there.simplified == found.simplified == load_result(folder).simplified
    again = search_loss(bought(), item_col="sku", user_col="customer", **SMALL)
    assert again.to_dict() | {"seconds": 0} == found.to_dict() | {"seconds": 0}


@pytest.mark.nightly
def test_files_are_searched_like_frames(result, tmp_path):
    bought().to_csv(tmp_path / "bought.csv", index=False)
    found = search_loss(tmp_path / "bought.csv", item_col="sku", user_col="customer", **SMALL)
    assert found.losses.equals(result[0].losses)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"validation": bought()}, "leave out validation and test"),
        ({"task": "rank"}, "unknown task 'rank'.*ranking"),
        ({"tuning_settings": 0}, "tuning_settings: expected 1 to 100,000, got 0"),
        ({"negatives": 0}, "negatives: expected 1 to 100,000, got 0"),
        ({"recommender": "simplex", "backend": "compiled"}, "backend compiled: it trains mf"),
        ({"dataset": "gowalla"}, "expected either a data frame or dataset='gowalla'"),
        ({"recommender": torch.nn.Linear}, "recommender"),
        ({"recommender": "nobody"}, "nobody"),
        ({"sampler": "uniform:negatives=5"}, "sampler: expected a name alone"),
        ({"epsilon": 0.1}, "unknown setting 'epsilon'"),
        ({"operators": "+exp"}, "unknown setting 'operators'"),
        ({"pushes": 7}, "pushes: expected 1 to 4"),
        ({"guess": ("mean(d",)}, "malformed formula"),
        ({"test_share": "much"}, "test_share"),
        ({"positive_at": float("nan")}, "positive_at: expected a finite number"),
    ],
)
def test_what_cannot_be_searched_is_told_in_a_line(changes, message):
    with pytest.raises(UserError, match=message) as told, warnings.catch_warnings():
        search_loss(bought(), **{"item_col": "sku", "user_col": "customer", **SMALL, **changes})
    assert "\n" not in str(told.value)
    assert "--" not in str(told.value)


def test_a_module_says_what_it_takes():
    module = SetLossModule(parse_set_loss("CCL").expression, "none")
    positive, negatives = torch.zeros(3, requires_grad=True), torch.full((4,), 0.95)
    assert module(positive, negatives).shape == (3,)
    module(positive, negatives).sum().backward()
    assert (positive.grad == -1).all()
    assert "relu(1 - p) + 150" in repr(module)
    for wrong in ((torch.zeros(3, 1), negatives), (positive, torch.zeros(2, 4)), (positive, torch.zeros(3, 0))):
        with pytest.raises(ValueError, match=r"expected positives \[B\] and negatives"):
            module(*wrong)
    with pytest.raises(TypeError, match="expected scores as tensors, got list"):
        module([0.0], negatives)
    with pytest.raises(TypeError, match=r"expected scores as floating-point numbers, got torch\.int64"):
        module(torch.arange(3), torch.arange(3))
    with pytest.raises(UserError, match="reduction: expected mean, sum, none"):
        SetLossModule(parse_set_loss("CCL").expression, "median")
    for reduction in ("mean", "sum"):
        value = SetLossModule(parse_set_loss("CCL").expression, reduction)(positive, negatives)
        torch.testing.assert_close(value, getattr(module(positive, negatives), reduction)())
