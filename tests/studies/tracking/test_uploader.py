"""Whatever fails between, runs that are sent again are there once and whole."""

import shutil
from dataclasses import replace

import pytest

from studies.tracking import uploader as module
from studies.tracking.record import RUNNING, SINGLE, Point, RunRecord
from studies.tracking.server import connect
from studies.tracking.tracker import Tracker, key_of
from studies.tracking.uploader import Uploader
from tests.strategies import NIGHTLY
from tests.studies.tracking.dump import dump

GROUP = ("making", "7")


class Faulty:
    """A client whose `nth` request fails, before or after it reached the server, and all that follow it."""

    def __init__(self, client, nth, reached):
        self.client, self.nth, self.reached, self.n = client, nth, reached, 0

    def __getattr__(self, name):
        def request(*args, **more):
            self.n += 1
            if self.n < self.nth:
                return getattr(self.client, name)(*args, **more)
            if self.n == self.nth and self.reached:
                getattr(self.client, name)(*args, **more)
            raise ConnectionError("nobody there")

        return request


@pytest.fixture
def database(migrated, tmp_path):
    """A function that makes a database, and gives its path and a connection."""

    def make(name):
        shutil.copy(migrated, tmp_path / name)
        return tmp_path / name, connect(f"sqlite:///{tmp_path / name}", "made")

    return make


def tree(tmp_path):
    """A run with everything that one can have, and runs below it."""
    (tmp_path / "model").mkdir(exist_ok=True)
    (tmp_path / "model" / "weights").write_text("w")
    (tmp_path / "page.html").write_text("page")
    children = [
        RunRecord(f"child {i}", GROUP, {"child": str(i)}, {"kind": "c"}, {"i": i}, [Point(SINGLE, {"m": i / 3})])
        for i in range(2)
    ]
    steps = ((0, 1), (4, 2), (4, 3), (8, 4))
    curve = [Point(step, {"m": step / 7, "nothing": None, "broken": float("nan")}, time) for step, time in steps]
    artifacts = {"page.html": tmp_path / "page.html", "model": tmp_path / "model", "result.json": {"a": 1}}
    artifacts |= {"candidates.json": [{"x": 1, "y": None}, {"x": 2, "y": 0.1}]}
    params = {"seeds": 3, "long": "p" * 9000}
    return RunRecord("n" * 900, GROUP, {"role": "root"}, {"t": "v" * 9000}, params, curve, artifacts, children)


def sent(connection, *records, warnings=None):
    uploader = Uploader("sqlite://", "made", (warnings if warnings is not None else []).append, "", connection)
    return [uploader.upload(record) for record in records]


def test_a_run_is_there_with_all_that_is_below_it(database, tmp_path):
    path, connection = database("one.db")
    sent(connection, tree(tmp_path))
    (run,) = dump(path)["made"]["runs"]
    assert run["status"] == "FINISHED"
    assert [child["name"] for child in run["children"]] == ["child 0", "child 1"]
    assert run["metrics"] == {"m": [[0, 0.0], [4, 4 / 7], [4, 4 / 7], [8, 8 / 7]]}
    assert set(run["artifacts"]) == {"page.html", "model/weights", "result.json", "candidates.json"}
    assert run["artifacts"]["candidates.json"] == {"columns": ["x", "y"], "data": [[1, None], [2, 0.1]]}
    assert len(run["params"]["long"]) == len(run["tags"]["t"]) == 5000


@pytest.mark.parametrize("reached", [False, True])
def test_an_upload_that_failed_anywhere_is_completed_by_the_next_one(database, tmp_path, monkeypatch, reached):
    monkeypatch.setattr(module, "_METRICS", 2)
    path, connection = database("whole.db")
    counting = Faulty(connection[0], 10**9, reached)
    sent((counting, connection[1]), replace(tree(tmp_path), status=RUNNING), tree(tmp_path))
    expected, again = dump(path), 0
    for nth in range(1, counting.n + 1, 1 if NIGHTLY else 3):
        path, connection = database(f"{nth}.db")
        running, whole = replace(tree(tmp_path), status=RUNNING), tree(tmp_path)
        with pytest.raises(ConnectionError):
            sent((Faulty(connection[0], nth, reached), connection[1]), running, whole)
        sent(connection, running, whole)
        assert dump(path) == expected, f"after request {nth}"
        again += 1
    assert again > (10 if NIGHTLY else 3)


