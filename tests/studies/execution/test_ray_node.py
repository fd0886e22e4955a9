"""What a node of a cluster does with a batch, without a cluster."""

import json
import logging
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from core.common.errors import UserError
from recommenders.data import DataFiles
from recommenders.data.fetch import CACHE_VARIABLE
from studies.execution.executor import Work
from studies.execution.ray_cluster import workers_of
from studies.execution.ray_connection import connect
from studies.execution.ray_executor import RayExecutor
from studies.execution.ray_node import computed, identity, sha256_of, written_files, written_work
from studies.execution.resources import LocalStorage, Resources
from studies.execution.task import Task
from studies.testing.executors import probe


def nothing(sha256):
    raise AssertionError("fetched, though it is there")


def seen(tasks, resources, storage, report):
    """What a worker has."""
    logging.getLogger("recommenders.seen").warning("warning: %s", tasks[0].label)
    files = storage.data(tasks[0].content["data"])
    paths = [str(path) for path in files.parts]
    has_checkpoints = storage.checkpointer(tasks).on_checkpoint.__name__ != "no_checkpoints"
    return [{"memory": resources.memory, "paths": paths, "has_checkpoints": has_checkpoints} for _ in tasks]


def refusing(tasks, resources, storage, report):
    if tasks[0].content["bad"]:
        raise UserError("no")
    return [{} for _ in tasks]


def order(compute, groups, storage=None, shared=False, tries=1, **changes):
    work = Work(compute, Resources(device="cpu", memory=8.0), storage or LocalStorage(), 1)
    digests = {task.content.get("data") for group in groups for task in group}
    files = [[digest, written_files(work.storage.data(digest))] for digest in digests]
    made = {"work": written_work(work, shared), "identity": identity(), "tries": tries, "files": files, **changes}
    return json.loads(json.dumps(made)) | {"groups": [[asdict(task) for task in group] for group in groups]}


def task(label="a task", **content):
    return Task("seen", label, {"data": None, **content})


def test_what_goes_to_a_node_is_plain_and_so_is_what_comes_back():
    told = computed(order(seen, [[task()]]), 2, nothing)
    assert json.loads(json.dumps(told)) == told
    ((kind, (found,), _),) = told["answers"]
    assert kind == "found"
    assert found == {"memory": 4.0, "paths": [], "has_checkpoints": False}
    assert told["said"] == ["warning: a task"]


def test_what_died_has_half_of_the_memory_the_next_time():
    memory = [computed(order(seen, [[task()]], tries=n), 2, nothing)["answers"][0][1][0]["memory"] for n in (1, 2, 3)]
    assert memory == [4.0, 2.0, 1.0]


def test_a_group_that_refuses_costs_the_others_of_its_batch_nothing():
    groups = [[task(bad=bad)] for bad in (False, True, False)]
    assert [kind for kind, *_ in computed(order(refusing, groups), 1, nothing)["answers"]] == [
        "found",
        "refused",
        "found",
    ]


@pytest.mark.parametrize("name", sorted(identity()))
def test_another_version_of_what_decides_is_told_by_name(name):
    told = computed(order(seen, [[task()]], identity=identity() | {name: "0.0"}), 1, nothing)
    assert told["different"] == f"{name} {identity()[name]} instead of 0.0"
    assert "answers" not in told


