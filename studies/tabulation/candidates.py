"""`studies.table --problem`: every candidate of a small space trained to convergence, in a file.

The annotations are objects and not strings, see `studies.study.settings`.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from rich.console import Console
from rich.table import Table

from core.common.errors import UserError
from core.phases.measured import MeasuredRow, MeasuredTable, every_candidate
from core.phases.problem import StudyProblem
from core.search.trial import Verdict
from recommenders.data import DataFiles
from studies.execution.convergence import Convergence, settings_of
from studies.execution.experiment import TaskProgress, experiment
from studies.execution.registry import WorkPlaces
from studies.execution.task import Result, TaskFactory, data_file_digest
from studies.storage.output import folder_name
from studies.study.console import for_tables, print_lines
from studies.study.parts import PART, typed
from studies.study.problems import LOSS, check_problem
from studies.study.result import versions
from studies.study.settings import StudySettings
from studies.study.settings_search import SearchSettings
from studies.study.study import Study
from studies.tabulation.settings import TableTracking
from studies.tabulation.tracking import CandidateTracker

FILE = "table.json"
#: Rows that the summary shows, and candidates that a task trains.
_SHOWN, _AT_ONCE = 8, 8


@dataclass(frozen=True, kw_only=True)
class CandidateTable:
    """A table of all candidates of a problem.

    Raises:
        UserError: no such problem, or a number out of range.
    """

    problem: str = "interaction"
    """What is searched, with its settings: interaction:dimensions=4, or package.module:Class. Its space has to be
    small enough for a training of each candidate."""
    seeds: int = 3
    """Trainings of each candidate: the first is what a search of the table sees, the others are what its test metric is
    the mean of."""
    seed: int = 0
    """Decides the split of the data."""

    def __post_init__(self) -> None:
        """Check the settings."""
        spec, _, _ = check_problem(self.problem)
        if spec.name == LOSS:
            raise UserError("--problem loss: a table of losses is what this makes without --problem; leave it out")
        if not 1 <= self.seeds <= 1_000:
            raise UserError(f"--seeds: expected 1 to 1,000, got {self.seeds}")

    @property
    def study(self) -> StudySettings:
        """The study that the problem is searched in."""
        return StudySettings(seed=self.seed, search=SearchSettings(problem=self.problem))


@dataclass(frozen=True, kw_only=True)
class CandidatePlaces:
    """Where things are read and written, and how the machine is used. These do not change what is computed."""

    files: Annotated[DataFiles, PART] = field(default_factory=DataFiles)
    work: Annotated[WorkPlaces, PART] = field(default_factory=WorkPlaces)
    tracking: Annotated[TableTracking, PART] = field(default_factory=TableTracking)
    out: Path | None = None
    """Folder of the table; results/table-PROBLEM unless given. What is there already is not done again."""


def make_table(settings: CandidateTable, places: CandidatePlaces) -> None:
    """Train every candidate, and write table.json.

    Args:
        settings: which.
        places: where.

    Raises:
        UserError: the space is too large.
    """
    study = Study(settings.study, places.files)
    problem = study.problem
    every = every_candidate(problem.space)
    path = places.out or Path("results") / folder_name(f"table-{settings.problem}")
    with experiment(path, places.work, places.tracking, (FILE,)) as work:
        tracker = work.track(lambda uploader: CandidateTracker(uploader, work.path, settings.problem))
        progress = work.open(TaskProgress(work.err))
        print_lines(problem.lines(), work.err)
        digest, began = data_file_digest(places.files), time.monotonic()
        rows = refused(problem, every)
        trained = [k for k, row in enumerate(rows) if row.verdict is None]
        runner = work.runner({digest: places.files}, problem.device, [progress])
        convergence = Convergence(TaskFactory(digest), runner, settings.study, problem.metric, _AT_ONCE)
        trainings = [settings_of(problem.known(rows[k].name), problem)[0] for k in trained]
        title = f"{len(trained):,} {problem.terms.many}, {settings.seeds} trainings of each"
        runs = convergence.train(title, trainings, range(settings.seeds))
        for k, of_one in zip(trained, runs, strict=True):
            rows[k] = _measured(rows[k], of_one, problem.metric.name)
        table = MeasuredTable(
            problem=settings.problem,
            command=typed(("python", "-m", "studies.table"), settings, places.files, out=places.out),
            described=problem.described(),
            metric=problem.metric.name,
            higher_is_better=problem.metric.higher_is_better,
            terms=problem.terms.to_dict(),
            seeds=settings.seeds,
            seconds=round(time.monotonic() - began, 3),
            versions=versions(),
            rows=rows,
        )
        file = work.folder.write(FILE, table.text().encode())
        if tracker is not None:
            tracker.on_table(table, ranked(table)[:_SHOWN], file)
        print_table(table, for_tables(work.out, 140))
        work.say_where(file)


def refused(problem: StudyProblem[Any], every: Sequence[Any]) -> list[MeasuredRow]:
    """Return a row for each candidate, with the verdicts of those that are not worth a training.

    Args:
        problem: examines them.
        every: the candidates.
    """
    rows, first = list[MeasuredRow](), dict[int | None, str]()
    for candidate, found in zip(every, problem.examine(every), strict=True):
        verdict = None if found.verdict is None else found.verdict.value
        original = first.get(found.entry) if found.verdict is Verdict.DUPLICATE else None
        rows.append(MeasuredRow(str(candidate), candidate.complexity, verdict, original))
        if verdict is None:
            first[found.entry] = str(candidate)
    return rows


def _measured(row: MeasuredRow, runs: Sequence[Result], metric: str) -> MeasuredRow:
    validation, test = (tuple(run[part].get(metric) for run in runs) for part in ("validation", "test"))
    epochs = tuple(run["epochs"] for run in runs)
    return replace(row, validation=validation, test=test, epochs=epochs)


def ranked(table: MeasuredTable) -> list[MeasuredRow]:
    """Return the rows of those that were trained, the best on validation with the first seed before the others."""
    score = table.judged_by.score_of
    trained = [
        (score(row.validation[0]), row) for row in table.rows if row.validation and row.validation[0] is not None
    ]
    return [row for _, row in sorted(trained, key=lambda one: -one[0])]


def print_table(table: MeasuredTable, console: Console) -> None:
    """Print the best candidates, and how many there are.

    Args:
        table: the table.
        console: where to print.
    """
    trained = ranked(table)
    n_refused = sum(row.verdict is not None for row in table.rows)
    title = f"The best of {len(table.rows):,} {table.terms['many']} by {table.metric} on validation, first seed"
    shown = Table(title=title, title_justify="left", caption=f"{n_refused} were not trained", caption_justify="left")
    for head in ("place", table.terms["one"], table.terms["complexity"], "validation", "test, all seeds"):
        shown.add_column(head, justify="left" if head == table.terms["one"] else "right", overflow="fold")
    for place, row in enumerate(trained[:_SHOWN], 1):
        tests = [value for value in row.test if value is not None]
        numbers = (f"{row.validation[0]:.4f}", f"{min(tests):.4f} to {max(tests):.4f}" if tests else "-")
        shown.add_row(str(place), row.name, str(row.complexity), *numbers)
    console.print(shown)
