"""Compile functions with numba: once, cached on disk, releasing Python's global interpreter lock (GIL).

Numba caches compiled functions beside their source file and recompiles them when that file changes. It does not notice
changes in other files that the compiled code depends on. `uses` names those, and each version of them (and of the files
that they use in turn) gets a cache folder of its own. Processes that begin together compile a function once.
"""

from __future__ import annotations

import fcntl
import hashlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core import types
from numba.core.compiler_lock import global_compiler_lock
from numba.extending import overload

_Number = TypeVar("_Number", bound=float)

#: Division by zero gives infinity or NaN, as in numpy and torch.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
#: The `fastmath` flags of sums of products: terms may be reordered and fused. NaN and infinity stay as they are.
SUMS = frozenset({"contract", "reassoc", "nsz"})


def compiled(
    uses: Sequence[Any] = (), fastmath: frozenset[str] = frozenset(), inline: bool = False, merged: bool = False
) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator that compiles a function when it is first called.

    Args:
        uses: modules, functions or classes of other files that the compiled code depends on.
        fastmath: LLVM's fast-math flags; none by default, so that results are those of torch.
        inline: whether to inline the function into its callers; for functions called once per row of a table.
        merged: whether numba merges the function with its callers before it compiles them, under their `fastmath`. For
            parts of a large function: LLVM would compile each of them again with each of its ancestors.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        options = {**_OPTIONS, "fastmath": set(fastmath) or False, "forceinline": inline}
        options |= {"inline": "always"} if merged else {}
        config: Any = numba.config
        own, before = inspect.getfile(function), config.CACHE_DIR
        config.CACHE_DIR = f"{before or Path(own).parent / '__pycache__'}/{_version(own, uses)}"
        try:
            return _compiled_once(numba.njit(cache=True, **options)(function))
        except RuntimeError:  # there is no folder to keep it in: compiled once a process
            return numba.njit(**options)(function)
        finally:
            config.CACHE_DIR = before

    return decorate


def _compiled_once(function: Any) -> Any:
    """Let processes that need the machine code of a function at the same time wait for the one that compiles it.

    Workers begin together and need the same code, which takes tens of seconds to compile; those that waited read it.
    """
    compile_it, file = function.compile, Path(function.stats.cache_path) / f"{function.__name__}.lock"

    def compile_alone(signature: Any) -> Any:
        # Before the file, since a thread of this process that compiles a caller may wait for it.
        with global_compiler_lock, _locked(file):
            return compile_it(signature)

    function.compile = compile_alone
    return function


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Hold a file that other processes wait for; where there can be none, everybody goes on."""
    with ExitStack() as held:
        with suppress(OSError):  # a file system without locks, or that may not be written
            fcntl.flock(held.enter_context(file.open("a")), fcntl.LOCK_EX)
        yield


def part(function: Callable[..., Any], merged: bool = False) -> Any:
    """Compile a function that only compiled functions call; they name its file in `uses` and are cached with it.

    Args:
        function: may be a closure.
        merged: whether numba inlines it before it compiles the caller, instead of LLVM afterwards. For the nodes of a
            tree of functions, where every node would otherwise be compiled again with each of its ancestors.
    """
    return numba.njit(**_OPTIONS, **({"inline": "always"} if merged else {"forceinline": True}))(function)


def constant(value: _Number, like: _Number) -> _Number:
    """Return a constant; in compiled code, converted to the type of another value.

    Numba types a literal as float64, and an expression of a float64 and a float32 as float64 too.

    Args:
        value: the constant.
        like: a value of the wanted type.
    """
    return value


@overload(constant, strict=False)  # strict, it would compare annotations
def _constant(value: Any, like: Any) -> Any:
    return (lambda value, like: like_type(value)) if (like_type := like) in types.real_domain else None


#: File -> the files that compiled functions in it depend on.
_NEEDS: dict[str, set[str]] = {}


def _version(own: str, uses: Sequence[Any]) -> str:
    """Return a folder name that changes with the files that the file `own` depends on, this file, and numba's version.

    Environments with different versions of numba may share the source, but cannot read each other's compiled code.
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
