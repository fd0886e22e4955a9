"""Whose a SQLite file is, for libraries make dozens of tables in what they are given; and whether it can be used."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from core.common.errors import UserError, in_a_line

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

#: What each library's databases have.
MLFLOW = frozenset({"alembic_version", "experiments", "runs", "metrics", "params", "tags"})
OPTUNA = frozenset({"alembic_version", "studies", "trials", "study_user_attributes", "version_info"})
_SQLITE = "sqlite"
#: What SQLAlchemy reads as true.
_TRUE = ("true", "yes", "on", "y", "t", "1")
_SERVERS = ("postgresql", "mysql", "mssql")


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
