"""`python -m studies.table`: every loss of a few operators, trained, in a file."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Annotated

from cyclopts import App, Group, Parameter

from core.common.extras import lacking
from recommenders.tasks.loss_table import LossTable
from studies.common.command import make_app, option_value, run_app
from studies.execution.experiment import TaskProgress, experiment
from studies.execution.task import TaskFactory, data_file_digest
from studies.study.console import for_tables, print_lines
from studies.study.study import Study
from studies.tabulation.candidates import CandidatePlaces, CandidateTable, make_table
from studies.tabulation.report import MAP, TABLE, print_summary, write_table
from studies.tabulation.settings import TableLosses, TablePlaces, TableSettings, command, default_folder
from studies.tabulation.table import Tabulation
from studies.tabulation.tracking import TableTracker

app = make_app(
    "python -m studies.table",
    "Enumerate every loss of a few operators, each once, train those that can train anything, and write a row for each "
    "to table.parquet: what is best is known then, and searchers can be judged by how near they come. Interrupted, the "
    "same command does only what is missing. Every candidate of another problem with a small space: "
    "--problem interaction, whose options --problem interaction --help lists.",
)
_DEFAULTS, _PLACES = TableSettings(), TablePlaces()


@app.default
def table(
    *,
    settings: Annotated[TableSettings, Parameter(name="*", group=Group("Table", sort_key=1), negative="")] = _DEFAULTS,
    places: Annotated[TablePlaces, Parameter(name="*", group=Group("Places", sort_key=2))] = _PLACES,
) -> None:
    """Make the table, and write it."""
    settings = settings.on(places.files)
    study = Study(settings.study, places.files)  # whatever is wrong with the settings is found here
    digest, metric = data_file_digest(places.files), study.problem.metric
    path = places.out or default_folder(settings, places.files)
    with experiment(path, places.work, places.tracking, (TABLE, MAP)) as work:
        tracker = work.track(lambda uploader: TableTracker(uploader, work.path, settings))
        progress = work.open(TaskProgress(work.err))
        print_lines(study.problem.lines(), work.err)
        began = time.monotonic()

        def tell(size: int, n: int) -> None:
            print_lines([f"Losses of {size} operator{'s' * (size > 1)} ({n:,} smaller ones)"], work.err)

        losses = TableLosses.of(settings, tell, work.cache)
        runner = work.runner({digest: places.files}, settings.training.device, [progress])
        tabulation = Tabulation(settings, losses, metric, TaskFactory(digest), runner)
        rows, raw = tabulation.run(), tabulation.raw()
        seconds = round(time.monotonic() - began, 3)
        about = {"command": command(settings, places), "dataset": study.problem.described(), "seconds": seconds}
        file = write_table(settings, losses, rows, raw, metric, about, work.folder)
        if tracker is not None:
            tracker.on_table(losses, rows, metric, file)
        if any(row.number is not None for row in rows) and lacking("the map of losses", "matplotlib") is None:
            from studies.tabulation.pictures import map_picture  # matplotlib takes a second to load

            work.folder.write(MAP, map_picture(LossTable.load(file)))
    print_summary(settings, losses, rows, metric, for_tables(work.out, 140))
    work.say_where(file)


#: Tables of other problems.
candidates = make_app(
    "python -m studies.table",
    "Train every candidate of a small space to convergence, and write a row for each to table.json: what is best is "
    "known then, and searchers can be judged by how near they come. Interrupted, the same command does only what is "
    "missing.",
)
_EVERY, _THEIR_PLACES = CandidateTable(), CandidatePlaces()


@candidates.default
def table_of_candidates(
    *,
    settings: Annotated[CandidateTable, Parameter(name="*", group=Group("Table", sort_key=1), negative="")] = _EVERY,
    places: Annotated[CandidatePlaces, Parameter(name="*", group=Group("Places", sort_key=2))] = _THEIR_PLACES,
) -> None:
    """Make the table, and write it."""
    make_table(settings, places)


def app_of(words: Sequence[str]) -> App:
    """Return the command for losses, or, where a problem is named, that for its candidates."""
    return app if option_value(words, "--problem") is None else candidates


if __name__ == "__main__":
    run_app(app_of(sys.argv[1:]))
