"""What the commands share that compute tasks: a folder, two outputs, MLflow, and the one place that makes executors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from recommenders.data import DataFiles
from studies.execution.executor import Work
from studies.execution.registry import WorkPlaces, make_executor
from studies.execution.resources import LocalStorage, Resources
from studies.execution.runner import CachedRunner, ResultCache, TaskCallback
from studies.execution.work import compute
from studies.storage.locking import own_folder
from studies.storage.output import OutputFolder
from studies.study.console import new_console, warning_to
from studies.study.settings import TrackingPlace
from studies.tracking.tracker import Tracker
from studies.tracking.uploader import Uploader, open_uploader

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
