"""From wherever a study was kept, it ends bit for bit as if it had never ended."""

import json

import pytest

from searchers import SEARCHERS
from studies.storage.checkpoints import pack, unpack
from studies.study.study import Study
from tests.studies.small import small_settings

pytestmark = pytest.mark.usefixtures("undrawn")

FEW = {"trainings": 6, "candidates_per_step": 2, "max_epochs": 2}


def without_time(result):
    """The result and the recommender that is kept."""
    kept = {name: weight.tolist() for name, weight in (result.model or {}).items()}
    return json.dumps([{**result.to_dict(), "seconds": None}, kept])


def run(settings, stored=None, on_checkpoint=lambda make: None):
    return without_time(Study(settings).run([], stored=stored, on_checkpoint=on_checkpoint))


def run_and_keep_all(settings):
    """The result, and every state in which the study could have been kept, as it would lie on disk."""
    kept = []
    result = run(settings, on_checkpoint=lambda make: kept.append(pack(make())))
    return result, kept


@pytest.mark.parametrize("environment", ["alternating", "from-scratch"])
@pytest.mark.parametrize("searcher", SEARCHERS)
def test_a_study_goes_on_from_everywhere_as_if_it_had_never_ended(searcher, environment):
    check_that_it_goes_on(small_settings(**FEW, searcher=searcher, environment=environment))


def test_so_does_one_that_rehearses():
    check_that_it_goes_on(small_settings(**FEW, preset="tuned", epochs_per_candidate=2))


def check_that_it_goes_on(settings):
    expected, kept = run_and_keep_all(settings)
    assert len(kept) >= 3 + 2 * 2  # steps, and epochs of two seeds
    for state in kept[::3] + kept[-1:]:
        assert run(settings, unpack(state)) == expected
