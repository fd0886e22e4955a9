"""Whether a study goes on, begins anew or is finished, and that nobody else is at it."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from core.errors import UserError
from studies.keeping.checkpoints import Checkpoints
from studies.output import OutputFolder

_log = logging.getLogger(__name__)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """No other process of this machine works in the folder within the block.

    Raises:
        UserError: one does.
    """
    digest = hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:16]
    lock = FileLock(Path(tempfile.gettempdir()) / f"loss-search-{os.getuid()}-{digest}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(f"{folder}: another process is at work there; wait for it, or give another --out") from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def own_folder(path: Path) -> Iterator[OutputFolder]:
    """A folder in which no other process works within the block; taken back if the block fails and left it empty.

    Raises:
        UserError: another process works there, or it cannot be written.
    """
    with alone_in(path):
        folder = OutputFolder(path)
        folder.sweep()
        try:
            yield folder
        except BaseException:
            folder.withdraw()
            raise


def stored_state(checkpoints: Checkpoints) -> dict[str, Any] | None:
    """The state to go on from; None to begin at the beginning.

    Raises:
        UserError: the checkpoints are those of another study.
    """
    state = checkpoints.load()
    if state is None and checkpoints.exist:
        _log.warning("warning: no checkpoint in %s is whole; the study begins anew", checkpoints.path)
    return state


def begin_anew(checkpoints: Checkpoints) -> None:
    """Make room for a study: checkpoints of an unfinished one are set aside, not lost.

    Raises:
        UserError: they cannot be moved.
    """
    if checkpoints.exist:
        aside = set_aside(checkpoints.path)
        _log.warning("warning: an unfinished study lay here, --resume would go on; its checkpoints are in %s", aside)


def finished_result(path: Path, settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a study of these settings wrote at its end; None if there is no such file."""
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    same = isinstance(result, dict) and result.get("settings") == json.loads(json.dumps(settings))
    return result if same else None


def set_aside(path: Path) -> Path:
    """Move a file or folder out of the way; one that was set aside before is gone.

    Returns:
        Where it is now; there may have been nothing to move.

    Raises:
        UserError: it cannot be moved.
    """
    aside = path.with_name(f"{path.name}.before")
    try:
        if path.exists():
            if aside.is_dir():
                shutil.rmtree(aside)
            path.rename(aside)
    except OSError as error:
        raise UserError(f"{path}: cannot set it aside: {error.strerror}; remove it") from None
    return aside
