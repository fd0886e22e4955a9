"""What a person sees while tasks are computed: on stderr, stdout stays for the summary."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any

from rich.console import Console
from rich.progress import TaskID

from studies.execution.runner import TaskCallback
from studies.execution.task import Task
from studies.study.console import LiveBars

_LINE_EVERY = 30.0  # seconds between lines about what is many or unfinished where there is no terminal to draw on


class TaskProgress(LiveBars, TaskCallback):
    """Live bars on a terminal; elsewhere (a file, CI) a line for every task, or now and then where they are many.

    Args:
        console: where to draw, normally stderr.
        message: what came of a task, in a few words; None for a command that tells more itself: then bars are all.
        clock: seconds.
    """

    def __init__(
        self,
        console: Console,
        message: Callable[[Task, Mapping[str, Any]], str] | None = lambda task, result: "done",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(console)
        self._message, self._clock = message, clock
        self._bars: dict[str, tuple[TaskID, dict[str, float]]] = {}  # of tasks that train together: file -> share
        self._shares: dict[str, float] = {}
        self._all: TaskID | None = None
        self._total, self._quiet, self._missing, self._next_line = 0, 0, 0, 0.0

    def on_stage(self, text: str, tasks: Sequence[Task], done: int) -> None:
        """See TaskCallback."""
        if self._message is not None:
            self._heading(text + (f" ({done} of {len(tasks)} parts are there from before)" if done else ""))
        for bar in (self._all, *(bar for bar, _ in self._bars.values())):
            if bar is not None:
                self._progress.remove_task(bar)
        self._bars.clear()
        self._all = self._progress.add_task(text if self._message is None else "All parts", total=len(tasks), state="")
        self._total, self._shares, self._quiet, self._missing = len(tasks), {}, done, len(tasks)
        self._next_line = self._clock() + _LINE_EVERY

    def on_progress(self, task: Task, share: float) -> None:
        """See TaskCallback."""
        self._shares[task.file] = share
        key = _together(task)
        if key not in self._bars:
            self._bars[key] = self._progress.add_task(task.label, total=1.0, state=""), {}
        bar, shares = self._bars[key]
        shares[task.file] = share
        more = f" and {len(shares) - 1} more" if len(shares) > 1 else ""
        self._progress.update(bar, completed=fmean(shares.values()), state=more)
        self._update()
        if not self._live and self._clock() >= self._next_line:
            self._say(f"{self._done:.1f} of {self._total} parts")

    def on_part(self, task: Task, result: Mapping[str, Any]) -> None:
        """See TaskCallback."""
        self._shares[task.file] = 1.0
        self._missing -= 1
        bar, shares = self._bars.get(_together(task), (None, {}))
        shares.pop(task.file, None)
        if bar is not None and not shares:
            self._progress.remove_task(bar)
            del self._bars[_together(task)]
        self._update()
        if self._quiet:  # from before
            self._quiet -= 1
        elif self._message is not None and (
            task.at_once == 1 or self._missing == 0 or self._clock() >= self._next_line
        ):
            self._say(f"{self._done:.1f} of {self._total} parts; {task.label}: {self._message(task, result)}")

    @property
    def _done(self) -> float:
        return sum(self._shares.values())

    def _update(self) -> None:
        if self._all is not None:
            self._progress.update(self._all, completed=self._done, state=f"{self._done:.1f}/{self._total}")

    def _say(self, text: str) -> None:
        if self._message is not None:
            self._console.print("  " + text, highlight=False, soft_wrap=True)
        self._next_line = self._clock() + _LINE_EVERY


def _together(task: Task) -> str:
    """What tasks share that train together."""
    return task.group if task.at_once > 1 else task.file
