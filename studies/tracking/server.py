"""Getting to MLflow: quietly, soon, and with one clear line where it cannot be reached."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from core.common.errors import UserError, first_line
from core.common.extras import needs_driver
from core.common.secrets import masked_url, remember
from studies.common.processes import ends_uncovered, has_died
from studies.common.undisturbed import set_level
from studies.study.parts import command_line
from studies.study.settings import tracking_place
from studies.tracking.databases import MLFLOW, check_ours, check_usable, holds_something, setting_up, sqlite_file

if TYPE_CHECKING:
    from mlflow import MlflowClient

#: Does without MLflow.
NO_TRACKING = "none"

# MLflow waits for minutes and repeats by default, which a study must not.
_ENVIRONMENT = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}
#: Of tables that are made; MLflow does not go on where it was stopped.
_HALF_MADE = re.compile(r"table \S+ already exists")
_SOURCES = "studies."  # what `mlflow.source.name` of our runs begins with
# Opens the experiment in the view of runs and charts, not in that of language models.
_MODEL_TRAINING = {"mlflow.experimentKind": "custom_model_development"}


def connect(tracking_uri: str, experiment: str) -> tuple[MlflowClient, str]:
    """A client and the id of the experiment, made if it is not there.

    Runs that a killed process left open in it are closed.

    Raises:
        UserError: the server cannot be reached, or refuses; the database is not MLflow's.
    """
    database = sqlite_file(tracking_uri)
    with reaching(tracking_uri):
        needs_driver("--tracking-uri", tracking_uri)
        if database is not None:
            database.parent.mkdir(parents=True, exist_ok=True)
        with setting_up("--tracking-uri", tracking_uri, "MLflow", MLFLOW, _make):
            client = _client(tracking_uri)
            experiment_id = _experiment_id(client, tracking_uri, experiment)
            close_abandoned(client, experiment_id)
    return client, experiment_id


@contextmanager
def open_server(tracking_uri: str) -> Iterator[MlflowClient]:
    """A client for reading what is there; a local database is not made.

    Raises:
        UserError: the server cannot be reached, here or inside the block.
    """
    tracking_uri = tracking_place(tracking_uri)
    database = sqlite_file(tracking_uri)
    with reaching(tracking_uri):
        needs_driver("--tracking-uri", tracking_uri)
        check_usable(tracking_uri, to_write=False)
        if tracking_uri == NO_TRACKING or (database is not None and not holds_something(database)):
            url = masked_url(tracking_uri)
            raise UserError(f"--tracking-uri {url}: there is no such database; say where the run was logged")
        check_ours("--tracking-uri", tracking_uri, "MLflow", MLFLOW)
        yield _client(tracking_uri)


def _client(tracking_uri: str) -> MlflowClient:
    quiet_mlflow()
    from mlflow import MlflowClient

    if sqlite_file(tracking_uri) is not None:  # a file is closed after each use, and open no longer than a study lasts
        os.environ.setdefault("MLFLOW_SQLALCHEMYSTORE_POOLCLASS", "NullPool")
        # MLflow would make the folder of a file itself, and a wrong one for file:a.db and a%20b/a.db.
        tracking_uri = re.sub("^sqlite:", "sqlite+pysqlite:", tracking_uri)
    return MlflowClient(tracking_uri=tracking_uri)


def _make(tracking_uri: str) -> None:
    """All tables of MLflow's."""
    _client(tracking_uri).search_experiments(max_results=1)


def quiet_mlflow() -> None:
    """Load MLflow so that it neither waits for minutes nor talks."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    import mlflow  # noqa: F401

    for name in ("mlflow", "alembic"):
        set_level(name, logging.WARNING)
    # What they raise is told in a line of our own.
    set_level("mlflow.store", logging.CRITICAL)
    set_level("urllib3.connectionpool", logging.ERROR)


@contextmanager
def reaching(tracking_uri: str) -> Iterator[None]:
    """Whatever a database driver or an HTTP library raises in this block, as a line that a person can use."""
    remember(tracking_uri, os.environ)
    try:
        with ends_uncovered():
            yield
    except UserError:
        raise
    except Exception as error:
        problem = first_line(error)[:300]
        advice = f"give an MLflow server or database that is there, or --tracking-uri {NO_TRACKING}"
        if _HALF_MADE.search(problem):
            advice = "it was not made to its end, as by a kill: move it away if nothing of yours is in it"
        raise UserError(f"--tracking-uri {masked_url(tracking_uri)}: cannot use it: {problem}; {advice}") from None


def _experiment_id(client: MlflowClient, tracking_uri: str, name: str) -> str:
    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return client.create_experiment(name, artifact_location=_artifacts(tracking_uri), tags=_MODEL_TRAINING)
        except Exception:  # another machine may have been first
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    if found.lifecycle_stage == "deleted":
        raise UserError(f"--experiment {name}: it was deleted in MLflow; restore it there or give another name")
    return found.experiment_id


def _artifacts(tracking_uri: str) -> str | None:
    """For a local database the folder beside it, wherever the study was started; else the server's own."""
    database = sqlite_file(tracking_uri)
    return None if database is None else (database.absolute().parent / "mlruns").as_uri()


def close_abandoned(client: MlflowClient, experiment_id: str) -> None:
    """Mark runs of ours as KILLED that are still RUNNING by the books while their process is gone."""
    for run in client.search_runs([experiment_id], "attributes.status = 'RUNNING'", max_results=1000):
        is_ours = run.data.tags.get("mlflow.source.name", "").startswith(_SOURCES)
        if is_ours and has_died(run.data.tags.get("process", "")):
            client.set_terminated(run.info.run_id, "KILLED")


def how_to_compare(tracking_uri: str, address: str) -> str:
    """Where MLflow's pages are, or the command that shows them and where they are then.

    Args:
        tracking_uri: MLflow's database or server.
        address: of a page, from the root of the pages on.
    """
    tracking_uri = masked_url(tracking_uri)
    if tracking_uri.startswith("http"):
        return tracking_uri.rstrip("/") + address
    python = Path(sys.executable)
    shown = python.relative_to(Path.cwd()) if python.is_relative_to(Path.cwd()) else python
    command = command_line((str(shown), "-m", "mlflow", "ui"), {"backend_store_uri": tracking_uri})
    return f"{command}, then open http://127.0.0.1:5000{address}"
