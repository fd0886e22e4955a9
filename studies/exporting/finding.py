"""Finding the result of a study: in its folder, or in MLflow by the id of a run."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.common.errors import UserError
from core.common.restoring import read, reading
from recommenders.data.opening import is_folder
from studies.exporting.stored import StoredStudy
from studies.storage.output import HISTORY, RESULT
from studies.tracking.server import open_server

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
    content, source, name = find_result(run, tracking_uri)
    return StoredStudy.parse(content, source), name


def find_result(run: str, tracking_uri: str) -> tuple[bytes, str, str | None]:
    """Find the result.json of a study or an evaluation.

    Args:
        run: as `find_study` takes it.
        tracking_uri: MLflow's database or server.

    Returns:
        Its bytes, where they are from, and the name of the loss where the run is that of one.

    Raises:
        UserError: there is none.
    """
    path = Path(run)
    if is_run_id(run):
        content, name = _in_mlflow(run, tracking_uri, RESULT)
        if content is None:
            raise UserError(f"--run {run}: this run has no {RESULT}; a study writes it when it ends")
        return content, f"run {run}", name
    return read_file(path / RESULT if is_folder(path) else path), str(path), None


def find_history(run: str, tracking_uri: str) -> Mapping[str, Any] | None:
    """What a study went through; None where that was not kept.

    Args:
        run: as `find_study` takes it.
        tracking_uri: MLflow's database or server.

    Raises:
        UserError: there is a history, but it cannot be read.
    """
    path = Path(run)
    if is_run_id(run):
        content, _ = _in_mlflow(run, tracking_uri, HISTORY)
    else:
        folder = path if is_folder(path) else path.parent
        path = folder / HISTORY
        content = read_file(path) if is_folder(folder) and path.exists() else None
    if content is None:
        return None
    with reading(f"{path}: expected the {HISTORY} of a study"):
        history: Mapping[str, Any] = read(dict[str, Any], json.loads(content))
    return history


def is_run_id(run: str) -> bool:
    """Whether this names a run in MLflow, and no folder."""
    return _RUN_ID.fullmatch(run) is not None and not Path(run).exists()


def read_file(path: Path) -> bytes:
    """The bytes of a file of a study.

    Raises:
        UserError: there is no such file, or it is none of ours.
    """
    try:
        content = None
        if path.is_file():
            with path.open("rb") as file:
                content = file.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot read it: {getattr(error, 'strerror', None) or error}") from None
    if content is None:
        there = f"a folder without {path.name}" if path.parent.is_dir() and path.name == RESULT else "no such file"
        raise UserError(
            f"--run {path}: expected the folder of a study or the id of a run in MLflow, got {there}; "
            "a study writes its result when it ends"
        )
    if len(content) > _LARGEST:
        raise UserError(f"{path}: expected the result of a study, got more than {_LARGEST >> 20} MiB")
    return content


def _in_mlflow(run_id: str, tracking_uri: str, name: str) -> tuple[bytes | None, str | None]:
    """A file of a study by its run or one of its losses', None if it has none of this name; and which loss it is."""
    with open_server(tracking_uri) as client:
        run = client.get_run(run_id)
        parent = run.data.tags.get("mlflow.parentRunId")
        study_id, loss = (run_id, None) if parent is None else (parent, run.data.params.get("name"))
        is_there = name in {file.path for file in client.list_artifacts(study_id)}
        return Path(client.download_artifacts(study_id, name)).read_bytes() if is_there else None, loss
