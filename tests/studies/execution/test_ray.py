"""A Ray cluster of three nodes on this machine: the contract of executors, and what is survived."""

import json
import logging
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.common.errors import UserError
from core.programs.space import OperatorSpace
from core.search.effectiveness import EarlyStopping
from recommenders.data import DataFiles
from recommenders.data.dataset import Dataset
from recommenders.models.mf import MF
from recommenders.tasks.losses import make_loss
from recommenders.testing.plain import random_interactions
from studies.execution import ray_executor
from studies.execution.executor import InlineExecutor, Work
from studies.execution.ray_executor import RayExecutor
from studies.execution.resources import LocalStorage, Resources
from studies.execution.task import Task
from studies.testing.executors import ExecutorContract, probe
from tests.recommenders.problems import fit_losses, make_task
from tests.studies.comparison.small import small_arguments
from tests.studies.execution.clusters import cluster, free_port
from tests.studies.small import small_arguments as small_study
from tests.waiting import bounded, eventually

pytest.importorskip("ray")
pytestmark = [pytest.mark.services, pytest.mark.nightly]

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def nodes():
    with cluster(3) as made:
        yield made


@pytest.fixture
def passing_nodes():
    """Some that a test may kill."""
    with cluster(3) as made:
        yield made


def executor(nodes, compute=probe, jobs=None, **settings):
    return RayExecutor(
        Work(compute, Resources(device="cpu", memory=1.0), LocalStorage(), jobs), nodes.address, **settings
    )


class When(logging.Handler):
    """Does something once when something is logged."""

    def __init__(self, text, do):
        super().__init__(logging.WARNING)
        self._text, self._do = text, do

    def emit(self, record):
        if self._do is not None and self._text in record.getMessage():
            do, self._do = self._do, None
            do()


@pytest.fixture
def when():
    """Have something done once when something is logged."""
    log, handlers = logging.getLogger("studies"), []

    def add(text, do):
        handlers.append(When(text, do))
        log.addHandler(handlers[-1])

    yield add
    for one in handlers:
        log.removeHandler(one)


class TestRay(ExecutorContract):
    @pytest.fixture(autouse=True)
    def address(self, nodes):
        type(self).make = lambda work: RayExecutor(work, nodes.address, tries=2)


def test_where_no_cluster_is_a_line_says_so():
    with pytest.raises(UserError, match=r"executor ray: there is no Ray cluster at 127.0.0.1:\d+ .*refused"):
        list(
            RayExecutor(Work(probe, Resources(), LocalStorage()), f"127.0.0.1:{free_port()}").run(
                [TASK], lambda *_: None
            )
        )


TASK = Task("probe", "never", {"value": 0})


def test_where_something_else_listens_a_line_says_so_soon(monkeypatch):
    monkeypatch.setattr(ray_executor, "_ATTEMPT", 15.0)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        with pytest.raises(UserError, match=f"no answer of a Ray cluster at {address}") as raised:
            list(RayExecutor(Work(probe, Resources(), LocalStorage()), address).run([TASK], lambda *_: None))
    assert len(str(raised.value).splitlines()) == 1