def test_the_same_uploader_goes_on_after_a_failure(database, tmp_path):
    path, (client, experiment_id) = database("one.db")
    warnings, faulty = [], Faulty(client, 5, True)
    uploader = Uploader("sqlite://", "made", warnings.append, "; later", (faulty, experiment_id))
    assert not uploader.attempt("this", lambda: uploader.upload(tree(tmp_path)))
    assert warnings == ["MLflow: could not write this: nobody there; later"]
    faulty.nth = 10**9
    assert uploader.attempt("this", lambda: uploader.upload(tree(tmp_path)))
    other, connection = database("other.db")
    sent(connection, tree(tmp_path))
    assert dump(path) == dump(other)


def test_a_run_grows_and_what_is_there_is_not_sent_again(database, tmp_path):
    path, (client, experiment_id) = database("one.db")
    counting = Faulty(client, 10**9, False)
    record = RunRecord("run", GROUP, {"role": "root"}, status=RUNNING)
    points = [Point(step, {"m": float(step)}) for step in range(5)]
    uploader = Uploader("sqlite://", "made", print, "", (counting, experiment_id))
    for n in range(6):
        uploader.upload(replace(record, points=points[:n]))
    before = counting.n
    uploader.upload(replace(record, points=points))
    assert counting.n == before
    again = [Point(step, {"m": float(step)}) for step in range(7)]
    sent((client, experiment_id), replace(record, points=again))
    (run,) = dump(path)["made"]["runs"]
    assert run["metrics"] == {"m": [[step, float(step)] for step in range(7)]}


def test_a_value_that_stands_alone_is_replaced_by_another_one(database):
    _, (client, experiment_id) = database("one.db")
    record = RunRecord("run", GROUP, {"role": "root"}, status=RUNNING)
    for value in (0.5, 0.5, 0.25):
        (run_id,) = sent((client, experiment_id), replace(record, points=[Point(SINGLE, {"gain": value})]))
    assert client.get_run(run_id).data.metrics["gain"] == 0.25
    assert len(client.get_metric_history(run_id, "gain")) == 2


def test_runs_of_other_keys_and_groups_are_others(database):
    path, connection = database("one.db")
    keys = [(GROUP, {"role": "a"}), (GROUP, {"role": "b"}), (("making", "8"), {"role": "a"})]
    made = [sent(connection, RunRecord("run", group, key)) for group, key in keys + keys]
    assert made[:3] == made[3:]
    assert len(dump(path)["made"]["runs"]) == 3


def test_all_runs_are_found_however_many_answers_they_fill(database, monkeypatch):
    monkeypatch.setattr(module, "_PAGE", 2)
    _, connection = database("one.db")
    records = [RunRecord(str(i), GROUP, {"child": str(i)}) for i in range(5)]
    assert sent(connection, *records) == sent(connection, *records)


def test_runs_that_are_replaced_make_way_when_the_new_ones_are_there(database):
    path, (client, experiment_id) = database("one.db")

    def replaced(names, client=client):
        uploader = Uploader("sqlite://", "made", print, "", (client, experiment_id))
        records = [RunRecord(name, GROUP, {"role": "loss", "loss": name}) for name in names]
        uploader.replace(records, {"role": "loss"})

    def names():
        return [run["name"] for run in dump(path)["made"]["runs"]]

    sent((client, experiment_id), RunRecord("root", GROUP, {"role": "root"}))
    replaced(["a", "b"])
    with pytest.raises(ConnectionError):
        replaced(["b", "c"], Faulty(client, 4, False))
    assert {"a", "b"} <= set(names())
    replaced(["b", "c"])
    assert sorted(names()) == ["b", "c", "root"]


def test_a_record_without_a_key_is_refused():
    with pytest.raises(ValueError, match="expected the tags by which it is found again"):
        RunRecord("run", GROUP, {})


def test_a_command_typed_again_takes_its_run_up_again_however_it_ended(database, tmp_path):
    _, (client, experiment_id) = database("one.db")
    first, warnings = None, []
    for error, ended in ((None, "FINISHED"), (ValueError, "FAILED"), (KeyboardInterrupt, "KILLED")):
        uploader = Uploader("sqlite://", "made", warnings.append, "", (client, experiment_id))
        root = RunRecord("a making", ("making", key_of(tmp_path)), {"role": "making"}, status=RUNNING)
        tracker = Tracker(uploader, root)
        first = first or tracker.run_id
        assert tracker.run_id == first
        assert client.get_run(first).info.status == "RUNNING"
        tracker.__exit__(error, None, None)
        assert client.get_run(first).info.status == ended
    assert warnings == []


def test_each_folder_has_a_key_of_its_own(tmp_path):
    assert key_of(tmp_path / "one") == key_of(tmp_path / "one") != key_of(tmp_path / "other")
