"""Import a user's own classes, given as package.module:Class, and report their errors in one line."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import reduce
from pathlib import Path

from core.common.errors import UserError, first_line, format_value
from core.common.memory import ran_out
from core.common.specification import Specification

#: Packages whose files are not the user's own.
_KNOWN = ("torch", "builtins", "abc", "typing", "core", "recommenders", "searchers")


@contextmanager
def user_errors_from(where: str, *, exits: bool = False) -> Iterator[None]:
    """Re-raise errors of the user's code within the `with` block as a UserError of one line.

    Out-of-memory errors pass unchanged, so that the caller can retry with fewer candidates.

    Args:
        where: what the code is called for, for the message.
        exits: whether `sys.exit` counts as an error too. Not during training, where a signal may end the process so.

    Raises:
        UserError: the block raised an error.
    """
    try:
        yield
    except UserError as error:
        if str(error).startswith(where.partition(":")[0]):
            raise
        # What a constructor refuses is a setting, which the message names.
        who = where.removesuffix(" its constructor")
        raise UserError(f"{who} {error}") from None
    except (Exception, SystemExit) as error:
        if ran_out(error) or (isinstance(error, SystemExit) and not exits):
            raise
        raise UserError(f"{where} raised {type(error).__name__}: {_text(error)}") from None


def _text(error: BaseException) -> str:
    try:
        return first_line(error)
    except Exception:  # its own __str__ raises
        return "(no message)"


def check_class(spec: Specification, found: object, fits: Callable[[object], bool], base: str) -> type:
    """Return an imported object if it is a class of the expected kind.

    Args:
        spec: the specification that names it.
        found: the imported object.
        fits: whether an object is a class of the expected kind.
        base: the name of the base class, for the message.

    Raises:
        UserError: it is not such a class.
    """
    if not (isinstance(found, type) and fits(found)):
        got = found.__name__ if isinstance(found, type) else format_value(found)
        raise UserError(f"{spec.kind} {spec.name}: expected a class derived from {base}, got {got}")
    return found


def find_class(spec: Specification, fits: Callable[[object], bool], base: str) -> type:
    """Import the class that a specification names as package.module:Class.

    Args:
        spec: the specification.
        fits: whether an object is a class of the expected kind.
        base: the name of the base class, for the message.

    Raises:
        UserError: the module or the class does not exist, importing it raised an error, or it is not such a class.
    """
    path, _, name = spec.name.partition(":")
    where = f"{spec.kind} {spec.name}"
    with _working_directory():
        importlib.invalidate_caches()
        try:
            with user_errors_from(f"{where}: importing {path}", exits=True):
                try:
                    module = importlib.import_module(path)
                except ModuleNotFoundError as error:
                    if error.name is None or not f"{path}.".startswith(f"{error.name}."):
                        raise
                    file = f"{error.name.replace('.', '/')}.py"
                    raise UserError(
                        f"{where}: there is no module {error.name}; expected {file} in the working folder, or on "
                        "PYTHONPATH"
                    ) from None
                found: object = reduce(getattr, name.split("."), module)
        except UserError as error:
            if "raised AttributeError" not in str(error) or path not in sys.modules:
                raise
            there = [n for n, one in vars(sys.modules[path]).items() if fits(one) and one.__module__ == path]
            raise UserError(
                f"{where}: there is no {name} in module {path}; its {spec.kind}s: {', '.join(there) or 'none'}"
            ) from None
    return check_class(spec, found, fits, base)


@contextmanager
def _working_directory() -> Iterator[None]:
    """Make modules of the working directory importable within the `with` block, after all others."""
    here = os.getcwd()
    if here in sys.path or "" in sys.path:
        yield
        return
    sys.path.append(here)
    try:
        yield
    finally:
        with suppress(ValueError):
            sys.path.remove(here)


def source_digest(kind: type) -> str:
    """Return a digest of the files that define a class and its bases, except those of torch and of this project."""
    digest = hashlib.sha256()
    for base in kind.__mro__:
        if base.__module__.partition(".")[0] in _KNOWN:
            continue
        with suppress(OSError, TypeError):  # written in no file
            digest.update(Path(inspect.getfile(base)).read_bytes())
    return digest.hexdigest()[:16]
