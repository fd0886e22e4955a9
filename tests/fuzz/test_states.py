"""States that are whole, but say nonsense: a study goes on from one to its end, or refuses it in a line."""

import copy
import random

import pytest
import torch

from core.common.errors import UserError
from searchers import SEARCHERS
from studies.storage.checkpoints import pack, unpack
from studies.study.study import Study
from tests.fuzz.targets import assert_good
from tests.studies.small import small_settings

FEW = {"trainings": 4, "candidates_per_step": 2, "max_epochs": 2, "check": "after", "samples_per_training": 50}
NONSENSE = (None, True, -1, 0, 3, 10**30, 0.5, -1e300, float("nan"), "", "x", "add", [], [[]], {}, {"a": 1}, (1, 2))
TENSORS = (torch.zeros(0), torch.zeros(2, 3), torch.full((5,), float("nan")), torch.ones(1, dtype=torch.int64))


def places(state, path=()):
    """The path of every leaf and branch."""
    found = [path] if path else []
    items = state.items() if isinstance(state, dict) else enumerate(state) if isinstance(state, list) else ()
    for name, inner in list(items)[:40]:
        found += places(inner, (*path, name))
    return found


def changed(state, rng):
    """The state with something else, or nothing, in one place."""
    state = copy.deepcopy(state)
    path = rng.choice(places(state))
    owner = state
    for name in path[:-1]:
        owner = owner[name]
    if rng.random() < 0.15:
        del owner[path[-1]]
    else:
        owner[path[-1]] = rng.choice(NONSENSE + TENSORS)
    return state, path


def kept(settings):
    states = []
    Study(settings).run([], on_checkpoint=lambda make: states.append(unpack(pack(make()))))
    return states


@pytest.mark.parametrize("n", [150, pytest.param(10_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("searcher", SEARCHERS)
def test_a_state_with_nonsense_in_it_is_gone_on_from_or_refused(searcher, n):
    settings = small_settings(**FEW, searcher=searcher, environment="alternating")
    states, rng = kept(settings), random.Random(f"{searcher} {n}")
    refused = 0
    for _ in range(n):
        state, path = changed(rng.choice(states), rng)
        study = Study(settings)
        try:
            study.run([], stored=state)
        except UserError as error:
            assert_good(error)
            refused += 1
        except Exception as error:
            raise AssertionError(f"{path}: {error!r}") from error
    assert n / 10 < refused < n


@pytest.mark.parametrize("cost", [float("nan"), float("inf"), -1.0, "3", None, True])
def test_a_cost_that_is_none_is_refused(cost):
    settings = small_settings(**FEW, searcher="random", environment="alternating")
    state = kept(settings)[0]
    state["tally"]["cost"] = cost
    with pytest.raises(UserError):
        Study(settings).run([], stored=state)
