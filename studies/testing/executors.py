"""What every executor has to keep, as tests: derive a class from `ExecutorContract`, with `make = MyExecutor`."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from core.common.errors import UserError
from studies.common.processes import has_died, this_process
from studies.execution.executor import Executor, Work
from studies.execution.resources import LocalStorage, Report, Resources, Storage
from studies.execution.task import Result, Task

_NEVER = 600.0  # seconds after which something must be wrong, on whatever machine


def probe(tasks: Sequence[Task], resources: Resources, storage: Storage, report: Report) -> list[Result]:
    """Compute tasks of this contract: each does what its content says."""
    results = []
    for number, task in enumerate(tasks, start=1):
        folder = Path(task.content["folder"])
        (folder / f"{task.label}.process").write_text(this_process(), encoding="utf-8")
        _DOES[task.content["does"]](folder, task)
        results.append({"value": 2 * task.content["value"], "together": [one.label for one in tasks]})
        report(number / len(tasks))
    return results


def _refuse(folder: Path, task: Task) -> None:
    raise UserError("there is no such data set")


def _fail(folder: Path, task: Task) -> None:
    raise KeyError("a defect")


def _die(folder: Path, task: Task) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_once(folder: Path, task: Task) -> None:
    note = folder / f"{task.label}.died"
    if not note.exists():
        note.touch()
        _die(folder, task)


def _wait(folder: Path, task: Task) -> None:
    """Until the file is there that the task names."""
    if not _eventually((folder / task.content["wait_for"]).exists):
        raise TimeoutError(task.content["wait_for"])


_DOES: dict[str, Callable[[Path, Task], None]] = {
    "answer": lambda folder, task: None,
    "refuse": _refuse,
    "fail": _fail,
    "die": _die,
    "die once": _die_once,
    "wait": _wait,
}


def _eventually(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + _NEVER
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


class ExecutorContract:
    """Tests for pytest, which gives `tmp_path`."""

    make: ClassVar[Callable[[Work], Executor]]
    """The executor's class, or a function that makes one."""
    runs_elsewhere: ClassVar[bool] = True
    """Whether tasks run outside of this process, which outlives their death."""

    def work(self, jobs: int = 2) -> Work:
        """What an executor of these tests is made with."""
        return Work(probe, Resources(device="cpu", memory=1.0), LocalStorage(), jobs)

    def executor(self, jobs: int = 2) -> Executor:
        """A fresh one."""
        return type(self).make(self.work(jobs))

    @staticmethod
    def task(folder: Path, value: int, does: str = "answer", at_once: int = 1, **content: Any) -> Task:
        """A task that comes to twice the value."""
        shared = {"folder": str(folder), "does": does, **content}
        return Task("probe", f"task {value} {does}", {**shared, "value": value, "loss": value}, at_once)

    def test_every_task_is_given_once_with_its_own_result_whatever_the_number_of_workers(self, tmp_path: Path) -> None:
        """Results are found by their tasks: who is first decides nothing."""
        tasks = [self.task(tmp_path, value) for value in range(4)]
        for jobs, order in ((1, tasks), (3, tasks[::-1])):
            with self.executor(jobs) as executor:
                found = list(executor.run(order, lambda task, share: None))
            assert sorted(task.label for task, _ in found) == [task.label for task in tasks]
            assert all(result["value"] == 2 * task.content["value"] for task, result in found)

    def test_tasks_of_a_group_are_computed_together(self, tmp_path: Path) -> None:
        """And no more of them than they allow."""
        tasks = [Task("probe", f"task {i}", {**self.task(tmp_path, 0).content, "loss": i}, at_once=2) for i in range(3)]
        with self.executor() as executor:
            found = {task.label: result["together"] for task, result in executor.run(tasks, lambda task, share: None)}
        assert found == {"task 0": ["task 0", "task 1"], "task 1": ["task 0", "task 1"], "task 2": ["task 2"]}

    def test_shares_are_those_of_the_tasks(self, tmp_path: Path) -> None:
        """An executor may tell nothing; what it tells is so."""
        tasks, told = [self.task(tmp_path, value) for value in range(3)], list[tuple[Task, float]]()
        with self.executor() as executor:
            list(executor.run(tasks, lambda task, share: told.append((task, share))))
        assert all(task in tasks and 0 <= share <= 1 for task, share in told)

    def test_nothing_to_do_takes_nobody(self, tmp_path: Path) -> None:
        """And closing twice is no more than once."""
        executor = self.executor()
        assert list(executor.run([], lambda task, share: None)) == []
        executor.close()
        executor.close()

    def test_what_a_task_refuses_is_told_with_its_label(self, tmp_path: Path) -> None:
        """In the words of the task."""
        error = self._raised(UserError, [self.task(tmp_path, 1, "refuse")])
        assert str(error) == "task 1 refuse: there is no such data set"

    def test_a_defect_is_told_with_its_label_and_what_it_was(self, tmp_path: Path) -> None:
        """It is no UserError: nobody but a programmer can mend it."""
        error = self._raised(Exception, [self.task(tmp_path, 1, "fail")])
        told = "\n".join([type(error).__name__, str(error), *getattr(error, "__notes__", [])])
        assert not isinstance(error, UserError)
        assert "task 1 fail" in told
        assert "KeyError" in told

    def test_a_task_whose_process_died_is_computed_again(self, tmp_path: Path) -> None:
        """The others do not notice."""
        if self.runs_elsewhere:
            tasks = [self.task(tmp_path, 1), self.task(tmp_path, 2, "die once"), self.task(tmp_path, 3)]
            with self.executor() as executor:
                found = {task.label: result["value"] for task, result in executor.run(tasks, lambda task, share: None)}
            assert found == {"task 1 answer": 2, "task 2 die once": 4, "task 3 answer": 6}
            assert (tmp_path / "task 2 die once.died").exists()

    def test_a_task_whose_process_dies_again_and_again_is_told(self, tmp_path: Path) -> None:
        """With its label, as something that a person may mend."""
        if self.runs_elsewhere:
            assert str(self._raised(UserError, [self.task(tmp_path, 1, "die")])).startswith("task 1 die: ")

    def test_who_stops_asking_gets_nothing_of_it_later(self, tmp_path: Path) -> None:
        """What was begun may run on, unnoticed."""
        with self.executor() as executor:
            left = executor.run([self.task(tmp_path, value) for value in range(3)], lambda task, share: None)
            next(left)
            left.close()
            found = [task.label for task, _ in executor.run([self.task(tmp_path, 9)], lambda task, share: None)]
        assert found == ["task 9 answer"]

    def test_nothing_lives_on_after_an_interruption(self, tmp_path: Path) -> None:
        """Ctrl-C in the midst of it: closing does not wait for work, and ends it."""
        if not self.runs_elsewhere:
            return
        endless = self.task(tmp_path, 1, "wait", wait_for="what never comes")
        begun = self.task(tmp_path, 2, "wait", wait_for=f"{endless.label}.process")
        try:
            with self.executor() as executor:
                for _ in executor.run([endless, begun], lambda task, share: None):
                    raise KeyboardInterrupt
        except KeyboardInterrupt:
            pass
        names = [path.read_text(encoding="utf-8") for path in tmp_path.glob("*.process")]
        assert len(names) == 2
        assert _eventually(lambda: all(map(has_died, names))), "a worker lives on"

    def _raised(self, kind: type[Exception], tasks: Sequence[Task]) -> Exception:
        try:
            with self.executor() as executor:
                list(executor.run(tasks, lambda task, share: None))
        except kind as error:
            return error
        raise AssertionError(f"expected {kind.__name__}, and nothing was raised")
