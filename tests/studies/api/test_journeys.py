"""What a user holds can be copied, and sent to another process."""

import copy
import io
import pickle
from functools import partial

import numpy as np
import pytest
import torch

from core.losses.module import LossModule
from core.testing.process import elsewhere
from recommenders.tasks.losses import NAMED_LOSSES, make_loss
from studies import load_result, search_loss
from studies.api.searching import _score
from studies.exporting.served import Recommender
from studies.study.settings import StudySettings
from tests.studies.api.test_leaves_no_trace import SMALL
from tests.studies.api.test_search_loss import FRAME, Own

USERS, ITEMS = FRAME["userId"][:20].tolist(), FRAME["asin"][:20].tolist()


def told(result):
    """All that a result can be asked for."""
    return {
        "predict": result.predict([*USERS, -1], [*ITEMS, "none"]).tolist(),
        "formula": result.formula,
        "module": str(result.module()),
        "losses": result.losses.to_csv(),
        "candidates": result.candidates.to_csv(),
        "export": result.export(),
        "repr": repr(result),
    }


@pytest.fixture(scope="module", params=["mf", Own], ids=["mf", "own"])
def result(request):
    settings = {name: value for name, value in SMALL.items() if name != "dataset"}
    return search_loss(FRAME, **settings, recommender=request.param)


@pytest.fixture(scope="module")
def said(result):
    return told(result)


def same(one, other):
    np.testing.assert_array_equal(one["predict"], other["predict"])
    assert {**one, "predict": None} == {**other, "predict": None}


class Half(torch.nn.Module):
    """Scores a pair by half of the user's number."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(0.5))

    def forward(self, user, item):
        return user * self.weight


def test_ids_reach_the_recommender_as_they_are():
    """Through NumPy an integer beside a float would lose its last digits, and one beside a text be a text."""
    served = Recommender({"user": [2**53 + 1, 2**53], "item": [1, "x"]}, partial(_score, Half()))
    y_hat = served.predict({"user": [2**53 + 1, 2.0, 2**53], "item": [1.0, 1, "x"]})
    assert y_hat[[0, 2]].tolist() == [0, 0.5]
    with pytest.raises(ValueError, match="expected a list of users, got '5' alone"):
        served.predict({"user": 5, "item": [1]})


def told_with_page(result):
    return {**told(result), "page": result.report().count("<svg")}


def test_a_result_arrives_in_another_process(result, said):
    arrived = elsewhere(told_with_page, result)
    assert arrived.pop("page") > 5
    same(said, arrived)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_copy_tells_the_same(result, said, copied):
    arrived = copied(result)
    same(said, told(arrived))
    assert {*arrived.recommender.state_dict()} == {*result.recommender.state_dict()}


def test_a_result_that_was_stored_predicts_wherever_its_folder_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = {name: value for name, value in SMALL.items() if name != "dataset"}
    found = search_loss(FRAME, **settings, out="out")
    stored = load_result("out")
    stored.predict(USERS, ITEMS)
    sent = pickle.dumps(stored)
    monkeypatch.chdir("/")
    np.testing.assert_allclose(pickle.loads(sent).predict(USERS, ITEMS), found.predict(USERS, ITEMS), rtol=1e-5)


def through_torch(module):
    file = io.BytesIO()
    torch.save(module, file)
    return torch.load(io.BytesIO(file.getvalue()), weights_only=False)


@pytest.mark.parametrize("sent", [lambda one: pickle.loads(pickle.dumps(one)), copy.deepcopy, copy.copy, through_torch])
@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize("name", [*NAMED_LOSSES, "max(y_hat, 1/(y))"])
def test_losses_travel_before_and_after_they_were_used(name, from_logits, sent):
    module = LossModule(make_loss(name, StudySettings().space), from_logits=from_logits)
    predictions, labels = torch.linspace(0.1, 0.9, 7), torch.tensor([0.0, 1, 0, 1, 0, 1, 0])
    fresh, value = sent(module), module(predictions, labels)
    _ = module.loss.encoded, module.loss.gradient(predictions, labels)
    used = sent(torch.nn.Sequential(module))[0]  # as part of somebody's model
    assert fresh(predictions, labels) == used(predictions, labels) == value


def test_what_a_result_gives_travels_after_it_was_used(result):
    loss, recommender, numbers = result.loss, result.recommender, torch.arange(3)
    value, y_hat = loss(torch.full((3,), 0.3), torch.ones(3)), recommender(numbers, numbers)
    loss, recommender = pickle.loads(pickle.dumps((loss, recommender)))
    assert loss(torch.full((3,), 0.3), torch.ones(3)) == value
    assert torch.equal(recommender(numbers, numbers), y_hat)


def test_settings_travel():
    assert pickle.loads(pickle.dumps(StudySettings(seed=3))) == StudySettings(seed=3)
