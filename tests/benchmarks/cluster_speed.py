"""What a Ray cluster costs beside processes of one machine: `python -m tests.benchmarks.cluster_speed [--jobs 2]`.

Both compute the same tasks with as many workers, one after the other in turns, so that what else the machine does meets
both. A task sleeps, or works as long on a core.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from statistics import median

import psutil

from studies.execution.executor import Executor, Work
from studies.execution.processes import ProcessExecutor
from studies.execution.ray_executor import RayExecutor
from studies.execution.resources import LocalStorage, Report, Resources, Storage
from studies.execution.task import Result, Task


def lasting(tasks: Sequence[Task], resources: Resources, storage: Storage, report: Report) -> list[Result]:
    """Take as many seconds as tasks say."""
    for task in tasks:
        seconds = task.content["seconds"]
        if task.content["works"]:
            until = time.thread_time() + seconds
            while time.thread_time() < until:
                pass
        else:
            time.sleep(seconds)
    return [{} for _ in tasks]


def timed(executor: Executor, n: int, seconds: float, works: bool, turn: int) -> float:
    """Seconds that so many tasks take."""
    contents = [{"seconds": seconds, "works": works, "number": number, "turn": turn} for number in range(n)]
    tasks = [Task("lasting", f"task {number}", content) for number, content in enumerate(contents)]
    began = time.monotonic()
    assert len(list(executor.run(tasks, lambda task, share: None))) == n
    return time.monotonic() - began


def cores() -> float:
    """Seconds of a core that this command and its processes have taken so far."""
    command = psutil.Process()
    return sum(sum(one.cpu_times()[:2]) for one in (command, *command.children(recursive=True)))


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2, help="workers of each")
    parser.add_argument("--address", default="local", help="of the cluster")
    parser.add_argument("--turns", type=int, default=3, help="how often each case is measured")
    given = parser.parse_args()
    work = Work(lasting, Resources(device="cpu", memory=1.0), LocalStorage(), given.jobs)
    with ProcessExecutor(work) as processes, RayExecutor(work, given.address) as ray:
        for name, executor in (("processes", processes), ("ray", ray)):
            print(f"{name}: the first task is there after {timed(executor, 1, 0.0, False, 0):.1f} s", flush=True)
            timed(executor, 2 * given.jobs, 1.0, False, 0)  # all workers are there
        before = cores()
        timed(ray, 40 * given.jobs, 0.6, False, 1)  # each travels alone
        each = 1000 * (cores() - before) / (40 * given.jobs)
        print(f"ray: the command takes {each:.1f} ms of a core for a batch", flush=True)
        cases = ((20, 1.0, False), (20, 1.0, True), (1000, 0.05, False), (400, 0.05, True))
        for n, seconds, works in cases:
            took = [[timed(one, n, seconds, works, turn) for one in (processes, ray)] for turn in range(given.turns)]
            ours, theirs = (median(each) for each in zip(*took, strict=True))
            ratio = median(there / here for here, there in took)
            kind = "working" if works else "sleeping"
            print(
                f"{n} tasks of {seconds:g} s {kind}: processes {ours:.1f} s, ray {theirs:.1f} s; ray takes {ratio:.3f} "
                f"times as long, {1000 * (theirs - ours) / n:+.1f} ms a task",
                flush=True,
            )


if __name__ == "__main__":
    from tests.benchmarks import cluster_speed  # workers find its function by the name of the module

    cluster_speed.main()
