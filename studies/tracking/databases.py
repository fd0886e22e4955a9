"""Whose a SQLite file is: libraries make dozens of tables in whatever database they are given. And who makes them."""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.parse import quote, unquote

from core.errors import UserError, in_a_line
from studies.keeping.locking import in_turn

#: What each library's databases have.
MLFLOW = frozenset({"alembic_version", "experiments", "runs", "metrics", "params", "tags"})
OPTUNA = frozenset({"alembic_version", "studies", "trials", "study_user_attributes", "version_info"})
_SQLITE = re.compile(r"sqlite(?:\+\w+)?:///")
#: Beside a database while it is made, so that whoever calls it otherwise or has another temporary folder waits, too.
_LOCK = ".loss-search-database.lock"
_PATIENCE = 120.0  # seconds; making all tables takes some


def sqlite_file(url: str) -> Path | None:
    """The file that a SQLite URL means; None for other URLs, and for databases in memory."""
    start = _SQLITE.match(url)
    name = url[start.end() :].partition("?")[0] if start else ""
    if name.startswith("file:"):
        name = unquote(name.removeprefix("file:"))
    return Path(name) if name and name != ":memory:" else None


@contextmanager
def setting_up(option: str, url: str, library: str, tables: frozenset[str]) -> Iterator[None]:
    """Within the block a database may be made: by one process at a time, for two would spoil it.

    Args, Raises: see `check_ours`.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(in_turn(_lock_file(url), _PATIENCE))
        except TimeoutError:
            raise UserError(
                f"{option}: another process has been making this database for {_PATIENCE:g} seconds; end it or wait"
            ) from None
        except OSError:  # told by whoever makes the database, if one must be made
            pass
        check_ours(option, url, library, tables)
        yield


def _lock_file(url: str) -> Path:
    path = sqlite_file(url)
    if path is not None:
        return path.resolve().parent / _LOCK
    digest = hashlib.sha256(url.encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"loss-search-{os.getuid()}-{digest}.lock"


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
