"""What comparisons, tunings and evaluations share in MLflow."""

import shutil

import pytest

from studies.tracking import group
from studies.tracking.group import GroupTracker, key_of
from studies.tracking.server import connect


@pytest.fixture
def begun(migrated, tmp_path):
    """A function that makes the tracker of a folder, as a command does that is typed once more."""
    shutil.copy(migrated, tmp_path / "mlflow.db")
    connection = connect(f"sqlite:///{tmp_path / 'mlflow.db'}", "groups")
    warnings = []

    def begin(folder="a"):
        key, tags = key_of(tmp_path / folder), {"dataset": "x"}
        return GroupTracker(*connection, "making", key, tags, "a making", {"seeds": 3}, warnings.append)

    begin.client, begin.warnings = connection[0], warnings
    return begin


def status(begun, run_id):
    return begun.client.get_run(run_id).info.status


def test_a_command_typed_again_takes_its_run_up_again_however_it_ended(begun):
    first = begun()
    for error, ended in ((None, "FINISHED"), (ValueError, "FAILED"), (KeyboardInterrupt, "KILLED")):
        again = begun()
        assert again.run_id == first.run_id
        assert status(begun, first.run_id) == "RUNNING"
        again.__exit__(error, None, None)
        assert status(begun, first.run_id) == ended
    assert begun.warnings == []


def test_each_folder_has_runs_of_its_own(begun):
    one, other = begun("one"), begun("other")
    assert one.run_id != other.run_id
    child = one._create("child", "c" * 1000, {"number": "7"})
    assert [run.info.run_id for run in one._find("child", number="7")] == [child]
    assert one._find("child", number="8") == other._find("child") == []
    stored = begun.client.get_run(child)
    assert stored.data.tags["dataset"] == "x"
    assert set(stored.info.run_name) == {"c"}


def test_all_runs_are_found_however_many_answers_they_fill(begun, monkeypatch):
    monkeypatch.setattr(group, "_PAGE", 2)
    tracker = begun()
    made = {tracker._create("child", str(i), {}) for i in range(5)}
    assert {run.info.run_id for run in tracker._find("child")} == made
