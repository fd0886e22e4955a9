"""Results of tasks in a folder, a file each, and arrays that take minutes to make."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from core.common.errors import UserError
from studies.execution.task import ARRAYS, CHECKPOINTS, NAMES, Result, Task, code, digest_of
from studies.storage.output import OutputFolder

_NAME = re.compile(r".*-([0-9a-f]{12})-([0-9a-f]{12})\.json")


class ResultCache:
    """Where results are kept.

    Args:
        path: made if it is not there; nobody else's files may be in it, and no other process at work.
        accept_other_code: whether a result that other code made is as good as today's.

    Raises:
        UserError: the folder cannot be made or written, or holds something else.
    """

    def __init__(self, path: Path, accept_other_code: bool = False) -> None:
        self.accepts_other_code = accept_other_code
        self._folder = OutputFolder(path, patterns=(NAMES, f"{NAMES}{CHECKPOINTS}", ARRAYS))
        self._folder.sweep()
        self._others: dict[str, list[Path]] = {}  # digest of a task -> its files by other code, the newest last
        for file in sorted(path.iterdir(), key=lambda one: (one.lstat().st_mtime_ns, one.name)):
            match = _NAME.fullmatch(file.name)
            if match is not None and match[2] != code():
                self._others.setdefault(match[1], []).append(file)

    @property
    def path(self) -> Path:
        """Where it is."""
        return self._folder.path

    def has_other(self, task: Task) -> bool:
        """Whether other code computed this task, and today's did not."""
        return task.digest in self._others and not (self.path / task.file).exists()

    def read(self, task: Task) -> Result | None:
        """Read what was found before.

        Returns:
            What today's code found, or, where that is accepted, other code; None if there is nothing, or nothing whole.
        """
        others = self._others.get(task.digest, []) if self.accepts_other_code else []
        found = (_read(path, task.kind) for path in (self.path / task.file, *reversed(others)))
        return next((stored for stored in found if stored is not None), None)

    def write(self, task: Task, result: Mapping[str, Any]) -> Result:
        """Keep a result.

        Returns:
            The result as it will be read.

        Raises:
            UserError: the disk is full.
        """
        self._folder.write_json(task.file, {"kind": task.kind, "label": task.label, **result})
        stored = _read(self.path / task.file, task.kind)
        if stored is None:
            raise UserError(f"{self.path / task.file}: cannot be read back; is the disk failing?")
        return stored

    def arrays(
        self, name: str, content: Mapping[str, Any], make: Callable[[], Mapping[str, np.ndarray]]
    ) -> Mapping[str, np.ndarray]:
        """Return arrays by name: those that today's code made of the same content before, or new ones, which are kept.

        Args:
            name: what a person calls them.
            content: everything that they depend on but the code: plain data.
            make: makes them.
        """
        file = f"{name}-{digest_of([name, content])}-{code()}.npz"
        try:
            with np.load(io.BytesIO((self.path / file).read_bytes()), allow_pickle=False) as stored:
                return dict(stored)
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
            made, packed = make(), io.BytesIO()
            np.savez_compressed(packed, allow_pickle=False, **made)
            self._folder.write(file, packed.getvalue())
            return made

    def withdraw(self) -> None:
        """Remove the folder if nothing was written."""
        self._folder.withdraw()


def _read(path: Path, kind: str) -> Result | None:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return stored if isinstance(stored, dict) and stored.get("kind") == kind else None
