"""Whether a study goes on, begins anew or is finished, and that nobody else is at it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from studies.storage.checkpoints import Checkpoints
from studies.storage.locking import alone_in
from studies.storage.output import OutputFolder

_log = logging.getLogger(__name__)


@contextmanager
def own_folder(path: Path) -> Iterator[OutputFolder]:
    """A folder in which no other process works within the block; taken back if the block fails and left it empty.

    Raises:
        UserError: another process works there, or it cannot be written.
    """
    folder = OutputFolder(path)
    with alone_in(path):
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


def begin_anew(folder: OutputFolder, checkpoints: Checkpoints) -> None:
    """Make room for a study: checkpoints of an unfinished one are set aside, not lost.

    Args:
        folder: of the study.
        checkpoints: in a folder within it.

    Raises:
        UserError: they cannot be moved.
    """
    if checkpoints.exist:
        aside = folder.set_aside(checkpoints.path.name)
        _log.warning("warning: an unfinished study lay here, --resume would go on; its checkpoints are in %s", aside)


def finished_result(path: Path, settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a study of these settings wrote at its end; None if there is no such file."""
    try:
        if not path.is_file():  # a pipe would be waited for without end
            return None
        result = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    same = isinstance(result, dict) and result.get("settings") == json.loads(json.dumps(settings))
    return result if same else None
