"""The stand-in that lets everything through."""

import pytest

from core.losses.loss import ProgramLoss
from core.problems.no_proxy import NoProxyTest
from core.problems.proxy import prediction_proxy_batch
from core.programs.program import LossProgram
from core.programs.space import HANDCRAFTED_SPACE


def losses(*formulas):
    return [ProgramLoss(LossProgram.parse(text), HANDCRAFTED_SPACE) for text in formulas]


def test_everything_passes_under_a_number_of_its_own():
    proxy = NoProxyTest()
    proxy.renew(prediction_proxy_batch(0))
    findings = proxy.examine(losses("y", "y", "y_hat")) + proxy.examine(losses("y"))
    assert [(finding.verdict, finding.entry) for finding in findings] == [(None, i) for i in range(4)]
    assert proxy.n_entries == 4
    proxy.renew(prediction_proxy_batch(1))
    assert proxy.n_entries == 0


def test_it_goes_on_from_a_stored_state():
    proxy, other = NoProxyTest(), NoProxyTest()
    proxy.examine(losses("y", "y_hat"))
    other.load_state_dict(proxy.state_dict())
    assert other.examine(losses("y")) == proxy.examine(losses("y"))


@pytest.mark.parametrize("state", [{}, {"entries": -1}, {"entries": "2"}, {"entries": True}, {"probe": {}}])
def test_other_states_are_refused(state):
    with pytest.raises((KeyError, TypeError, ValueError)):
        NoProxyTest().load_state_dict(state)
