"""Writing results: to a temporary name, synced, then renamed."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from core.common.errors import UserError
from core.common.seeding import derive_seed
from recommenders.data.opening import is_folder
from studies.storage.ledger import (
    ANYTHING,
    FOLDER_ITSELF,
    LEDGER,
    LONGEST_NAME,
    UNFINISHED,
    Ledger,
    delete,
    digest_at,
    discard,
    holds_nothing,
    sync_names,
    unfinished,
    write_synced,
)


def folder_name(text: str) -> str:
    """A text as the name of a folder: what no name should hold becomes a dash."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", text)
    return name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}-{derive_seed(text):x}"


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


class OutputFolder:
    """A folder to write to, tried out before anything runs. What others put there is never replaced or removed.

    Args:
        path: made if it is not there.
        asked: the option that named it, for messages.
        patterns: of all names that we write there, in a folder that we begin: it has to be new or empty at first, and
            files of these names are ours, whatever is in them.

    Raises:
        UserError: it cannot be made or written, or should be begun and holds something.
    """

    def __init__(self, path: Path, asked: str | None = None, *, patterns: Sequence[str] = ()) -> None:
        self.path, self._asked, self._begun = path, asked or f"--out {path}", bool(patterns)
        self._made, self._marked, self._ledger = list[Path](), False, Ledger(path)
        try:
            there = next((one for one in (path, *path.parents) if one.exists()), path)
            if there.exists() and not there.is_dir():
                raise UserError(f"{self._asked}: expected a folder, got the file {there}; give another name")
            self._made = [folder for folder in (path, *path.parents) if not folder.exists()]
            path.mkdir(parents=True, exist_ok=True)
            trial = unfinished(path / "trial")
            trial.touch()
            trial.unlink()
            self._ledger.check()
            if patterns and not self._ledger.is_begun:
                self._begin(patterns)
        except (OSError, ValueError) as error:
            self.withdraw()
            if isinstance(error, UserError):
                raise
            raise UserError(f"{self._asked}: cannot write there: {getattr(error, 'strerror', None) or error}") from None

    def _begin(self, patterns: Sequence[str]) -> None:
        """Take an empty folder as ours."""
        if not holds_nothing(self.path):
            raise UserError(f"{self._asked}: {_foreign(self.path)}")
        for pattern in (*patterns, FOLDER_ITSELF):
            self._ledger.add(pattern, ANYTHING)
        self._marked = True

    def withdraw(self) -> None:
        """Take back the folders that were made, as far as they are still empty."""
        with contextlib.suppress(OSError, ValueError):
            if (self._marked or self.path in self._made) and [one.name for one in self.path.iterdir()] == [LEDGER]:
                (self.path / LEDGER).unlink()
        for folder in self._made:
            with contextlib.suppress(OSError, ValueError):
                folder.rmdir()

    def sweep(self) -> None:
        """Remove what killed processes did not write to its end; only where no other one is at work."""
        for path in self.path.iterdir():
            if UNFINISHED.fullmatch(path.name):
                delete(path)

    def claim(self, *names: str) -> None:
        """Make sure that nothing of these names is somebody else's, before anything is done.

        Args:
            names: of what will be written; a star stands for any text.

        Raises:
            UserError: one is there that this product did not write, or that was changed since.
        """
        for name in names:
            matching = (path.name for path in self.path.iterdir() if fnmatchcase(path.name, name))
            for there in sorted(matching) if "*" in name else (name,):
                try:
                    if self._ledger.is_ours(there):
                        continue
                    problem = _foreign(self.path / there)
                except OSError as error:
                    problem = f"cannot write there: {error.strerror}"
                self.withdraw()
                raise UserError(f"{self._asked}: {problem}")

    def remove(self, name: str) -> None:
        """Remove a file or folder, if it is there and ours; what is not ours within the folder stays."""
        with contextlib.suppress(OSError):
            if self._ledger.is_ours(name):
                discard(self.path / name)
                self._ledger.forget(name)

    def set_aside(self, name: str) -> Path:
        """Move a file or folder out of the way; one that was set aside before is gone.

        Returns:
            Where it is now; there may have been nothing to move.

        Raises:
            UserError: it is not ours, or cannot be moved.
        """
        path, aside = self.path / name, f"{name}.before"
        self.claim(name, aside)
        try:
            if path.exists():
                self.remove(aside)
                if not path.is_dir():  # such a folder tells by itself that it is ours
                    self._ledger.add(aside, digest_at(path))
                path.rename(self.path / aside)
                self._ledger.forget(name)
        except OSError as error:
            raise UserError(
                f"{path}: cannot set it aside as {aside}: {error.strerror or error}; move both away"
            ) from None
        return self.path / aside

    def growing(self, name: str) -> Path:
        """A file of ours that others append to.

        Raises:
            UserError: it is there and not ours, or the folder cannot be written.
        """
        self.claim(name)
        with self._writing(name):
            self._ledger.add(name, ANYTHING)
        return self.path / name

    def write_json(self, name: str, content: Mapping[str, Any]) -> Path:
        """Write a JSON file, see `write`."""
        with self.placing_json(name, content):
            return self.path / name

    def write(self, name: str, content: bytes) -> Path:
        """Write a file whole or not at all; one of the same name from before stays until then.

        Raises:
            UserError: the disk is full, the folder cannot be written any more, or holds a file of this name that is
                not ours.
        """
        with self._placing(name, lambda path: write_synced(path, content)):
            return self.path / name

    def placing_json(self, name: str, content: Mapping[str, Any]) -> AbstractContextManager[None]:
        """Write a JSON file that gets its name after the block: as long as it is not there, the block is not done.

        An error in the block costs nothing of it, a signal does.

        Raises:
            UserError: as `write`, before the block.
        """
        written = (json.dumps(content, indent=2, allow_nan=False) + "\n").encode()
        return self._placing(name, lambda path: write_synced(path, written))

    def write_folder(self, name: str, make: Callable[[Path], None]) -> Path:
        """Make a folder whole or not at all; one of the same name from before stays until then.

        Args:
            name: of the folder.
            make: fills a folder that is not there yet.

        Raises:
            UserError: as `write`; and whatever `make` raises.
        """
        with self._placing(name, make):
            return self.path / name

    @contextlib.contextmanager
    def _placing(self, name: str, make: Callable[[Path], None]) -> Iterator[None]:
        """Make something under a temporary name, and give it its name after the block."""
        self.claim(name)
        temporary = unfinished(self.path / name)
        try:
            with self._writing(name):
                make(temporary)
                if not self._begun:
                    self._ledger.add(name, digest_at(temporary))
            try:
                yield
            except Exception:
                self._place(temporary, name)
                raise
            self._place(temporary, name)
        finally:
            delete(temporary)

    def _place(self, temporary: Path, name: str) -> None:
        with self._writing(name):
            if (self.path / name).is_dir():
                discard(self.path / name)  # nothing is renamed over a folder
            os.replace(temporary, self.path / name)
            sync_names(self.path)

    @contextlib.contextmanager
    def _writing(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UserError(f"{self.path / name}: cannot write it: {error.strerror or error}") from None


def _foreign(path: Path) -> str:
    what = f"{path} was" if path.is_symlink() or not is_folder(path) else f"the folder {path} holds files that were"
    return (
        f"{what} not written by loss-search, or changed since; nothing was touched: move it away or give another name"
    )


def csv_of(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows with the same names, at least one, as a CSV file; nothing where there is None."""
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()


def write_file(path: Path, content: bytes) -> None:
    """Write one file, whole or not at all, into a folder that is there.

    Raises:
        UserError: it cannot be written there, or one of this name is there that is not ours.
    """
    asked = f"--out {path}"
    try:
        if path.exists() and not path.is_file():
            raise UserError(f"{asked}: expected the name of a file, got a folder or a device")
        if not path.parent.is_dir():
            raise UserError(f"{asked}: there is no folder {path.parent}; make it first")
    except OSError as error:  # no file can have such a name
        raise UserError(f"{asked}: cannot write there: {error.strerror or error}") from None
    OutputFolder(path.parent, asked).write(path.name, content)
