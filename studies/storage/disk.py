"""Files and folders appear and vanish whole: of other names until they are written, and once they are removed."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from pathlib import Path

from studies.storage.ledger import LEDGER, Ledger

#: Names are cut here; most file systems take 255 bytes.
LONGEST_NAME = 150


def discard(path: Path) -> None:
    """Remove a file or folder that is ours: at once, so that a kill leaves no part that looks foreign.

    Raises:
        OSError: it cannot be removed; or it is a folder that we began and somebody put something into: that stays.
    """
    if not path.is_dir() or path.is_symlink():
        path.unlink(missing_ok=True)
        return
    ledger = Ledger(path)
    if ledger.is_begun and (strangers := ledger.strangers()):
        for one in path.iterdir():
            if one.name != LEDGER and not any(theirs.is_relative_to(one) for theirs in strangers):
                delete(one)
        raise OSError(errno.ENOTEMPTY, f"{strangers[0]} is not ours")
    gone = unfinished(path.with_name(f"old-{path.name}"))
    delete(gone)
    path.rename(gone)
    delete(gone)


def unfinished(path: Path) -> Path:
    """What a file or folder is called until it is whole; nobody else calls anything so."""
    short = path.name.encode()[:LONGEST_NAME].decode(errors="ignore")
    return path.with_name(f".loss-search-{short}.{os.getpid()}.unfinished")


def delete(path: Path) -> None:
    """A file, or a folder with all that is in it, if it is there."""
    with contextlib.suppress(OSError):
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def write_synced(path: Path, content: bytes) -> None:
    """Write a file, and wait until the disk has it."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_names(folder: Path) -> None:
    """Make the names in a folder last, where its file system can."""
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
