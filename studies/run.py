"""`python -m studies.run`: search a loss for a recommender, check it, and compare it with the known ones."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter
from rich.console import Console

from studies.command import make_app, run_app
from studies.console import LiveProgress, warning_to
from studies.observer import Observer
from studies.output import OutputFolder
from studies.report import print_report
from studies.settings import PlaceSettings, StudySettings
from studies.study import Study, use_cores
from studies.tracking import MlflowTracker
from studies.tracking_server import NO_TRACKING, connect, how_to_compare, reaching

app = make_app(
    "python -m studies.run",
    "Search a loss function for a recommender (AutoLossGen, SIGIR 2022): phase I searches, phase II checks which way "
    "the losses found push predictions, phase III trains the best ones and known losses to convergence and compares.",
)
_DEFAULTS, _PLACES = StudySettings(), PlaceSettings()


@app.default
def run(
    *,
    study: Annotated[StudySettings, Parameter(name="*", group=Group("Study", sort_key=1), negative="")] = _DEFAULTS,
    places: Annotated[PlaceSettings, Parameter(name="*", group=Group("Places", sort_key=2), negative="")] = _PLACES,
) -> None:
    """Run one study and write result.json."""
    err, out = Console(stderr=True), Console()
    ready = Study(study, places.data, places.threads, places.memory)
    use_cores(ready.task.trainer)
    folder = OutputFolder(places.out or default_folder(study))
    try:
        with ExitStack() as open_things:
            observers: list[Observer] = [
                open_things.enter_context(LiveProgress(err, ready.task.metric, ready.settings.trainings))
            ]
            tracker = _tracker(ready, places, err)
            if tracker is not None:
                observers.append(open_things.enter_context(tracker))
            result = ready.run(observers)
            print_report(result, out if out.is_terminal else Console(width=max(out.width, 140)))
            path = folder.write_json("result.json", result.to_dict())
    except BaseException:
        folder.withdraw()
        raise
    out.print(f"Written to {path}", highlight=False, soft_wrap=True)
    if tracker is not None:
        shown = how_to_compare(places.tracking_uri, tracker.address)
        out.print(f"Compare runs: {shown}", highlight=False, soft_wrap=True)


def default_folder(study: StudySettings) -> Path:
    """Where results go unless said otherwise."""
    searcher = re.sub(r"[^A-Za-z0-9._-]+", "-", study.searcher)
    return Path("results") / f"{searcher}-{study.dataset}-{study.recommender}-{study.seed}"


def _tracker(ready: Study, places: PlaceSettings, err: Console) -> MlflowTracker | None:
    if places.tracking_uri == NO_TRACKING:
        return None
    client, experiment_id = connect(places.tracking_uri, places.experiment)
    metric = ready.task.metric
    with reaching(places.tracking_uri):
        return MlflowTracker(
            client, experiment_id, ready.settings.to_dict(), metric.name, metric.value, warning_to(err)
        )


if __name__ == "__main__":
    run_app(app)
