"""Processes: what they say, and what happens when they die."""

import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.common.errors import UserError
from studies.execution.executor import Work
from studies.execution.processes import ProcessExecutor
from studies.execution.resources import LocalStorage, Resources
from studies.execution.task import Task
from studies.execution.work import compute
from studies.study.settings import StudySettings
from tests.studies.comparison.small import comparison_settings
from tests.waiting import NEVER, eventually

ROOT = Path(__file__).parents[3]


def executor(function, jobs=2):
    return ProcessExecutor(Work(function, Resources(device="cpu"), LocalStorage(), jobs))


def noise(label="noise", loss="MaxR", **changes):
    settings = comparison_settings().run("random", 0).to_dict() | changes
    entry = {"name": loss, "program": None, "epsilon": None}
    return Task("noise", label, {"settings": settings, "data": None, "noise_seeds": 2, "loss": entry})


def results(tasks, on_progress=lambda task, share: None, jobs=2):
    with executor(compute, jobs) as processes:
        yield from processes.run(tasks, on_progress)


def kill(times):
    """Called with progress: kills the process of the part so many times."""
    left = [times]

    def on_progress(part, share):
        if left[0]:
            left[0] -= 1
            (process,) = multiprocessing.active_children()
            os.kill(process.pid, signal.SIGKILL)

    return on_progress


def test_the_result_of_a_task_does_not_depend_on_who_works_beside_it():
    seen = []
    both = dict(
        (task.label, found)
        for task, found in results([noise("a"), noise("b", "BCE")], lambda task, share: seen.append(share))
    )
    ((_, alone),) = results([noise("b", "BCE")], jobs=1)
    assert both["b"] == alone
    assert both["a"] != both["b"]
    assert set(seen) == {0.5, 1.0}


def blocked(tasks, resources, storage, report):
    return [{"signals": [int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, [])]}]


@pytest.mark.services
def test_no_worker_hears_ctrl_c_not_even_the_first_one_of_a_process(tmp_path):
    script = """
from studies.execution.executor import Work
from studies.execution.processes import ProcessExecutor
from studies.execution.resources import LocalStorage, Resources
from studies.execution.task import Task
from tests.studies.execution.test_processes import blocked

if __name__ == "__main__":
    with ProcessExecutor(Work(blocked, Resources(device="cpu"), LocalStorage(), 2)) as executor:
        tasks = [Task("noise", str(number), {"settings": {}}) for number in range(2)]
        print([found["signals"] for _, found in executor.run(tasks, lambda task, share: None)])
"""
    path = tmp_path / "first.py"
    path.write_text(script)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, path], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{[[int(signal.SIGINT)]] * 2}\n"


def test_a_task_whose_process_was_killed_is_done_again(caplog):
    with caplog.at_level(logging.WARNING):
        ((_, found),) = results([noise()], kill(1))
    assert "killed by signal 9; once more" in caplog.text
    assert len(found["search"]) == 2


def test_a_task_whose_process_is_killed_again_ends_the_comparison():
    with pytest.raises(UserError, match=r"noise: its process was killed by signal 9, 2 times.*goes on from there"):
        list(results([noise()], kill(2)))
    assert multiprocessing.active_children() == []


def test_what_a_task_refuses_is_told_as_it_is():
    with pytest.raises(UserError, match="noise: unknown data set 'movies'"):
        list(results([noise(dataset="movies"), noise("other")]))
    assert multiprocessing.active_children() == []


def test_a_defect_is_told_with_its_traceback():
    with pytest.raises(RuntimeError, match=r"(?s)odd:.*KeyError: 'nonsense'"):
        list(results([Task("nonsense", "odd", {"data": None})]))


def test_settings_survive_being_plain():
    settings = comparison_settings().run("gp", 3)
    assert StudySettings.from_dict(settings.to_dict()).to_dict() == settings.to_dict()


def never_ends(tasks, resources, storage, report):
    report(0.5)
    time.sleep(NEVER)


def test_workers_end_with_a_parent_that_is_killed(tmp_path, monkeypatch):
    spawning = multiprocessing.context._default_context.get_context  # a forked process has no server to fork from
    monkeypatch.setattr(multiprocessing, "get_context", spawning)

    def parent():
        with executor(never_ends) as processes:
            list(processes.run([noise("a"), noise("b")], lambda task, share: note(multiprocessing.active_children())))

    def note(children):
        (tmp_path / "pids").write_text(" ".join(str(child.pid) for child in children))
        if len(children) == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    process = multiprocessing.get_context("fork").Process(target=parent)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 2
    assert eventually(lambda: not any(alive(pid) for pid in pids)), "workers live on"


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def quick(tasks, resources, storage, report):
    gates = [task.content["gate"] for task in tasks]
    assert all(gate is None or eventually(Path(gate).exists) for gate in gates)
    return [{"pid": os.getpid()} for _ in tasks]


def gated(label, gate=None):
    """A task that ends when a file is there."""
    return Task("quick", label, {"gate": gate and str(gate), "number": label})


def test_a_process_takes_one_task_after_the_other():
    with executor(quick) as processes:
        first = [found["pid"] for _, found in processes.run([gated(str(i)) for i in range(5)], lambda *_: None)]
        second = [found["pid"] for _, found in processes.run([gated("later")], lambda *_: None)]
    assert len(set(first + second)) <= 2


def test_tasks_that_nobody_waits_for_any_more_are_not_mistaken_for_others(tmp_path):
    gate = tmp_path / "gate"
    with executor(quick) as processes:
        abandoned = processes.run([gated("fast"), gated("slow", gate), gated("never begun")], lambda *_: None)
        assert next(abandoned)[0].label == "fast"
        abandoned.close()
        tasks = processes.run([gated("a"), gated("b"), gated("c")], lambda *_: None)
        found = [next(tasks)[0].label]
        gate.touch()  # what nobody waits for comes in between
        found += [task.label for task, _ in tasks]
    assert found[0] == "a"
    assert sorted(found) == ["a", "b", "c"]
