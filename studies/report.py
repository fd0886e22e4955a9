"""`python -m studies.report`: one HTML page about a study, to be read in any browser, offline too."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from core.common.errors import UserError
from recommenders.data.opening import is_folder
from studies.common.command import make_app, run_app
from studies.exporting.finding import find_history, find_study, is_run_id
from studies.reporting import report_page
from studies.storage.output import REPORT, write_file
from studies.study.tracking_place import TrackingUri

app = make_app(
    "python -m studies.report",
    "Draw the page about a study: the found loss, its gradients, the search, the front, the settings. One file, which "
    "needs no network.",
)


@dataclass(frozen=True, kw_only=True)
class ReportSettings:
    """Which study, and where to."""

    run: str | None = None
    """A study: its folder, such as results/rl-ml-100k-mf-0, or the id of its run in MLflow (or that of a loss)."""
    out: Path | None = None
    """The file to write; report.html in the study's folder unless given, for a run in MLflow in the working one."""
    tracking_uri: TrackingUri = ""
    """MLflow's database or server, for the id of a run. Unless given: MLFLOW_TRACKING_URI, or else sqlite:///mlflow.db."""

    def __post_init__(self) -> None:
        """Check that there is something to draw."""
        if not self.run:
            raise UserError("report: expected --run, the folder of a study or the id of its run in MLflow")


@app.default
def report(*, settings: Annotated[ReportSettings | None, Parameter(name="*", negative="")] = None) -> None:
    """Write the page about one study."""
    settings = settings or ReportSettings()
    assert settings.run is not None
    study, _ = find_study(settings.run, settings.tracking_uri)
    page = report_page(study.content, find_history(settings.run, settings.tracking_uri), settings.run)
    path = settings.out or _usual_place(settings.run)
    write_file(path, page.encode())
    print(f"Written to {path}")


def _usual_place(run: str) -> Path:
    """Beside the result."""
    if is_run_id(run):
        return Path(REPORT)
    return (Path(run) if is_folder(Path(run)) else Path(run).parent) / REPORT


if __name__ == "__main__":
    run_app(app)
