"""`python -m studies.tune`: tune with Optuna what the paper fixes by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Group, Parameter

from core.common.errors import UserError
from recommenders.data import DataFiles
from studies.common.command import make_app, run_app
from studies.common.pages import drawn
from studies.execution.experiment import TaskProgress, experiment
from studies.execution.task import TaskFactory, data_file_digest
from studies.storage.output import folder_name
from studies.study.console import for_tables, print_lines
from studies.study.parts import command_line
from studies.study.study import Study
from studies.tuning.report import REPORT_FILES, TrialLines, print_summary, write_report
from studies.tuning.settings import TunePlaces, TuneSettings
from studies.tuning.tracking import TuneTracker
from studies.tuning.trials import open_trials
from studies.tuning.tuning import Tuning

app = make_app(
    "python -m studies.tune",
    "Tune with Optuna: the smoothing term of a given loss (--loss), or the thresholds of a search. Every trial is "
    "averaged over seeds on the validation part; at the end the best settings meet the present ones with other seeds. "
    "Interrupted, or asked for more trials, the same command does only what is missing.",
)
_DEFAULTS, _PLACES = TuneSettings(), TunePlaces()
JOURNAL, NOTE = "optuna-journal.log", ".optuna-study"
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
    ready = Study(replace(tuning.study, seed=0), places.files)  # whatever is wrong with the settings is found here
    if not places.work.resume and places.storage is not None:
        raise UserError("--no-resume: what is in a --storage stays there; give another --study-name instead")
    metric, digest = tuning.chosen_by.name, data_file_digest(places.files)
    with experiment(path, places.work, places.tracking, (NOTE, *REPORT_FILES), (JOURNAL,)) as work:
        identity = {name: value for name, value in tuning.to_dict().items() if name not in _FREE} | {"data": digest}
        trials = open_trials(tuning, places, work.folder, (JOURNAL, NOTE), identity)
        tracker = work.track(lambda uploader: TuneTracker(uploader, trials.id, tuning.to_dict(), metric))
        bars = work.open(TaskProgress(work.err, message=None))
        callbacks = [TrialLines(work.err, metric), *([] if tracker is None else [tracker])]
        runner = work.runner({digest: places.files}, tuning.study.training.device, [bars])
        print_lines(ready.losses.lines(), work.err)
        result = Tuning(tuning, trials, TaskFactory(digest), runner, callbacks).run()

        def figures() -> Mapping[str, Any]:
            from studies.tuning.pictures import draw_all

            return draw_all(result, trials.importances())

        files = write_report(result, drawn("pictures of the tuning", figures, work.warn), work.folder)
        if tracker is not None:
            tracker.on_report(result, files)
    print_summary(result, places.files, for_tables(work.out, 140))
    work.say_where(files[0], *([f"Look closer: {dashboard(path)}"] if places.storage is None else []))


def default_folder(tuning: TuneSettings, files: DataFiles) -> Path:
    """Where results go unless said otherwise."""
    what = re.sub(r"[^A-Za-z0-9._-]+", "-", tuning.loss or tuning.study.searcher).strip("-")[:40]
    return Path("results") / folder_name(
        f"tune-{what}-{tuning.study.data.name_on(files)}-{tuning.study.training.recommender}"
    )


def dashboard(path: Path) -> str:
    """What to type to see the trials of a folder."""
    file = str(path / JOURNAL)
    return command_line(("optuna-dashboard", f"./{file}" if file.startswith("-") else file), {})


if __name__ == "__main__":
    run_app(app)
