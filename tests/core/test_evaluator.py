import dataclasses

import pytest

from core.problems.evaluator import Evaluator
from core.search.problem import Measurement
from tests.core.fakes import FakeEvaluator


def test_an_evaluator_is_asked_seven_things():
    methods = {"score", "proxy_batch", "measure", "adopt", "restart", "state_dict", "load_state_dict"}
    assert Evaluator.__abstractmethods__ == methods
    with pytest.raises(TypeError, match="abstract"):
        Evaluator()


def test_what_has_them_all_is_an_evaluator():
    assert isinstance(FakeEvaluator(), Evaluator)


def test_a_measurement_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Measurement(0.5, 1, 1.0).score = 0.6