def test_files_are_taken_where_they_are_the_same_and_fetched_once_where_they_are_not(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    path, fetched = tmp_path / "ratings.csv", []
    path.write_text("1,2")
    storage = LocalStorage({"digest": DataFiles(data=path)})
    here, away = (order(seen, [[task(data="digest", n=n)]], storage) for n in (1, 2))

    def fetch(sha256):
        fetched.append(sha256)
        return np.frombuffer(b"3,4", np.uint8)

    assert computed(here, 1, nothing)["answers"][0][1][0]["paths"] == [str(path)]
    path.write_text("3,4")
    away["files"] = [["digest", written_files(storage.data("digest"))]]
    path.unlink()
    for _ in range(2):
        ((found,),) = [told[1] for told in computed(away, 1, fetch)["answers"]]
    (there,) = map(Path, found["paths"])
    assert there.name == path.name
    assert there.read_text() == "3,4"
    assert fetched == [sha256_of(there)]


def test_folders_come_whole(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    folder = tmp_path / "lists"
    (folder / "deep").mkdir(parents=True)
    contents = {"train.txt": b"1", "deep/test.txt": b"2"}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    given = order(seen, [[task(data="digest")]], LocalStorage({"digest": DataFiles(data=folder)}))
    by_digest = {sha256_of(folder / name): np.frombuffer(content, np.uint8) for name, content in contents.items()}
    folder.rename(tmp_path / "elsewhere")
    (there,) = map(Path, computed(given, 1, by_digest.__getitem__)["answers"][0][1][0]["paths"])
    assert {name: (there / name).read_bytes() for name in contents} == contents


def test_checkpoints_are_kept_where_nodes_have_the_folder_and_the_command_says_so(tmp_path):
    storage = LocalStorage(keep=tmp_path)
    for shared, kept in ((False, False), (True, True)):
        found = computed(order(seen, [[task(shared=shared)]], storage, shared), 1, nothing)["answers"][0][1][0]
        assert found["has_checkpoints"] is kept
    (tmp_path / "gone").mkdir()
    away = order(seen, [[task()]], LocalStorage(keep=tmp_path / "gone"), True)
    (tmp_path / "gone").rmdir()
    assert not computed(away, 1, nothing)["answers"][0][1][0]["has_checkpoints"]


def test_as_many_tasks_fit_on_a_node_as_it_has_of_what_each_needs():
    node = {"CPU": 16.0, "GPU": 2.0, "memory": 64.0}
    assert workers_of(node, {"CPU": 1}) == 16
    assert workers_of(node, {"CPU": 1, "GPU": 0.5}) == 4
    assert workers_of(node, {"CPU": 2, "memory": 20}) == 3
    assert workers_of({"CPU": 4.0}, {"CPU": 1, "GPU": 1}) == 0


@pytest.mark.parametrize(
    ("device", "settings", "message"),
    [
        ("cpu", {"tries": 0}, "tries: expected at least 1, got 0"),
        ("cpu", {"memory": 0.0}, "memory: expected a number of GiB from 0.0001 to 1e.06, got 0"),
        ("cpu", {"memory": 1e-12}, "memory: expected a number of GiB from 0.0001 to 1e.06, got 1e-12"),
        ("cpu", {"memory": 1e300}, "memory: expected a number of GiB from 0.0001 to 1e.06, got 1e.300"),
        ("cpu", {"gpus": 1.5}, "gpus: expected a part of one from 0.0001 on, or a whole number, got 1.5"),
        ("cpu", {"gpus": 1e300}, "gpus: expected a part of one from 0.0001 on, or a whole number, got 1e.300"),
        ("cpu", {"patience": -1.0}, "patience: expected seconds from 0 on, got -1"),
        ("cuda:1", {}, "--device cuda:1: a cluster chooses among GPUs; use --device cuda"),
    ],
)
def test_settings_that_cannot_be_are_told(device, settings, message):
    with pytest.raises(UserError, match=message):
        RayExecutor(Work(probe, Resources(device=device), LocalStorage()), **settings)


@pytest.mark.parametrize("address", ["ray://", "http://127.0.0.1:6379", "head", ":6379"])
def test_an_address_that_cannot_be_is_told_at_once(address):
    pytest.importorskip("ray")
    with pytest.raises(UserError, match="address: expected auto, local, or HOST:PORT"):
        connect(address)


def test_an_address_of_the_environment_where_nobody_listens_is_told_at_once(monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(UserError, match=r"there is no Ray cluster at 127\.0\.0\.1:1"):
        connect("auto")
