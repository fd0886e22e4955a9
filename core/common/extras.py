"""Packages that only some of the work needs: leaving one out costs a line that says how to get it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import version
from types import MappingProxyType

from core.common.errors import UserError, first_line

#: Package, as it is imported -> the extra of pyproject.toml that brings it.
EXTRAS: Mapping[str, str] = MappingProxyType(
    {
        "cmaes": "cmaes",
        "jinja2": "report",
        "matplotlib": "report",
        "psycopg": "postgresql",
        "psycopg2": "postgresql",
        "scikit_posthocs": "statistics",
        "sympy": "sympy",
    }
)


#: URLs of databases whose driver an extra brings.
_URL = re.compile(r"postgresql(?:\+(psycopg2?))?:")


def needs_driver(what: str, url: str) -> None:
    """As `needs`, for the driver of a database, where an extra brings it.

    Args:
        what: the option that named the database, for the message.
        url: of the database; it may hold a password and is not told.
    """
    found = _URL.match(url)
    if found is not None:
        needs(what, found[1] or _usual_driver())


def _usual_driver() -> str:
    """The one that SQLAlchemy takes where none is named."""
    major, minor = version("sqlalchemy").split(".")[:2]
    return "psycopg" if (int(major), int(minor)) >= (2, 1) else "psycopg2"


def needs(what: str, *packages: str) -> None:
    """Make sure that packages are there, before anything is begun that they are needed for.

    Args:
        what: needs them, for the message.
        packages: some of `EXTRAS`.

    Raises:
        UserError: one is missing, or cannot be loaded.
    """
    message = lacking(what, *packages)
    if message is not None:
        raise UserError(message)


def lacking(what: str, *packages: str) -> str | None:
    """What to say of packages that are missing or cannot be loaded; None where all are there.

    Args:
        what: needs them, for the message.
        packages: some of `EXTRAS`.
    """
    missing = []
    for package in packages:
        try:
            import_module(package)
        except ImportError as error:
            if isinstance(error, ModuleNotFoundError) and error.name == package:
                missing.append(package)
            else:
                return f"{what}: needs {package}, which cannot be loaded: {first_line(error)}"
    if not missing:
        return None
    extras = ",".join(sorted({EXTRAS[package] for package in missing}))
    are = "is" if len(missing) == 1 else "are"
    names = " and ".join([", ".join(missing[:-1]), missing[-1]] if len(missing) > 1 else missing)
    return f"{what}: needs {names}, which {are} not installed: pip install 'loss-search[{extras}]'"
