"""How a database is made: by one process at a time, and a SQLite file whole or not at all.

Libraries make dozens of tables one after the other, and cannot go on where they were stopped. So a SQLite file is made
in a folder beside its place and gets its name when all tables are there, whatever ends the process meanwhile.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from core.common.errors import UserError
from studies.storage.locking import in_turn
from studies.tracking.databases import check_ours, check_usable, holds_something, sqlite_file

#: Beside a database while it is made, so that whoever calls it otherwise or has another temporary folder waits, too.
_LOCK = ".loss-search-database.lock"
#: What a folder in which one is made is called; `studies.storage.ledger.UNFINISHED` knows such names.
_WORK = ".loss-search-database."
_PATIENCE = 120.0  # seconds; making all tables takes some
#: What SQLite keeps beside a database, and would take for a part of a new one of that name.
_BESIDE = ("-journal", "-wal")


@contextmanager
def setting_up(
    option: str, url: str, library: str, tables: frozenset[str], make: Callable[[str], object]
) -> Iterator[None]:
    """Within the block a database is there if it is a SQLite file, and otherwise may be made by one process at a time.

    Args:
        option: that named it.
        url: of the database.
        library: whose databases are meant.
        tables: that those have.
        make: makes all tables in the SQLite file of a URL, which is not there yet, and leaves it closed.

    Raises:
        UserError: another process takes too long, or see `check_ours`.
        OSError: the file cannot be used or made; the text says why.
    """
    check_usable(url, to_write=True)
    path = sqlite_file(url)
    with ExitStack() as stack:
        is_alone = True
        try:
            stack.enter_context(in_turn(_lock_file(path, url), _PATIENCE))
        except TimeoutError:
            raise UserError(
                f"{option}: another process has been making this database for {_PATIENCE:g} seconds; end it or wait"
            ) from None
        except OSError:  # no locks there, or told by whoever makes the database, if one must be made
            is_alone = False
        check_ours(option, url, library, tables)
        if path is not None:
            if is_alone:
                _sweep(path.resolve().parent)
            if not holds_something(path):
                _make_whole(path.resolve(), make)
        yield


def _lock_file(path: Path | None, url: str) -> Path:
    if path is not None:
        return path.resolve().parent / _LOCK
    digest = hashlib.sha256(url.encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"loss-search-{os.getuid()}-{digest}.lock"


def _sweep(folder: Path) -> None:
    """Remove what killed processes left."""
    for one in folder.glob(f"{_WORK}*.unfinished"):
        shutil.rmtree(one, ignore_errors=True)


def _make_whole(path: Path, make: Callable[[str], object]) -> None:
    for end in _BESIDE:
        if path.with_name(path.name + end).exists():
            raise OSError(f"{path.name}{end} lies there without its database; move it away")
    try:
        work = Path(tempfile.mkdtemp(f".{os.getpid()}.unfinished", _WORK, path.parent))
    except OSError as error:
        raise OSError(f"no file can be made there: {error.strerror or error}") from None
    from sqlalchemy.engine import URL

    try:
        made = work / "made.db"
        make(URL.create("sqlite", database=str(made)).render_as_string())
        if not holds_something(path):  # else another program was first
            if path.exists():
                made.chmod(path.stat().st_mode)
            os.replace(made, path)
    finally:
        shutil.rmtree(work, ignore_errors=True)
