"""Writing results: to a temporary name, synced, then renamed."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.errors import UserError
from core.seeding import derive_seed

#: Names of folders are cut here; most file systems take 255 bytes.
_LONGEST_NAME = 150


def folder_name(text: str) -> str:
    """A text as the name of a folder: what no name should hold becomes a dash."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", text)
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}-{derive_seed(text):x}"


def plain(value: Any) -> Any:
    """The value as JSON can write it: None for every number that is not finite, tuples as lists."""
    if isinstance(value, Mapping):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


#: What a study leaves in its folder, beside the loss in every form.
RESULT, HISTORY, REPORT, MODEL = "result.json", "history.json", "report.html", "model"
#: What files are called until they are whole.
_UNFINISHED = ".unfinished"


class OutputFolder:
    """The folder of a study, tried out before anything runs.

    Args:
        path: made if it is not there.
        asked: the option that named it, for messages.

    Raises:
        UserError: it cannot be made or written.
    """

    def __init__(self, path: Path, asked: str | None = None) -> None:
        self.path = path
        self._made = [folder for folder in (path, *path.parents) if not folder.exists()]
        try:
            path.mkdir(parents=True, exist_ok=True)
            trial = path / f".trial.{os.getpid()}{_UNFINISHED}"
            trial.touch()
            trial.unlink()
        except OSError as error:
            self.withdraw()
            raise UserError(f"{asked or f'--out {path}'}: cannot write there: {error.strerror or error}") from None

    def withdraw(self) -> None:
        """Take back the folders that were made, as far as they are still empty."""
        for folder in self._made:
            with contextlib.suppress(OSError):
                folder.rmdir()

    def sweep(self) -> None:
        """Remove what killed processes did not write to its end; only where no other one is at work."""
        for path in self.path.iterdir():
            if path.name.startswith(".") and path.name.endswith(_UNFINISHED):
                self.remove(path.name)

    def remove(self, name: str) -> None:
        """Remove a file, or a folder with all that is in it, if it is there."""
        path = self.path / name
        with contextlib.suppress(OSError):
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def write_json(self, name: str, content: Mapping[str, Any]) -> Path:
        """Write a JSON file, see `write`."""
        return self.write(name, (json.dumps(content, indent=2, allow_nan=False) + "\n").encode())

    def write(self, name: str, content: bytes) -> Path:
        """Write a file whole or not at all; one of the same name from before stays until then.

        Raises:
            UserError: the disk is full, or the folder cannot be written any more.
        """
        path, temporary = self.path / name, self.path / f".{name}.{os.getpid()}{_UNFINISHED}"
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
            _sync(self.path)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise UserError(f"{path}: cannot write it: {error.strerror or error}") from None
        return path


def csv_of(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows with the same names, at least one, as a CSV file; nothing where there is None."""
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()


def write_file(path: Path, content: bytes, asked: str = "--out") -> None:
    """Write one file, whole or not at all, into a folder that is there.

    Args:
        path: of the file.
        content: of the file.
        asked: the option that named it, for messages.

    Raises:
        UserError: it cannot be written there.
    """
    try:
        if path.exists() and not path.is_file():
            raise UserError(f"{asked} {path}: expected the name of a file, got a folder or a device")
        if not path.parent.is_dir():
            raise UserError(f"{asked} {path}: there is no folder {path.parent}; make it first")
    except OSError as error:  # no file can have such a name
        raise UserError(f"{asked} {path}: cannot write there: {error.strerror or error}") from None
    OutputFolder(path.parent, f"{asked} {path}").write(path.name, content)


def _sync(folder: Path) -> None:
    """Make the names in a folder last, where its file system can."""
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
