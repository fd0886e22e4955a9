"""Where Optuna keeps the trials: a journal file that several processes may share, or any server that Optuna knows."""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock

from core.common.errors import UserError, first_line
from core.common.extras import needs_driver
from core.common.secrets import masked_url, remember
from studies.common.processes import ends_uncovered
from studies.tracking.databases import OPTUNA, setting_up
from studies.tuning.claiming import check_journal, locks_of

#: Seconds after which a lock counts as left behind by a killed process; whoever waits holds the inner lock by then.
_STALE_AFTER = 3
#: What a server says to whoever makes the tables of an empty database while another one does, and seconds to wait.
_RACES, _WAITS = ("IntegrityError", "ProgrammingError"), (0.5, 2.0)


class _Journal(JournalFileBackend):
    """Optuna's journal file, which a kill or a full disk leaves readable.

    What was written of a line that is not whole would make the file unreadable for ever.
    """

    def __init__(self, path: Path) -> None:
        # Absolute: Optuna's lock is a link to the file, and a link that leads nowhere is waited for without end.
        self._path = path.absolute()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            lock = JournalFileSymlinkLock(str(self._path), grace_period=_STALE_AFTER)
        super().__init__(str(self._path), lock)
        # The system frees this one when its process ends, however that ends.
        self._alone = FileLock(locks_of(self._path)[1])

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """See JournalFileBackend."""
        with self._alone:
            size = self._mended()
            try:
                super().append_logs(logs)
            except OSError:
                with suppress(OSError):
                    os.truncate(self._path, size)
                raise

    def _mended(self) -> int:
        """The size of the file, after cutting off what a killed process did not write to its end."""
        with self._path.open("rb+") as file:
            size = file.seek(0, os.SEEK_END)
            if size:
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    file.seek(0)
                    size = file.read().rfind(b"\n") + 1
                    file.truncate(size)
        return size


def open_storage(url: str | None, journal: Path) -> BaseStorage:
    """The storage of this URL, or the journal in this file.

    Raises:
        UserError: it cannot be reached, what it needs is not installed, or a file is there that is something else.
    """
    optuna.logging.set_verbosity(logging.ERROR)
    if url is not None:
        needs_driver("--storage", url)
    with reaching_storage(url or str(journal)):
        if url is None:
            check_journal(journal)
            return JournalStorage(_Journal(journal))
        with setting_up("--storage", url, "Optuna", OPTUNA, _make):
            return _made(url)


def _make(url: str) -> None:
    """All tables of Optuna's."""
    storage = RDBStorage(url)
    storage.remove_session()
    storage.engine.dispose()


def _made(url: str) -> BaseStorage:
    for wait in _WAITS:
        try:
            return optuna.storages.get_storage(url)
        except Exception as error:  # SQLAlchemy's, which is loaded only where it is needed
            if type(error).__name__ not in _RACES:
                raise
            time.sleep(wait)
    return optuna.storages.get_storage(url)


@contextmanager
def reaching_storage(place: str) -> Iterator[None]:
    """Whatever a storage raises in this block, as a line that a person can use.

    Args:
        place: URL or folder of the storage.
    """
    remember(place, os.environ)
    try:
        with ends_uncovered():
            yield
    except UserError:
        raise
    except Exception as error:  # a disk, a database driver or the network
        raise UserError(
            f"--storage {masked_url(place)}: cannot use it: {first_line(error)[:300]}; what is finished is kept, "
            "and the same command goes on when the storage is there again"
        ) from None
