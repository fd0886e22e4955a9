"""A study in a folder: it begins, goes on or is done, keeps checkpoints, tells MLflow and leaves its files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from core.common.errors import UserError
from core.phases.finals import Trains
from studies.execution.registry import SpreadPlaces
from studies.exporting.model import model_name
from studies.running.outcome import Outcome
from studies.running.spreading import PARTS, spread
from studies.storage.checkpoints import Checkpoints, finished_result
from studies.storage.output import RESULT, OutputFolder
from studies.study.history import History, StudyCallback
from studies.study.history_file import HistoryFile
from studies.study.problems import own_sources
from studies.study.result import StudyResult
from studies.study.settings import PlaceSettings
from studies.study.study import Study
from studies.tracking.server import NO_TRACKING
from studies.tracking.study import StudyTracker
from studies.tracking.uploader import Uploader

_CHECKPOINTS = "checkpoints"


@dataclass(frozen=True)
class Messages:
    """How a person is told."""

    describe: Callable[[Sequence[str]], None]
    """What was read, before anything is done with it."""
    warn: Callable[[str], None]
    """A problem in a sentence."""
    show: Callable[[StudyResult], None]
    """What was found."""
    trained: Callable[[float, int], None] = lambda done, total: None
    """How many trainings are done, parts of one included, and of how many, where others than this process train."""


class StudyRun:
    """See the module.

    Args:
        ready: the study.
        places: where things go; its folder aside.
        folder: of the study, in which no other process is at work.
        messages: tells a person.
        over: what else trains in Phase III.
    """

    def __init__(
        self,
        ready: Study,
        places: PlaceSettings,
        folder: OutputFolder,
        messages: Messages,
        over: SpreadPlaces = SpreadPlaces(),  # noqa: B008  (frozen)
    ) -> None:
        self._ready, self._places, self._folder, self._messages, self._over = ready, places, folder, messages, over
        self._settings = ready.settings.to_dict()
        self._file = HistoryFile(folder, self._settings, messages.warn, places.resume)
        self.history = History(ready.problem.metric, self._file)
        """What it went through."""
        sources = own_sources(ready.settings, ready.kind)
        identity = {**self._settings, "data": ready.problem.data_digest(), **sources}
        self._model = model_name(ready.problem.described()["name"], ready.settings.training.recommender)
        self._outcome = Outcome(
            folder,
            not places.no_model and ready.problem.keeps,
            ready.problem.terms.are_losses,
            messages.warn,
            ready.problem.export_names,
        )
        self._checkpoints = Checkpoints(folder.path / _CHECKPOINTS, identity, places.checkpoint_every)
        self.tracker: StudyTracker | None = None
        """Tells MLflow; None as long as nothing runs, and where nothing is tracked or everything was told before."""
        self.result: StudyResult | None = None
        """What was found; None where the study was finished before."""

    @property
    def files(self) -> tuple[str, ...]:
        """Names of all files that it may leave."""
        return self._outcome.names

    @property
    def can_go_on(self) -> bool:
        """Whether there are checkpoints of it."""
        return self._checkpoints.exist

    def go(self, callback: StudyCallback) -> dict[str, Any] | None:
        """Begin, go on, or do nothing where all is done.

        Args:
            callback: told what happens.

        Returns:
            What result.json holds, where the study was finished before; else None.

        Raises:
            UserError: the folder holds files of others where the study would write; nothing has been done then.
        """
        self._folder.claim(_CHECKPOINTS, PARTS)
        stored = self._checkpoints.load() if self._places.resume else None
        # The history goes before the checkpoints do: where it is not there, the study may be done.
        may_be_done = self._places.resume and (stored is None or not self._file.is_begun)
        done = finished_result(self._folder.path / RESULT, self._settings) if may_be_done else None
        if done is None:
            self._folder.claim(*self._outcome.names)
        with ExitStack() as open_things:
            self.tracker = self._tracker(done is not None)
            callbacks = [callback, self.history]
            if self.tracker is not None:
                callbacks.append(open_things.enter_context(self.tracker))
            if done is None:
                self._run(callbacks, stored)
            else:
                self._checkpoints.clear()
                self._tell_again(done)
        return done

    def _run(self, callbacks: Sequence[StudyCallback], stored: Mapping[str, Any] | None) -> None:
        if not self._places.resume:
            self._checkpoints.set_aside(self._folder)
            self._folder.set_aside(PARTS)
        elif not self.can_go_on:
            self._messages.describe([f"{self._folder.path} holds nothing to go on from: the study begins"])
        with spread(self._ready, self._places, self._over, self._folder, self._messages.trained) as trains:
            result = self._found(callbacks, stored, trains)
        if self.tracker is None:
            self._file.remove()
        else:  # which removes it when MLflow has everything
            self._outcome.tell(self.tracker, self._model)
        self._checkpoints.clear()
        self._folder.remove(PARTS)
        self._messages.show(result)

    def _found(
        self, callbacks: Sequence[StudyCallback], stored: Mapping[str, Any] | None, trains: Trains | None
    ) -> StudyResult:
        """What the study comes to, which is written."""
        self._file.make_room()
        self._messages.describe(self._ready.problem.lines())
        try:
            self.result = result = self._ready.run(
                callbacks, stored=stored, on_checkpoint=self._checkpoints.save_if_due, trains=trains
            )
            self._write(result)
        except BaseException:
            if self.tracker is None and not self.can_go_on:  # nobody can use it any more
                self._file.remove()
            raise
        return result

    def _write(self, result: StudyResult) -> None:
        try:
            self._outcome.write(result, self.history)
        except UserError:  # the disk is full: what a person sees of it is all that is left
            self._messages.show(result)
            raise

    def _tell_again(self, done: dict[str, Any]) -> None:
        """What a study came to that was finished before, to MLflow."""
        if self.tracker is not None:
            self.history.records = self._file.steps
            self.tracker.on_result(done)
            self._outcome.tell(self.tracker, self._model)

    def _tracker(self, is_done: bool) -> StudyTracker | None:
        """None where nothing is tracked, or everything was told before."""
        goes_on = self._file.is_begun
        if self._places.tracking.tracking_uri == NO_TRACKING or (is_done and not goes_on):
            return None
        uploader = Uploader(self._places.tracking.tracking_uri, self._places.tracking.experiment, self._messages.warn)
        return StudyTracker(
            uploader, self.history, self._file, self._settings, self._ready.problem.metric.name, goes_on
        )
