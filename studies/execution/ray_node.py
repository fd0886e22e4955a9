"""What a node of a Ray cluster does: batches of groups of tasks, from plain data to plain data."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from functools import cache, lru_cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from recommenders.data import DataFiles
from recommenders.data.fetch import cache_folder
from studies.common.processes import cpu_name
from studies.execution.executor import Work, answer
from studies.execution.resources import LocalStorage, Report, Resources
from studies.execution.task import Result, Task, code

#: Packages that decide over results, each with another version in a way that nobody can foresee.
_DECIDING = ("deap", "llvmlite", "numba", "numpy", "optuna", "scipy", "torch")
#: Rooms whose warnings are told where the command runs.
_ROOMS = ("core", "recommenders", "searchers", "studies")
_FOLDER = "cluster"
#: Where this process has found files that batches name: they are read once to know that they are the same.
_PLACES: dict[str, str] = {}


@cache
def identity() -> Mapping[str, str]:
    """What decides over results beside tasks and hardware, by name: has to be the same on all nodes.

    Of versions that say how a package was built, such as 2.9.0+cu128, the first part counts.
    """
    versions = {name: _version(name) for name in _DECIDING}
    return {"this project": code(), "python": ".".join(map(str, sys.version_info[:2])), **versions}


def _version(package: str) -> str:
    try:
        return version(package).partition("+")[0]
    except PackageNotFoundError:
        return "missing"


@cache
def hardware() -> str:
    """What computes here: a GPU by its name, or a CPU, for which machine code is made."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return cpu_name()


def written_work(work: Work, shared: bool) -> dict[str, Any]:
    """What a node has to know of the work beside its files, as plain data.

    Args:
        work: of the executor.
        shared: whether nodes have the folder of the command, and keep checkpoints there.
    """
    storage = work.storage if shared and isinstance(work.storage, LocalStorage) else LocalStorage()
    return {
        "compute": f"{work.compute.__module__}:{work.compute.__qualname__}",
        "resources": asdict(work.resources),
        "keep": None if storage.keep is None else str(storage.keep.absolute()),
        "every": storage.every,
    }


def written_files(files: DataFiles) -> dict[str, dict[str, Any]]:
    """What a node has to know of the files of a data set: for each path, the SHA-256 of every file by its name in it.

    Args:
        files: where the command runs. The name of a file within itself is an empty text.
    """
    given = {one.name: getattr(files, one.name) for one in fields(files)}
    return {
        name: {
            "path": str(path.absolute()),
            "files": {inner: sha256_of(_within(path, inner)) for inner in _names(path)},
        }
        for name, path in given.items()
        if path is not None
    }


def _names(path: Path) -> list[str]:
    if not path.is_dir():
        return [""]
    return sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())


def computed(order: Mapping[str, Any], workers: int, fetch: Callable[[str], Any]) -> dict[str, Any]:
    """Compute a batch.

    Args:
        order: what `written_work` gave as `work`; digest -> what `written_files` gave as `files`; the groups; how
            often they were begun; and what `identity` has to be.
        workers: how many of them share the memory of this node.
        fetch: gives the content of a file by its SHA-256, as an array of bytes.

    Returns:
        The node, and for each group what `answer` gave and the seconds that it took; or in what this node differs.
    """
    here = {"host": socket.gethostname(), "hardware": hardware()}
    different = [
        f"{name} {mine} instead of {order['identity'].get(name)}"
        for name, mine in identity().items()
        if mine != order["identity"].get(name)
    ]
    if different:
        return {**here, "different": ", ".join(different)}
    files = {digest: {name: _place(one, fetch) for name, one in given.items()} for digest, given in order["files"]}
    # What died may have taken too much memory: each time it has half of what it had, and trains fewer at once.
    share = workers * 2 ** (order["tries"] - 1)
    compute = _begun(json.dumps([order["work"], list(files.items())], sort_keys=True), share)
    answers = []
    with _heard() as said:
        for group in order["groups"]:
            began = time.monotonic()
            answered = answer(compute, [Task(**one) for one in group], lambda share: None)
            answers.append([*answered, time.monotonic() - began])
    return {**here, "answers": answers, "said": said}


@lru_cache(maxsize=1)
def _begun(written: str, workers: int) -> Callable[[Sequence[Task], Report], list[Result]]:
    """The function of the work; begun once, since data that were read are kept with it."""
    work, files = json.loads(written)
    module, _, name = work["compute"].partition(":")
    keep = None if work["keep"] is None or not Path(work["keep"]).is_dir() else Path(work["keep"])
    placed = {digest: DataFiles(**{name: Path(path) for name, path in given.items()}) for digest, given in files}
    storage = LocalStorage(placed, keep, work["every"])
    return Work(getattr(import_module(module), name), Resources(**work["resources"]), storage, workers).begin()


@contextmanager
def _heard() -> Iterator[list[str]]:
    """The warnings that are logged within the block."""
    said: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    loggers = [logging.getLogger(room) for room in _ROOMS]
    for one in loggers:
        one.addHandler(handler)
    try:
        yield said
    finally:
        for one in loggers:
            one.removeHandler(handler)


def _place(given: Mapping[str, Any], fetch: Callable[[str], Any]) -> str:
    """The path of a file or folder of a data set on this node: as the command has it, or else in the cache folder."""
    key = json.dumps([given["path"], given["files"]], sort_keys=True)
    if key not in _PLACES:
        path, files = Path(given["path"]), given["files"]
        if any(sha256_of(_within(path, name)) != sha256 for name, sha256 in files.items()):
            whole = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
            path = cache_folder() / _FOLDER / whole / path.name
            for name, sha256 in files.items():
                if sha256_of(_within(path, name)) != sha256:
                    _write(_within(path, name), fetch(sha256))
        _PLACES[key] = str(path)
    return _PLACES[key]


def _within(path: Path, name: str) -> Path:
    """A file of a folder, or the file itself."""
    return path / name if name else path


def sha256_of(path: Path) -> str | None:
    """Of a file; None if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _write(path: Path, content: Any) -> None:
    """Whole or not at all: other workers of this node may write the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    number, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(number, "wb") as file:
        file.write(memoryview(content))
    os.replace(temporary, path)
