"""What is said of the tasks of a comparison while they are computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from studies.execution.task import Task


def result_message(metric: str) -> Callable[[Task, Mapping[str, Any]], str]:
    """What came of a task, in a few words; `metric` is the name of the metric."""

    def message(task: Task, found: Mapping[str, Any]) -> str:
        if task.kind != "run":
            return "done"
        funnel, steps = found["funnel"], found["steps"]
        best = steps[-1]["best"] if steps else None
        reached = "nothing found" if best is None else f"best validation {metric} {best:.4f}"
        seconds = sum(found["seconds"].values())
        return f"{reached}, {funnel['trained']} trained of {funnel['sampled']} sampled in {seconds:.0f} s"

    return message
