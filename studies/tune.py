"""`python -m studies.tune`: tune with Optuna what the paper fixes by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter

from core.common.errors import UserError
from recommenders.data import DataFiles, Dataset
from recommenders.tasks.metrics import find_metric
from studies.common.command import make_app, run_app
from studies.common.pictures import drawn
from studies.execution.making import PartMaker, data_file_digest
from studies.execution.part import PartsFolder
from studies.execution.work import do
from studies.execution.workers import Workers
from studies.storage.output import OutputFolder, folder_name
from studies.storage.resuming import own_folder
from studies.study.console import new_console, tell_data, warning_to
from studies.study.study import Study
from studies.study.typed import command_line
from studies.tracking.uploader import open_uploader
from studies.tuning.evaluation import Evaluation
from studies.tuning.progress import TuneProgress
from studies.tuning.settings import TunePlaces, TuneSettings
from studies.tuning.tracking import TuneTracker
from studies.tuning.tuning import TuneWatcher, Tuning

if TYPE_CHECKING:
    from studies.tuning.result import TuneResult
    from studies.tuning.trials import Trials

app = make_app(
    "python -m studies.tune",
    "Tune with Optuna: the smoothing term of a given loss (--loss), or the thresholds of a search. Every trial is "
    "averaged over seeds on the validation part; at the end the best settings meet the present ones with other seeds. "
    "Interrupted, or asked for more trials, the same command does only what is missing.",
)
_DEFAULTS, _PLACES = TuneSettings(), TunePlaces()
PARTS, JOURNAL, NOTE = "parts", "optuna-journal.log", ".optuna-study"
#: Settings that may grow from one command to the next, and those that change no trial.
_FREE = ("trials", "confirm", "finalists", "repeats", "baseline")


@app.default
def tune(
    *,
    tuning: Annotated[TuneSettings, Parameter(name="*", group=Group("Tuning", sort_key=1), negative="")] = _DEFAULTS,
    places: Annotated[TunePlaces, Parameter(name="*", group=Group("Places", sort_key=2))] = _PLACES,
) -> None:
    """Tune, and write the report."""
    tuning = tuning.on(places.files)
    path = places.out or default_folder(tuning, places.files)
    ready = Study(tuning.study(0), places.files)  # whatever is wrong with the settings is found here
    if not places.resume and places.storage is not None:
        raise UserError("--no-resume: what is in a --storage stays there; give another --study-name instead")
    with own_folder(path) as folder:
        _Tune(tuning, places, folder, ready.task.dataset).go()


def default_folder(tuning: TuneSettings, files: DataFiles) -> Path:
    """Where results go unless said otherwise."""
    what = re.sub(r"[^A-Za-z0-9._-]+", "-", tuning.loss or tuning.searcher).strip("-")[:40]
    return Path("results") / folder_name(f"tune-{what}-{tuning.data_name(files)}-{tuning.recommender}")


def dashboard(path: Path) -> str:
    """What to type to see the trials of a folder."""
    file = str(path / JOURNAL)
    return command_line(("optuna-dashboard", f"./{file}" if file.startswith("-") else file), {})


class _Tune:
    """A tuning, its places and the terminal."""

    def __init__(self, tuning: TuneSettings, places: TunePlaces, folder: OutputFolder, dataset: Dataset) -> None:
        self._settings, self._places, self._dataset = tuning, places, dataset
        self._folder, self._path = folder, folder.path
        self._err, self._out = new_console(stderr=True), new_console()
        self._metric = find_metric(tuning.task, tuning.metric)

    def go(self) -> None:
        """Do what is missing, write the report and print the summary."""
        from studies.tuning.claiming import check_all_ours
        from studies.tuning.report import REPORT_FILES, print_summary, write_report
        from studies.tuning.storage import open_storage  # Optuna takes a second to load
        from studies.tuning.trials import Trials

        folder, digest = self._folder, data_file_digest(self._places.files)
        folder.claim(PARTS, JOURNAL, NOTE, *REPORT_FILES)
        if not self._places.resume:
            for name in (PARTS, JOURNAL):
                folder.set_aside(name)
        uploader = open_uploader(self._places.tracking_uri, self._places.experiment, warning_to(self._err))
        url = self._places.storage
        storage = open_storage(url, folder.growing(JOURNAL) if url is None else self._path / JOURNAL)
        if url is None:
            check_all_ours(storage, self._path / JOURNAL)
        with ExitStack() as open_things:
            trials = Trials(
                storage,
                url or str(self._path),
                self._places.study_name or self._path.name,
                self._identity(digest),
                self._settings.tunables,
                self._metric.higher_is_better,
                self._settings.seed,
                self._settings.prune,
                self._path / NOTE,
            )
            watchers: list[TuneWatcher] = [
                open_things.enter_context(TuneProgress(self._err, self._metric.name)),
            ]
            tracker = None
            if uploader is not None:
                tracker = TuneTracker(uploader, trials.id, self._settings.to_dict(), self._metric.name)
            if tracker is not None:
                watchers.append(open_things.enter_context(tracker))
            parts = PartsFolder(self._path / PARTS)
            place = self._places.workplace(self._settings.device, parts.path)
            workers = open_things.enter_context(Workers(place, do))
            evaluation = Evaluation(self._settings, PartMaker(digest), parts, workers, place)
            tell_data(self._dataset, self._err)
            result = Tuning(self._settings, trials, evaluation, watchers).run()
            files = write_report(result, self._pictures(result, trials), folder)
            if tracker is not None:
                tracker.on_report(result, files)
        place.forget_all()
        wide = self._out if self._out.is_terminal else new_console(width=max(self._out.width, 140))
        print_summary(result, self._places, wide)
        self._say(f"Written to {files[0]}")
        if self._places.storage is None:
            self._say(f"Look closer: {dashboard(self._path)}")
        if tracker is not None:
            self._say(f"In MLflow: {tracker.where}")

    def _pictures(self, result: TuneResult, trials: Trials) -> dict[str, bytes]:
        """PNG files by stem."""

        def figures() -> Mapping[str, Any]:
            from studies.tuning.pictures import draw_all

            return draw_all(result, trials.importances())

        return drawn("pictures of the tuning", figures, warning_to(self._err))

    def _identity(self, digest: str | None) -> dict[str, object]:
        settings = {name: value for name, value in self._settings.to_dict().items() if name not in _FREE}
        return {**settings, "data": digest}

    def _say(self, text: str) -> None:
        self._out.print(text, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    run_app(app)
