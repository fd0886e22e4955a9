"""Finding the result of a study: in its folder, or in MLflow by the id of a run."""

from __future__ import annotations

import re
from pathlib import Path

from core.errors import UserError
from studies.exporting.stored import StoredStudy
from studies.tracking_server import open_server

_RESULT = "result.json"
_RUN_ID = re.compile(r"[0-9a-f]{32}")
#: No result is larger, in bytes.
_LARGEST = 2**28


def find_study(run: str, tracking_uri: str) -> tuple[StoredStudy, str | None]:
    """The study that a person names.

    Args:
        run: a folder with result.json, that file, or the id of a run in MLflow, a study's or one of its losses'.
        tracking_uri: MLflow's database or server.

    Returns:
        The study, and the name of the loss where the run is that of one.

    Raises:
        UserError: there is no such study, it has no result yet, or it cannot be read.
    """
    path = Path(run)
    if _RUN_ID.fullmatch(run) and not path.exists():
        return _in_mlflow(run, tracking_uri)
    return StoredStudy.parse(read_file(path / _RESULT if path.is_dir() else path), str(path)), None


def read_file(path: Path) -> bytes:
    """The bytes of a file of a study.

    Raises:
        UserError: there is no such file, or it is none of ours.
    """
    try:
        if not path.is_file():
            there = f"a folder without {path.name}" if path.parent.is_dir() and path.name == _RESULT else "no such file"
            raise UserError(
                f"--run {path}: expected the folder of a study or the id of a run in MLflow, got {there}; "
                "a study writes its result when it ends"
            )
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path}: cannot read it: {getattr(error, 'strerror', None) or error}") from None
    if len(content) > _LARGEST:
        raise UserError(f"{path}: expected the result of a study, got more than {_LARGEST >> 20} MiB")
    return content


def _in_mlflow(run_id: str, tracking_uri: str) -> tuple[StoredStudy, str | None]:
    """The study of a run, and the loss if it is a loss's."""
    with open_server(tracking_uri) as client:
        run = client.get_run(run_id)
        parent = run.data.tags.get("mlflow.parentRunId")
        name = None if parent is None else run.data.params.get("name")
        study_id = parent or run_id
        if _RESULT not in {file.path for file in client.list_artifacts(study_id)}:
            raise UserError(f"--run {run_id}: this run has no {_RESULT}; a study writes it when it ends")
        content = Path(client.download_artifacts(study_id, _RESULT)).read_bytes()
    return StoredStudy.parse(content, f"run {run_id}"), name
