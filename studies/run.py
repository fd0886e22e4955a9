"""`python -m studies.run`: search a loss for a recommender, check it, and compare it with the known ones."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Group, Parameter
from rich.console import Console

from core.errors import UserError
from recommenders.data import DataFiles
from studies.command import make_app, run_app
from studies.console import LiveProgress, tell_data, warning_to
from studies.keeping.checkpoints import Checkpoints
from studies.keeping.identity import data_digest
from studies.keeping.resuming import alone_in, begin_anew, finished_result, stored_state
from studies.observer import Observer
from studies.output import OutputFolder
from studies.report import print_report
from studies.settings import PlaceSettings, StudySettings
from studies.study import Study, use_cores
from studies.tracking import MlflowTracker
from studies.tracking_journal import Journal
from studies.tracking_server import NO_TRACKING, connect, how_to_compare, reaching, server_name

app = make_app(
    "python -m studies.run",
    "Search a loss function for a recommender (AutoLossGen, SIGIR 2022): phase I searches, phase II checks which way "
    "the losses found push predictions, phase III trains the best ones and known losses to convergence and compares.",
)
_DEFAULTS, _PLACES = StudySettings(), PlaceSettings()
_RESULT = "result.json"


@app.default
def run(
    *,
    study: Annotated[StudySettings, Parameter(name="*", group=Group("Study", sort_key=1), negative="")] = _DEFAULTS,
    places: Annotated[PlaceSettings, Parameter(name="*", group=Group("Places", sort_key=2), negative="")] = _PLACES,
) -> None:
    """Run one study and write result.json."""
    ready = Study(study, places.files, places.threads, places.memory)
    use_cores(ready.task.trainer)
    path = places.out or default_folder(study, places.files)
    with alone_in(path):
        folder = OutputFolder(path)
        folder.sweep()
        try:
            _Run(ready, places, folder).go()
        except BaseException:
            folder.withdraw()
            raise


class _Run:
    """A study, its places and the terminal."""

    def __init__(self, ready: Study, places: PlaceSettings, folder: OutputFolder) -> None:
        self._ready, self._places, self._folder = ready, places, folder
        self._err, self._out = Console(stderr=True), Console()
        self._settings = ready.settings.to_dict()
        identity = {**self._settings, "data": data_digest(ready.task.dataset)}
        self._checkpoints = Checkpoints(folder.path / "checkpoints", identity, places.checkpoint_every)

    def go(self) -> None:
        """Begin, go on, or say that all is done."""
        stored = stored_state(self._checkpoints) if self._places.resume else None
        done = self._finished() if self._places.resume and stored is None else None
        try:
            with ExitStack() as open_things:
                metric, trainings = self._ready.task.metric, self._ready.settings.trainings
                observers: list[Observer] = [
                    open_things.enter_context(LiveProgress(self._err, metric, trainings)),
                ]
                tracker = self._tracker(done is not None)
                if tracker is not None:
                    observers.append(open_things.enter_context(tracker))
                if done is None:
                    self._run(observers, stored)
        except (KeyboardInterrupt, SystemExit):
            if self._checkpoints.exist:
                self._say("The same command with --resume goes on from the last checkpoint", self._err)
            raise
        told = "Written to" if done is None else "Finished before; remove it to run the study again:"
        self._say(f"{told} {self._folder.path / _RESULT}", self._out)
        if tracker is not None and tracker.address is not None:
            shown = how_to_compare(self._places.tracking_uri, tracker.address)
            self._say(f"Compare runs: {shown}", self._out)

    def _run(self, observers: Sequence[Observer], stored: Mapping[str, Any] | None) -> None:
        if not self._places.resume:
            begin_anew(self._checkpoints)
        tell_data(self._ready.task.dataset, self._err)
        result = self._ready.run(observers, stored=stored, offer=self._checkpoints.offer)
        print_report(result, self._wide())
        self._folder.write_json(_RESULT, result.to_dict())
        self._checkpoints.clear()

    def _finished(self) -> dict[str, Any] | None:
        """What the study found, if it is finished; what it comes to is told again."""
        done = finished_result(self._folder.path / _RESULT, self._settings)
        if done is not None and done.get("best") is not None:
            self._say(f"Best found loss: {done['best']['formula']}\n{done['comparison']['verdict']}", self._out)
        return done

    def _wide(self) -> Console:
        return self._out if self._out.is_terminal else Console(width=max(self._out.width, 140))

    def _say(self, text: str, console: Console) -> None:
        console.print(text, highlight=False, soft_wrap=True)

    def _tracker(self, is_done: bool) -> MlflowTracker | None:
        """None where nothing is tracked, or everything was told before."""
        uri, experiment = self._places.tracking_uri, self._places.experiment
        if uri == NO_TRACKING:
            return None
        warn = warning_to(self._err)
        journal = Journal(self._folder.path, server_name(uri, experiment), warn)
        goes_on = self._places.resume and journal.is_of(self._settings)
        if not goes_on:
            journal.set_aside()
        if is_done and not journal.entries:
            return None
        metric = self._ready.task.metric
        arguments = (self._settings, metric.name, metric.value, warn)
        try:
            with reaching(uri):
                return MlflowTracker(lambda: connect(uri, experiment), journal, *arguments)
        except UserError:
            if not goes_on:
                journal.remove()
            raise


def default_folder(study: StudySettings, files: DataFiles) -> Path:
    """Where results go unless said otherwise."""
    searcher = re.sub(r"[^A-Za-z0-9._-]+", "-", study.searcher)
    return Path("results") / f"{searcher}-{study.data_name(files)}-{study.recommender}-{study.seed}"


if __name__ == "__main__":
    run_app(app)
