"""One process at a time in a folder, whatever it is called there.

The lock lies on the folder itself: other names of it (links, `a/../a`), other temporary folders and other users meet
the same lock, and it ends with its process, however that ends. File systems of other machines cannot lock a folder;
there it lies on a file within, which stays.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from core.common.errors import UserError
from studies.storage.output import OutputFolder

_log = logging.getLogger(__name__)
_FILE = ".loss-search.lock"
_MADE = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
_EVERY = 0.05  # seconds between two looks whether it is one's turn


@contextmanager
def own_folder(path: Path) -> Iterator[OutputFolder]:
    """A folder in which no other process works within the block; taken back if the block fails and left it empty.

    Args:
        path: made if it is not there.

    Raises:
        UserError: another process works there, or it cannot be written.
    """
    folder = OutputFolder(path)
    try:
        number = _locked_folder(path)
    except BlockingIOError:
        raise UserError(f"{path}: another process is at work there; wait for it, or give another --out") from None
    except OSError as error:
        raise UserError(f"--out {path}: cannot write there: {error.strerror or error}") from None
    try:
        folder.sweep()
        yield folder
    except BaseException:
        folder.withdraw()
        raise
    finally:
        os.close(number)


@contextmanager
def in_turn(path: Path, patience: float) -> Iterator[None]:
    """One process at a time is within the block; the others wait.

    Args:
        path: a file that is there only meanwhile, in a folder that is there.
        patience: seconds to wait.

    Raises:
        TimeoutError: the one within takes longer.
        OSError: the file cannot be made, or not be locked.
    """
    until = time.monotonic() + patience
    while (number := _turn(path)) is None:
        if time.monotonic() > until:
            raise TimeoutError(f"{path} is locked for {patience:g} seconds")
        time.sleep(_EVERY)
    try:
        yield
    finally:
        if not os.fstat(number).st_size:  # else it is somebody's own of that name
            path.unlink(missing_ok=True)
        os.close(number)


def _turn(path: Path) -> int | None:
    """The open file, locked; None if another process has it, or took it away meanwhile."""
    with suppress(BlockingIOError):
        return _locked(path, _MADE)
    return None


def _locked_folder(folder: Path) -> int:
    """An open folder, or file in it, that is locked as long as it is open.

    Raises:
        BlockingIOError: it is locked already.
        OSError: it cannot be opened.
    """
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            number = _locked(folder, os.O_RDONLY | os.O_DIRECTORY)
        except (BlockingIOError, PermissionError):
            raise
        except OSError:
            return _locked_file(folder / _FILE)
        if number is not None:  # else whoever had it took the folder back: there may be another one of that name
            return number


def _locked_file(path: Path) -> int:
    number = os.open(path, _MADE | os.O_CLOEXEC, 0o666)
    try:
        _lock(number)
    except BlockingIOError:
        os.close(number)
        raise
    except OSError as error:
        _log.warning("warning: %s: this file system has no locks (%s); run one command at a time", path, error.strerror)
    return number


def _locked(path: Path, how: int) -> int | None:
    """An open file or folder, locked as long as it is open; None if it has lost its name to another one meanwhile.

    Raises:
        BlockingIOError: it is locked already.
        OSError: it cannot be opened or locked.
    """
    number = os.open(path, how | os.O_CLOEXEC, 0o666)
    try:
        _lock(number)
        if os.path.samestat(os.fstat(number), path.stat()):
            return number
    except FileNotFoundError:
        pass
    except BaseException:
        os.close(number)
        raise
    os.close(number)
    return None


def _lock(number: int) -> None:
    fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
