"""What the commands share that compute tasks: a folder, two outputs, MLflow, progress, and what makes executors."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import TaskID

from recommenders.data import DataFiles
from studies.execution.executor import Work
from studies.execution.registry import WorkPlaces, make_executor
from studies.execution.resources import LocalStorage, Resources
from studies.execution.runner import CachedRunner, ResultCache, TaskCallback
from studies.execution.task import Task
from studies.execution.work import compute
from studies.storage.locking import own_folder
from studies.storage.output import OutputFolder
from studies.study.console import LiveBars, new_console, warning_to
from studies.study.settings import TrackingPlace
from studies.tracking.tracker import Tracker
from studies.tracking.uploader import Uploader, open_uploader

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


_PARTS = "parts"

Opened = TypeVar("Opened")
Tracking = TypeVar("Tracking", bound=Tracker)


class Experiment:
    """A command at work, see `experiment`.

    Args:
        folder: of the command, which is its alone.
        places: how the machine is used.
        tracking: where MLflow is; None to do without.
        stack: closes what is opened.

    Attributes:
        cache: what was computed, and is not computed again.
    """

    def __init__(
        self, folder: OutputFolder, places: WorkPlaces, tracking: TrackingPlace | None, stack: ExitStack
    ) -> None:
        self._places, self._stack = places, stack
        self.folder, self.path = folder, folder.path
        self.err, self.out = new_console(stderr=True), new_console()
        self.warn = warning_to(self.err)
        self.cache = ResultCache(self.path / _PARTS, places.accept_other_code)
        stack.callback(self.cache.withdraw)
        self._tracker: Tracker | None = None
        self._uploader: Uploader | None = None
        if tracking is not None:
            self._uploader = open_uploader(tracking.tracking_uri, tracking.experiment, self.warn)

    def open(self, thing: AbstractContextManager[Opened]) -> Opened:
        """Enter a context that ends with the experiment."""
        return self._stack.enter_context(thing)

    def track(self, make: Callable[[Uploader], Tracking]) -> Tracking | None:
        """Open what writes to MLflow, made of an uploader; None where nothing is to be written."""
        if self._uploader is None:
            return None
        tracker = make(self._uploader)
        self._tracker = tracker
        self.open(tracker)
        return tracker

    def runner(
        self,
        files: Mapping[str | None, DataFiles],
        device: str,
        callbacks: Sequence[TaskCallback],
        alone: bool = False,
    ) -> CachedRunner:
        """Make what computes tasks and keeps their results.

        Args:
            files: digest -> the files of a data set, see `data_file_digest`.
            device: where to train.
            callbacks: told what happens.
            alone: one task after the other, however many workers there may be: where time is what is measured.
        """
        places = self._places
        storage = LocalStorage(dict(files), self.cache.path, places.checkpoint_every)
        resources = Resources(places.threads, places.memory, device)
        work = Work(compute, resources, storage, places.jobs)
        executor = make_executor(places.executor, replace(work, jobs=1) if alone else work)
        return CachedRunner(self.open(executor), self.cache, storage, callbacks)

    def forget_all(self) -> None:
        """Remove what is kept of unfinished tasks: everything is finished."""
        LocalStorage(keep=self.cache.path).forget_all()

    def say(self, text: str) -> None:
        """Print a line of the summary."""
        self.out.print(text, highlight=False, soft_wrap=True)

    def say_where(self, file: Path, *more: str) -> None:
        """Print where the results are.

        Args:
            file: the one to look at first.
            more: lines before that about MLflow.
        """
        for text in (f"Written to {file}", *more):
            self.say(text)
        if self._tracker is not None:
            self.say(f"In MLflow: {self._tracker.where}")


@contextmanager
def experiment(
    path: Path,
    places: WorkPlaces,
    tracking: TrackingPlace | None,
    names: Sequence[str],
    growing: Sequence[str] = (),
) -> Iterator[Experiment]:
    """Work in a folder that no other process works in, within the block.

    Args:
        path: of the folder.
        places: how the machine is used.
        tracking: where MLflow is; None to do without.
        names: of what will be written there beside the results of tasks; a star stands for any text.
        growing: those of them that are gone on with, or set aside where --no-resume says so.

    Raises:
        UserError: another process works there, it holds files of others, or MLflow cannot be reached.
    """
    with own_folder(path) as folder:
        folder.claim(_PARTS, *growing, *names)
        if not places.resume:
            for name in (_PARTS, *growing):
                folder.set_aside(name)
        with ExitStack() as stack:
            work = Experiment(folder, places, tracking, stack)
            yield work
        work.forget_all()