def test_nobody_comes_in_without_the_token_and_a_line_says_so(nodes, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_TOKEN", 64 * "6")
    with pytest.raises(UserError, match=r"cannot connect.*if it asks for a token") as raised, executor(nodes) as ours:
        list(ours.run([TASK], lambda *_: None))
    assert len(str(raised.value).splitlines()) == 1
    assert 64 * "6" not in str(raised.value)


def test_a_client_outside_of_the_cluster_computes_the_same(nodes, tmp_path):
    work = Work(probe, Resources(device="cpu", memory=1.0), LocalStorage(), 1)
    with RayExecutor(work, f"ray://127.0.0.1:{nodes.client_port}") as outside:
        found = [result for _, result in outside.run([ExecutorContract.task(tmp_path, 3)], lambda *_: None)]
    assert [one["value"] for one in found] == [6]


def compare(folder, executor, when_parts=None, then=lambda: None):
    """The result of a comparison of five searchers and three seeds, but for what is of its folder and its time."""
    options = small_arguments(seeds=3, searchers="gp,random,rl,optuna,hybrid", trainings=6)
    words = [*options, "--tracking-uri", "none", "--out", str(folder), "--executor", executor]
    command = [sys.executable, "-m", "studies.compare", *words]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with bounded(subprocess.Popen(command, cwd=folder.parent, **streams)) as process:
        if when_parts is not None:
            parts = folder / "parts"
            assert eventually(lambda: len(list(parts.glob("*.json"))) >= when_parts or process.poll() is not None)
            assert process.poll() is None, process.stdout.read()
            then()
        told, _ = process.communicate()
    assert process.returncode == 0, told[-3000:]
    return json.loads((folder / "result.json").read_text()), told


def without_times(value):
    if isinstance(value, dict):
        return {name: without_times(inner) for name, inner in value.items() if name not in ("seconds", "command")}
    return [without_times(inner) for inner in value] if isinstance(value, list) else value


def test_a_comparison_that_loses_a_node_ends_as_if_it_was_computed_in_one_process(passing_nodes, tmp_path):
    inline, _ = compare(tmp_path / "inline", "inline")
    lost, told = compare(tmp_path / "ray", f"ray:address={passing_nodes.address}", 4, passing_nodes.nodes[-1].kill)
    assert without_times(lost) == without_times(inline)
    assert passing_nodes.nodes[-1].has_ended
    assert "Traceback" not in told
    assert "raylet" not in told, "what Ray itself writes stays out of the terminal"


def test_a_study_whose_finals_a_cluster_trains_comes_to_the_same(nodes, tmp_path):
    words = [*small_study(), "--tracking-uri", "none"]
    command = [sys.executable, "-m", "studies.run", *words]
    for name, more in (("here", []), ("there", ["--executor", f"ray:address={nodes.address}"])):
        subprocess.run([*command, "--out", name, *more], cwd=tmp_path, check=True)
    here, there = (json.loads((tmp_path / name / "result.json").read_text()) for name in ("here", "there"))
    assert without_times(there) == without_times(here)


def test_a_cluster_whose_head_is_begun_anew_is_gone_on_with(passing_nodes, tmp_path, when):
    gate = tmp_path / "gate"
    tasks = [ExecutorContract.task(tmp_path, 1), ExecutorContract.task(tmp_path, 2, "wait", wait_for=gate.name)]

    def begin_anew():
        passing_nodes.start_head()
        gate.touch()

    when("cluster was lost", begin_anew)
    with executor(passing_nodes) as ours:
        running = ours.run(tasks, lambda *_: None)
        assert next(running)[1]["value"] == 2
        for node in passing_nodes.nodes:
            node.kill()
        assert [result["value"] for _, result in running] == [4]


def test_a_node_with_other_code_is_named_and_left_out(nodes, tmp_path, when, monkeypatch, caplog):
    other = tmp_path / "other"
    for room in ("core", "recommenders", "searchers", "studies", "tests"):
        shutil.copytree(ROOT / room, other / room, ignore=shutil.ignore_patterns("__pycache__"))
    with (other / "core/search/reward.py").open("a") as file:
        file.write("# another version\n")
    monkeypatch.chdir(tmp_path)  # nodes look into the folder of the command, too
    gate = tmp_path / "gate"
    when("it is left out", gate.touch)
    node = nodes.start_node({"PYTHONPATH": str(other)})
    try:
        tasks = [ExecutorContract.task(tmp_path, i, "wait", wait_for=gate.name) for i in range(8)]
        with executor(nodes) as ours:
            assert sorted(result["value"] for _, result in ours.run(tasks, lambda *_: None)) == list(range(0, 16, 2))
    finally:
        node.kill()
    assert "has this project" in caplog.text
    assert caplog.text.count("it is left out") == 1


def trained(tasks, resources, storage, report):
    """Train 64 losses together, with so many MiB more than there are before."""
    (task,) = tasks
    parts = [random_interactions(40_000, 20_000, n, seed) for seed, n in enumerate((2_000, 200, 200))]
    data = Dataset("wide", *parts, np.arange(40_000), np.arange(20_000), "random")
    names = ("BCE", "MaxR", "MSE", "focal")
    losses = [make_loss(names[i % 4], OperatorSpace()) for i in range(64)]

    def train(losses):
        wide = make_task(MF(embedding_size=16, init_std=0.1), data, memory=64.0)
        return [one.to_dict() for one in fit_losses(wide, losses, 0, EarlyStopping(max_epochs=2))]

    train(losses[:2])  # load everything that takes memory once
    before = resource.getrlimit(resource.RLIMIT_AS)
    if task.content["limit"]:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        resource.setrlimit(
            resource.RLIMIT_AS, (pages * resource.getpagesize() + task.content["limit"] * 2**20, before[1])
        )
    try:
        return [{"trained": train(losses)}]
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def test_a_task_that_runs_out_of_memory_trains_fewer_together_with_the_same_result(nodes, caplog):
    whole, little = (Task("train", f"{limit} MiB", {"limit": limit}) for limit in (0, 160))
    with executor(nodes, trained) as ours:
        ((_, found),) = ours.run([little], lambda *_: None)
    assert "memory ran out with 64 candidates at a time, going on with 32" in caplog.text
    with InlineExecutor(Work(trained, Resources(device="cpu", memory=1.0), LocalStorage())) as here:
        ((_, expected),) = here.run([whole], lambda *_: None)
    assert found == expected


def read_once(tasks, resources, storage, report):
    """Take the file away that the command has, and die; the next worker finds it nowhere."""
    data = storage.data("digest").data
    if data == Path(tasks[0].content["path"]):
        data.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    return [{"name": data.name, "content": data.read_text()}]


def test_data_that_a_node_does_not_have_come_from_the_cluster(nodes, tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_text("1,2,3")
    storage = LocalStorage({"digest": DataFiles(data=path)})
    task = Task("read", "read", {"data": "digest", "path": str(path)})
    with RayExecutor(Work(read_once, Resources(device="cpu", memory=1.0), storage, 1), nodes.address) as ours:
        ((_, found),) = ours.run([task], lambda *_: None)
    assert found == {"name": "ratings.csv", "content": "1,2,3"}
    assert not path.exists()
