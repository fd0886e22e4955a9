"""Whose a SQLite file is, whether it can be used, and how it is made: by one process at a time, whole or not at all.

Libraries make dozens of tables one after the other in whatever they are given, and cannot go on where they were
stopped. So a SQLite file is made in a folder beside its place and gets its name when all tables are there, whatever
ends the process meanwhile.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from core.common.errors import UserError, in_a_line
from studies.storage.locking import in_turn

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

#: What each library's databases have.
MLFLOW = frozenset({"alembic_version", "experiments", "runs", "metrics", "params", "tags"})
OPTUNA = frozenset({"alembic_version", "studies", "trials", "study_user_attributes", "version_info"})
_SQLITE = "sqlite"
#: What SQLAlchemy reads as true.
_TRUE = ("true", "yes", "on", "y", "t", "1")
_SERVERS = ("postgresql", "mysql", "mssql")
#: Beside a database while it is made, so that whoever calls it otherwise or has another temporary folder waits, too.
_LOCK = ".loss-search-database.lock"
#: What a folder in which one is made is called; `studies.storage.ledger.UNFINISHED` knows such names.
_WORK = ".loss-search-database."
_PATIENCE = 120.0  # seconds; making all tables takes some
#: What SQLite keeps beside a database, and would take for a part of a new one of that name.
_BESIDE = ("-journal", "-wal")


def sqlite_file(url: str) -> Path | None:
    """The file that a SQLite URL means; None for other URLs, and for databases in memory."""
    parsed = _parsed(url)
    if parsed is None or parsed.get_backend_name() != _SQLITE:
        return None
    name = parsed.database or ""
    if name.startswith("file:") and str(parsed.query.get("uri", "")).lower() in _TRUE:
        name = "" if parsed.query.get("mode") == "memory" else unquote(urlsplit(name).path)
    return Path(name) if name and name != ":memory:" else None


def _parsed(url: str) -> URL | None:
    """None for what SQLAlchemy does not take for a URL: MLflow knows more of them."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        return None


def check_usable(url: str, *, to_write: bool) -> None:
    """Find out at once what MLflow would find out in two minutes, for it tries again and again.

    Args:
        url: of a database; others pass. A SQLite file may be missing.
        to_write: whether it will be written.

    Raises:
        OSError: it cannot be used; the text says why.
        Exception: whatever a driver raises.
    """
    parsed, path = _parsed(url), sqlite_file(url)
    if parsed is None:
        return
    if parsed.get_backend_name() == _SQLITE:
        parsed.get_dialect()().create_connect_args(parsed)
        if path is None:
            raise OSError("expected a database in a file, got one in memory, at which nobody could look afterwards")
        _check_file(path, to_write)
    elif parsed.get_backend_name() in _SERVERS:
        from sqlalchemy import create_engine

        engine = create_engine(parsed)
        try:
            engine.connect().close()
        finally:
            engine.dispose()


def _check_file(path: Path, to_write: bool) -> None:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise OSError("expected a file, got a folder, a pipe or a device")
        # Not opened: closing it would take SQLite's locks on it away from the rest of this process.
        if not os.access(path, os.R_OK | (os.W_OK if to_write else 0), effective_ids=True):
            raise OSError("Permission denied, or a file system that is read only")
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:  # also no name that a file can have
        raise OSError(getattr(error, "strerror", None) or str(error)) from None


def holds_something(path: Path) -> bool:
    """Whether there is something in the file: libraries would make their tables in an empty one."""
    try:
        return path.stat().st_size > 0
    except (OSError, ValueError):
        return False


def check_ours(option: str, url: str, library: str, tables: frozenset[str]) -> None:
    """Refuse a SQLite file that holds something else, before anything is written to it.

    Args:
        option: that named it.
        url: of a database; only those in SQLite files are looked at.
        library: whose databases are meant.
        tables: that those have.

    Raises:
        UserError: the file holds other tables, or is none of SQLite's.
    """
    path = sqlite_file(url)
    if path is None:
        return
    try:
        if not path.is_file() or path.stat().st_size == 0:
            return
        there = _tables(path)
    except (OSError, sqlite3.OperationalError):  # locked, or may not be read: told by whoever uses it
        return
    except sqlite3.DatabaseError:
        raise _not_ours(option, path, library, "no SQLite database") from None
    if there and not tables <= there:
        names = ", ".join(sorted(there - {"alembic_version"})[:3])
        raise _not_ours(option, path, library, f"one with the tables {in_a_line(names, 100)}")


def _tables(path: Path) -> set[str]:
    address = f"file:{quote(str(path.absolute()))}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, timeout=1)) as database:
        rows = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        return {str(name) for (name,) in rows}


def _not_ours(option: str, path: Path, library: str, got: str) -> UserError:
    return UserError(
        f"{option}: expected a database of {library}'s, or a file that is not there yet; {path} is {got}, and is left "
        "as it is; give another file"
    )


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
