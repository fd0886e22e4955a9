"""What this product wrote into a folder: nothing else that lies there is ever replaced, moved or removed.

A hidden file in the folder has a line for everything that was written, a JSON list of its name and digest. Lines are
only added, each before what it tells of is there, so that neither a kill nor a second process makes a file of ours
look like somebody else's. A file that a person has changed since has another digest, and is theirs. Folders that we
began ourselves have patterns of names in place of digests: a file that a person puts there stays theirs.

Files and folders appear and vanish whole: of other names until they are written, and once they are removed.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import stat
from contextlib import suppress
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

#: The hidden file.
LEDGER = ".loss-search"
#: The digest of what may hold anything: a file that grows, all files of a pattern.
ANYTHING = "*"
#: What files and folders of ours are called until they are whole, and folders from when they are removed.
UNFINISHED = re.compile(r"\.loss-search-.+\.\d+\.unfinished", re.DOTALL)
_HEAD = b'["what loss-search wrote in this folder, by SHA-256; it replaces and removes nothing else", 1]\n'
#: Names are cut here; most file systems take 255 bytes.
LONGEST_NAME = 150
#: The name of an entry that says that we began the folder.
FOLDER_ITSELF = "."
#: Python and MLflow leave such folders beside the code of a model that was loaded.
_CACHE = "__pycache__"


class Ledger:
    """What was written into one folder.

    Args:
        folder: need not be there yet.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._path = folder, folder / LEDGER

    @cached_property
    def _written(self) -> dict[str, set[str]]:
        """Name -> the digests of all that it ever was."""
        try:
            with open(self._open(os.O_RDONLY), "rb") as file:
                content = file.read()
        except OSError:
            return {}
        written = dict[str, set[str]]()
        for line in content.removeprefix(_HEAD).splitlines() if content.startswith(_HEAD) else ():
            with suppress(ValueError, TypeError, RecursionError):  # what a kill or a full disk left of a line
                name, digest = json.loads(line)
                if isinstance(name, str) and isinstance(digest, str):
                    written.setdefault(name, set()).add(digest)
                    if not digest:
                        del written[name]
        return written

    def check(self) -> None:
        """Make sure that it can be written to.

        Raises:
            OSError: somebody else's file has its name, or it may not be written.
        """
        with suppress(FileNotFoundError):
            os.close(self._open(os.O_RDWR))

    def _open(self, how: int) -> int:
        """The open file: no link, and no pipe, which would be waited for without end."""
        number = os.open(self._path, how | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
        its = os.fstat(number)
        if stat.S_ISREG(its.st_mode) and (its.st_size == 0 or os.pread(number, len(_HEAD), 0) == _HEAD):
            return number
        os.close(number)
        raise OSError(None, f"{self._path} is not a file of loss-search's; move it away")

    @property
    def is_begun(self) -> bool:
        """Whether we began the folder ourselves."""
        return ANYTHING in self._written.get(FOLDER_ITSELF, ())

    def strangers(self) -> list[Path]:
        """What lies in a folder that we began and is not ours, however deep.

        Raises:
            OSError: it cannot be looked into.
        """
        found = []
        for path in sorted(self._folder.iterdir()):
            if path.name == LEDGER or UNFINISHED.fullmatch(path.name):
                continue
            if path.is_symlink() or not self._is_named(path.name):
                found.append(path)
            elif path.is_dir():
                found += Ledger(path).strangers()
        return found

    def _is_named(self, name: str) -> bool:
        """Whether files of this name are ours, whatever is in them."""
        return any(ANYTHING in digests and fnmatchcase(name, known) for known, digests in self._written.items())

    def is_ours(self, name: str) -> bool:
        """Whether what has this name may be replaced: it is not there, or as this product wrote it.

        Raises:
            OSError: it cannot be looked at, or no file can have this name.
        """
        if self._is_ours(name):
            return True
        self.__dict__.pop("_written", None)  # another command may have written here since it was read
        return self._is_ours(name)

    def _is_ours(self, name: str) -> bool:
        path = self._folder / name
        try:
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                return False
            if stat.S_ISDIR(mode) and (holds_nothing(path) or Ledger(path).is_begun):
                return True
            digests = self._written.get(name, set())
            return self._is_named(name) or (bool(digests) and digest_at(path) in digests)
        except FileNotFoundError:
            return True
        except ValueError as error:  # a zero in its name
            raise OSError(None, str(error)) from None

    def add(self, name: str, digest: str) -> None:
        """Tell that a name will be of this digest.

        Raises:
            OSError: the disk is full, or the folder cannot be written.
        """
        if not self._written.get(name, set()).isdisjoint((digest, ANYTHING)):
            return
        self._append(name, digest)
        self._written.setdefault(name, set()).add(digest)

    def forget(self, name: str) -> None:
        """Tell that nothing of this name is ours any more."""
        if self._written.pop(name, None):
            with suppress(OSError):
                self._append(name, "")

    def _append(self, name: str, digest: str) -> None:
        number = self._open(os.O_RDWR | os.O_CREAT | os.O_APPEND)
        with os.fdopen(number, "rb+", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            is_torn = size > 0 and os.pread(number, 1, size - 1) != b"\n"
            line = b"\n" * is_torn + json.dumps([name, digest]).encode() + b"\n"
            try:
                _write_all(number, (b"" if size else _HEAD) + line)
                os.fsync(number)
            except OSError:
                os.ftruncate(number, size)
                raise


def holds_nothing(folder: Path) -> bool:
    """Whether nothing is in a folder but what a kill left of files of ours.

    Raises:
        OSError: it cannot be looked into.
    """
    names = [one.name for one in folder.iterdir() if not UNFINISHED.fullmatch(one.name)]
    if names == [LEDGER]:
        Ledger(folder).check()
    return names in ([], [LEDGER])


def digest_of_folder(path: Path) -> str:
    """Of the names and contents of all files in a folder."""
    digest = hashlib.sha256()
    for folder, names, files in os.walk(path):
        names[:] = sorted(name for name in names if name != _CACHE)
        for name in sorted(files):
            inner = Path(folder) / name
            digest.update(f"{inner.relative_to(path).as_posix()}\0{digest_at(inner)}\n".encode())
        links = [name for name in names if (Path(folder) / name).is_symlink()]  # we write none
        digest.update("".join(f"{name}\0link\n" for name in links).encode())
    return digest.hexdigest()


def digest_at(path: Path) -> str:
    """Of a file or a folder; empty for links and devices, of which we write none."""
    mode = path.lstat().st_mode
    if stat.S_ISDIR(mode):
        return digest_of_folder(path)
    if not stat.S_ISREG(mode):
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_all(number: int, content: bytes) -> None:
    while content:
        content = content[os.write(number, content) :]


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
    with suppress(OSError):
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def write_synced(path: Path, content: bytes) -> None:
    """Write a file, and wait until the disk has it."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_names(folder: Path) -> None:
    """Make the names in a folder last, where its file system can."""
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
