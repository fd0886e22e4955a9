"""A policy is taught to write what is viable, where most is not, and left alone where that is no trouble."""

import copy

import pytest
import torch

from core.common.seeding import numpy_rng, torch_rng
from core.programs.space import OperatorSpace
from core.search.choices import ChoiceSpace
from core.search.decision import Decision, Kind
from searchers.controller import Controller, ControllerSettings
from searchers.policy import PolicySearcher, PolicySettings
from searchers.pretraining import pretrain

STRICT = OperatorSpace(max_variables=8, min_positive_rate=0.9)
#: No loss of it moves predictions of both labels towards them.
HOPELESS = OperatorSpace(operators=("neg",), max_variables=4, min_positive_rate=0.9)


def controller(space):
    return Controller(space, ControllerSettings(), torch_rng(0, "weights"))


def share_of_viable(made, space, n=4_096):
    return space.viable(made.sample(n, torch_rng(1, "draws")).numpy()).mean()


def test_it_learns_to_write_what_is_viable():
    taught = controller(STRICT)
    before = share_of_viable(taught, STRICT)
    pretrain(taught, STRICT, 512, numpy_rng(0, "pretraining"))
    assert share_of_viable(taught, STRICT) > 0.01 > 5 * before


def test_it_still_writes_very_different_losses():
    taught = controller(STRICT)
    pretrain(taught, STRICT, 512, numpy_rng(0, "pretraining"))
    genomes = taught.sample(4_096, torch_rng(1, "draws")).numpy()
    viable = genomes[STRICT.viable(genomes)]
    assert len(set(STRICT.hashes(viable).tolist())) > len(viable) / 4


@pytest.mark.parametrize(
    ("space", "n"),
    [
        (STRICT, 0),
        (OperatorSpace(), 512),
        (HOPELESS, 64),
        (ChoiceSpace(tuple(Decision(f"bit_{i}", Kind("bit", ("0", "1")), 2) for i in range(8))), 512),
    ],
)
def test_where_there_is_nothing_to_teach_it_is_left_alone(space, n):
    made = controller(space)
    before = copy.deepcopy(made.state_dict())
    pretrain(made, space, n, numpy_rng(0, "pretraining"))
    assert all(torch.equal(tensor, before[name]) for name, tensor in made.state_dict().items())


def test_it_is_done_once_whenever_a_search_is_interrupted():
    settings = PolicySettings(pretraining=256)
    one, early, late = (PolicySearcher(STRICT, 0, settings) for _ in range(3))
    early.load_state_dict(PolicySearcher(STRICT, 0, settings).state_dict())
    first = one.ask(4)
    assert (early.ask(4) == first).all()
    late.load_state_dict(one.state_dict())
    assert (late.ask(40) == one.ask(40)).all()
