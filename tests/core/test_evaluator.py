import dataclasses

import pytest
import torch

from core.problems.evaluator import Evaluator, Measurement
from core.problems.fixed_probe import FixedProbe
from core.problems.proxy import prediction_probe
from tests.core.fakes import FakeEvaluator


def test_an_evaluator_is_asked_eight_things():
    methods = {"epochs_per_candidate", "score", "probe", "measure", "adopt", "restart"}
    methods |= {"state_dict", "load_state_dict"}
    assert Evaluator.__abstractmethods__ == methods
    with pytest.raises(TypeError, match="abstract"):
        Evaluator()


def test_what_has_them_all_is_an_evaluator():
    assert isinstance(FakeEvaluator(), Evaluator)


def test_beside_a_fixed_probe_the_recommenders_own_is_still_to_be_had():
    inner, fixed = FakeEvaluator(), prediction_probe(9)
    for evaluator in (FixedProbe(inner, fixed), FixedProbe(FixedProbe(inner, prediction_probe(8)), fixed)):
        assert evaluator.probe() is fixed
        assert torch.equal(evaluator.recommender_probe().y_hat, inner.probe().y_hat)
    assert torch.equal(inner.recommender_probe().y_hat, inner.probe().y_hat)


def test_a_measurement_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Measurement(0.5, 1.0).score = 0.6
