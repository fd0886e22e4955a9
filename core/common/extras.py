"""Optional packages: where one is missing, one line says what needs it and how to install it."""

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
        "catboost": "rivals",
        "cmaes": "cmaes",
        "interpret": "rivals",
        "jinja2": "report",
        "lightgbm": "rivals",
        "matplotlib": "report",
        "psycopg": "postgresql",
        "psycopg2": "postgresql",
        "ray": "ray",
        "scikit_posthocs": "statistics",
        "sklearn": "sklearn",
        "sympy": "sympy",
    }
)


#: URLs of databases whose driver an extra brings.
_URL = re.compile(r"postgresql(?:\+(psycopg2?))?:")


def needs_driver(what: str, url: str) -> None:
    """Check that the driver of a database is installed, if it is one that an extra brings.

    Args:
        what: the option that named the database, for the message.
        url: of the database; not part of the message, since it may hold a password.

    Raises:
        UserError: the driver is missing or cannot be loaded.
    """
    found = _URL.match(url)
    if found is not None:
        needs(what, found[1] or _usual_driver())


def _usual_driver() -> str:
    """Return the driver that the installed SQLAlchemy uses for a plain postgresql:// URL."""
    major, minor = version("sqlalchemy").split(".")[:2]
    return "psycopg" if (int(major), int(minor)) >= (2, 1) else "psycopg2"


def needs(what: str, *packages: str) -> None:
    """Check that packages can be imported; call it before work that needs them begins.

    Args:
        what: the feature that needs the packages, for the message.
        packages: names out of `EXTRAS`.

    Raises:
        UserError: a package is missing or cannot be loaded.
    """
    message = lacking(what, *packages)
    if message is not None:
        raise UserError(message)


def lacking(what: str, *packages: str) -> str | None:
    """Return the error message for packages that are missing or cannot be loaded; None if all can be imported.

    Args:
        what: the feature that needs the packages, for the message.
        packages: names out of `EXTRAS`.
    """
    missing, broken = list[str](), None
    for package in packages:
        try:
            import_module(package)
        except ImportError as error:
            if isinstance(error, ModuleNotFoundError) and error.name == package:
                missing.append(package)
            else:
                broken = broken or f"{what}: needs {package}, which cannot be loaded: {first_line(error)}"
    if not missing:  # what is missing may be all that the others lack
        return broken
    extras = ",".join(sorted({EXTRAS[package] for package in missing}))
    are = "is" if len(missing) == 1 else "are"
    names = " and ".join([", ".join(missing[:-1]), missing[-1]] if len(missing) > 1 else missing)
    return f"{what}: needs {names}, which {are} not installed: pip install 'loss-search[{extras}]'"
