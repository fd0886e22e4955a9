"""`python -m studies.run`: search a loss for a recommender, check it, and compare it with the known ones."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Group, Parameter
from rich.console import Console

from recommenders.data import DataFiles
from studies.common.command import make_app, option_value, run_app
from studies.execution.registry import SpreadPlaces
from studies.running.outcome import KEPT
from studies.running.running import Messages, StudyRun
from studies.storage.locking import own_folder
from studies.storage.output import RESULT, OutputFolder, folder_name
from studies.study.console import LiveProgress, for_tables, new_console, print_lines, warning_to
from studies.study.settings import PlaceSettings, StudySettings
from studies.study.settings_training import check_choice
from studies.study.study import Study
from studies.study.summary import print_report
from studies.study.task_studies import RankingStudy, RatingStudy

_NAME = "python -m studies.run"
app = make_app(
    _NAME,
    "Search a loss function for a recommender (AutoLossGen, SIGIR 2022): phase I searches, phase II checks which way "
    "the losses found push predictions, phase III trains the best ones and known losses to convergence and compares.",
)
_DEFAULTS, _PLACES, _OVER = StudySettings(), PlaceSettings(), SpreadPlaces()


@app.default
def run(
    *,
    study: Annotated[StudySettings, Parameter(name="*", group=Group("Study", sort_key=1), negative="")] = _DEFAULTS,
    places: Annotated[PlaceSettings, Parameter(name="*", group=Group("Places", sort_key=2), negative="")] = _PLACES,
    over: Annotated[SpreadPlaces, Parameter(name="*", group=Group("Places", sort_key=2), negative="")] = _OVER,
) -> None:
    """Run one study and write result.json."""
    ready = Study(study, places.files, places.threads, places.memory)
    ready.problem.use_cores()
    with own_folder(places.out or default_folder(study, places.files)) as folder:
        _run(ready, places, over, folder)


def _app_on(task: str, kind: type[Any], about: str) -> App:
    """Return the command for another task than predictions, whose options are those of its studies."""
    made, usual = make_app(_NAME, about), kind()
    options = Annotated[kind, Parameter(name="*", group=Group("Study", sort_key=1), negative="")]  # type: ignore[valid-type]

    @made.default
    def run_on(
        *,
        study: options = usual,
        places: Annotated[PlaceSettings, Parameter(name="*", group=Group("Places", sort_key=2), negative="")] = _PLACES,
        over: Annotated[SpreadPlaces, Parameter(name="*", group=Group("Places", sort_key=2), negative="")] = _OVER,
    ) -> None:
        """Run one study of it and write result.json."""
        asked: Any = study
        check_choice("task", asked.task, (task,))
        run(study=asked.study, places=places, over=over)

    return made


#: Searches losses of rankings.
rankings = _app_on(
    "ranking",
    RankingStudy,
    "Search a loss of one positive and its negatives for a model that ranks items: phase I proposes shapes, each "
    "judged with its constants tuned on validation; phase III trains the best ones and known losses, tuned alike, "
    "with several seeds and compares.",
)
#: Searches interaction functions.
ratings = _app_on(
    "rating",
    RatingStudy,
    "Search how the vectors of users and items meet in a model of ratings: phase I trains each candidate to "
    "convergence, phase III trains the best ones and known ones with several seeds and compares, see "
    "docs/interactions.md.",
)


def _run(ready: Study, places: PlaceSettings, over: SpreadPlaces, folder: OutputFolder) -> None:
    """A study, its places and the terminal."""
    err, out = new_console(stderr=True), new_console()

    def say(text: str, console: Console = out) -> None:
        console.print(text, highlight=False, soft_wrap=True)

    wide = for_tables(out, 170)
    problem = ready.problem
    progress = LiveProgress(
        err,
        problem.metric,
        ready.settings.search.trainings,
        complexity=problem.terms.complexity,
        are_whole=problem.are_whole,
    )
    messages = Messages(
        lambda lines: print_lines(lines, err),
        warning_to(err),
        lambda result: print_report(result, wide),
        progress.on_trained,
    )
    run = StudyRun(ready, places, folder, messages, over)
    try:
        with progress:
            done = run.go(progress)
    except (KeyboardInterrupt, SystemExit):
        if run.can_go_on:
            say("The same command with --resume goes on from the last checkpoint", err)
        raise
    if done is not None and done.get("best") is not None:
        say(f"Best found {ready.problem.terms.one}: {done['best']['formula']}\n{done['comparison']['verdict']}")
    message = "Written to" if done is None else "Finished before; remove it to run the study again:"
    say(f"{message} {folder.path / RESULT}")
    for name, what in KEPT.items():
        if name in run.files and (folder.path / name).exists():
            say(f"  {what}: {folder.path / name}")
    if run.tracker is not None and run.tracker.where is not None:
        say(f"Compare runs: {run.tracker.where}")


def default_folder(study: StudySettings, files: DataFiles) -> Path:
    """Where results go unless said otherwise."""
    name = f"{study.searcher}-{study.subject(files)}-{study.seed}"
    return Path("results") / folder_name(name)


def app_of(words: Sequence[str]) -> App:
    """Return the command of the task that is asked for."""
    return {"ranking": rankings, "rating": ratings}.get(option_value(words, "--task") or "", app)


if __name__ == "__main__":
    run_app(app_of(sys.argv[1:]))
