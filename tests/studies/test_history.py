"""What is kept of a search for its report."""

import json

import pytest

from core.common.errors import UserError
from recommenders.tasks.metrics import find_metric
from studies.storage.output import OutputFolder
from studies.study.history import History
from studies.study.history_file import HistoryFile
from studies.study.study import Study
from tests.studies.small import small_settings

METRIC = find_metric("classification", None)


def searched():
    history, states = History(METRIC), []
    study = Study(small_settings())
    study.search([history], on_checkpoint=lambda make: states.append(json.loads(json.dumps(make()["callbacks"]))))
    return history, states


def test_every_step_and_every_trained_candidate_is_kept():
    history, _ = searched()
    assert [step["candidate_epochs"] for step in history.steps] == [4, 8]
    assert len(history.candidates) == 8
    assert history.steps[-1]["best"] == max(one["valid_auc"] for one in history.candidates)
    assert all(one["complexity"] >= 1 and one["formula"] for one in history.candidates)
    json.dumps([history.steps, history.candidates], allow_nan=False)


def test_it_goes_on_from_a_state():
    history, states = searched()
    resumed = History(METRIC)
    resumed.load_state_dict(states[0]["History"])
    assert resumed.steps == history.steps[:1]
    assert resumed.candidates == history.candidates[:4]
    assert sum(resumed.seconds().values()) >= states[0]["History"]["steps"][0]["seconds"]


def test_a_state_does_not_repeat_what_a_file_holds(tmp_path):
    def history():
        return History(METRIC, HistoryFile(OutputFolder(tmp_path), {}, print))

    whole, states = history(), []
    study = Study(small_settings())
    study.search(
        [whole], on_checkpoint=lambda make: states.append(json.loads(json.dumps(make()["callbacks"]["History"])))
    )
    assert [(state["in_file"], state["steps"]) for state in states] == [(1, []), (2, [])]
    resumed = history()
    resumed.load_state_dict(states[0])
    assert resumed.records == whole.records[:1]
    (tmp_path / HistoryFile.name).unlink()
    with pytest.raises(UserError, match="holds 0 of 1 steps"):
        history().load_state_dict(states[0])


def test_the_curves_of_phase_three_are_told():
    history = History(METRIC)
    result = Study(small_settings()).run([history])
    content = json.loads(json.dumps(history.to_dict(result), allow_nan=False))
    assert len(content["curves"]) == sum(len(one.fitted) for one in result.finished)
    first = content["curves"][0]
    assert (first["kind"], first["name"], first["seed"]) == ("found", result.best.contender.name, 0)
    assert max(first["validation"]) == first["validation"][first["best_epoch"] - 1]
    assert first["validation"][first["best_epoch"] - 1] == result.best.fitted[0].validation["auc"]


def test_without_a_state_it_begins_anew():
    history = History(METRIC)
    history.load_state_dict({})
    assert history.steps == []


def test_its_time_begins_with_the_first_phase_and_goes_on_from_a_state():
    now = [0.0]
    history = History(METRIC, clock=lambda: now[0])
    for now[0], text in ((100.0, "Phase I"), (103.0, "Phase II")):
        history.on_phase(text)
    assert sum(history.seconds().values()) == 3
    resumed = History(METRIC, clock=lambda: now[0])
    resumed.load_state_dict(history.state_dict())
    now[0] = 200.0
    resumed.on_phase("Phase III")
    now[0] = 201.0
    assert sum(resumed.seconds().values()) == 4
