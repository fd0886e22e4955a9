"""Compiling functions to machine code by numba: once, kept on disk, without Python's global lock.

Numba keeps what it compiled beside the source, and compiles again when that file changes. It does not see
changes in other files that compiled code depends on, so `uses` names those, and each version of them (and of what
they use in turn) gets a folder of its own.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core import types
from numba.extending import overload

_Number = TypeVar("_Number", bound=float)

#: Division by zero gives infinity or NaN, as in numpy and torch.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
#: What sums of products may do with rounding: be taken in several lanes and fused. NaN and infinity stay as they are.
SUMS = frozenset({"contract", "reassoc", "nsz"})


def compiled(
    uses: Sequence[Any] = (), fastmath: frozenset[str] = frozenset(), inline: bool = False
) -> Callable[[Callable[..., Any]], Any]:
    """A decorator that compiles a function when it is first called.

    Args:
        uses: modules, functions or classes of other files that its machine code depends on.
        fastmath: liberties with floating point; none unless given, so that results are those of torch.
        inline: whether it becomes a part of what calls it: for what is called for every row of a table.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        options = {**_OPTIONS, "fastmath": set(fastmath) or False, "forceinline": inline}
        config: Any = numba.config
        own, before = inspect.getfile(function), config.CACHE_DIR
        config.CACHE_DIR = f"{before or Path(own).parent / '__pycache__'}/{_version(own, uses)}"
        try:
            return numba.njit(cache=True, **options)(function)
        except RuntimeError:  # there is no folder to keep it in: compiled once a process
            return numba.njit(**options)(function)
        finally:
            config.CACHE_DIR = before

    return decorate


def part(function: Callable[..., Any], merged: bool = False) -> Any:
    """Compile a function that only compiled functions call, which are kept on disk with it and name its file in `uses`.

    Args:
        function: also one that was made by another function.
        merged: whether its text becomes a part of what calls it, before anything is compiled: for the nodes of a tree,
            each of which would be compiled with all that are below it.
    """
    return numba.njit(**_OPTIONS, **({"inline": "always"} if merged else {"forceinline": True}))(function)


def constant(value: _Number, like: _Number) -> _Number:
    """The value, in compiled code in the type of `like`: a literal would be a float64, and a float32 with it."""
    return value


@overload(constant, strict=False)  # strict, it would compare annotations
def _constant(value: Any, like: Any) -> Any:
    return (lambda value, like: like_type(value)) if (like_type := like) in types.real_domain else None


#: File -> the files that compiled functions in it depend on.
_NEEDS: dict[str, set[str]] = {}


def _version(own: str, uses: Sequence[Any]) -> str:
    """A name that changes with every file that a function in the file `own` depends on, with this one, and with numba.

    Environments with other versions of numba may share the source, and none can read what another one compiled.
    """
    _NEEDS.setdefault(own, {__file__}).update(inspect.getfile(inspect.unwrap(used)) for used in uses)
    files, waiting = set[str](), [own]
    while waiting:
        file = waiting.pop()
        if file not in files:
            files.add(file)
            waiting += _NEEDS.get(file, ())
    content = [numba.__version__.encode(), *(Path(file).read_bytes() for file in sorted(files))]
    return "kernels-" + hashlib.sha256(b"".join(content)).hexdigest()[:16]
