"""`python -m studies.report`: one HTML page about a study or an evaluation, to be read in any browser, offline too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from core.common.errors import UserError
from core.common.extras import needs
from core.common.restoring import read, reading
from recommenders.data.opening import is_folder
from studies.common.command import make_app, run_app
from studies.exporting.finding import find_history, find_result, is_run_id
from studies.exporting.stored import StoredStudy
from studies.reporting import report_page
from studies.storage.output import REPORT, write_file
from studies.study.settings import TrackingUri

app = make_app(
    "python -m studies.report",
    "Draw the page about a study: the found loss, its gradients, the search, the front, the settings. Or about an "
    "evaluation: which losses are better, by how much, and how they were tuned. One file, which needs no network.",
)


@dataclass(frozen=True, kw_only=True)
class ReportSettings:
    """Which study or evaluation, and where to."""

    run: str | None = None
    """A study or an evaluation: its folder, such as results/rl-ml-100k-mf-0, or the id of its run in MLflow (or, of a
    study, that of a loss)."""
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
    """Write the page about one study or evaluation."""
    settings = settings or ReportSettings()
    assert settings.run is not None
    found, source, _ = find_result(settings.run, settings.tracking_uri)
    with reading(f"{source}: expected the result.json of a study or of an evaluation"):
        content = read(dict[str, Any], json.loads(found))
    if "protocol" in content:
        page = _evaluation_page(content, source)
    else:
        study = StoredStudy.of(content, source)
        page = report_page(study.content, find_history(settings.run, settings.tracking_uri), settings.run)
    path = settings.out or _usual_place(settings.run)
    write_file(path, page.encode())
    print(f"Written to {path}")


def _evaluation_page(content: Mapping[str, Any], source: str) -> str:
    needs("the page about an evaluation", "jinja2", "matplotlib")
    from studies.evaluation.page import evaluation_page  # Optuna takes seconds to load

    return evaluation_page(content, source)


def _usual_place(run: str) -> Path:
    """Beside the result."""
    if is_run_id(run):
        return Path(REPORT)
    return (Path(run) if is_folder(Path(run)) else Path(run).parent) / REPORT


if __name__ == "__main__":
    run_app(app)
