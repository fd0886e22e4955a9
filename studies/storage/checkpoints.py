"""Whether a study goes on: checkpoints, written whole or not at all, checksummed, the newest two kept.

A file is one line, `loss-search checkpoint 1 SHA256`, and the packed state. Its name ends in a number that
grows, and the newest one that is whole counts.

States are nested dicts and lists with tensors. The tensors go into the safetensors format, and the tree around them, as
JSON, is one of them. Reading executes nothing and takes memory in proportion to the bytes, whoever wrote them.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import re
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load, save
from torch import Tensor

from core.common.errors import UserError, first_line
from core.common.restoring import reading
from studies.storage.ledger import Ledger, discard
from studies.storage.output import OutputFolder

_TREE = "tree"
#: Marks a dict that stands for something which JSON does not have.
_MARK = "$"


def pack(state: Any) -> bytes:
    """Dicts, lists, tuples, texts, numbers, truths, None and tensors as bytes.

    Raises:
        TypeError: anything else.
    """
    arrays: dict[str, np.ndarray] = {}
    tree = json.dumps(_to_json(state, arrays), allow_nan=False, separators=(",", ":"))
    return bytes(save({**arrays, _TREE: np.frombuffer(tree.encode(), dtype=np.uint8)}))


def unpack(content: bytes) -> Any:
    """What `pack` was given; tensors are on the CPU.

    Raises:
        UserError: these bytes are not what `pack` makes.
    """
    try:
        arrays = load(content)
        return _from_json(json.loads(arrays.pop(_TREE).tobytes()), arrays)
    except (SafetensorError, LookupError, TypeError, ValueError, OverflowError, RecursionError) as error:
        problem = f"{type(error).__name__} {first_line(error)}"[:200]
        raise UserError(f"stored state: expected one that was packed here, got {problem}") from None


def _to_json(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    kind = type(value)
    if kind in (str, int, bool) or value is None:
        return value
    if kind is float:
        return value if math.isfinite(value) else {_MARK: "float", "is": repr(value)}
    if kind is list:
        return [_to_json(inner, arrays) for inner in value]
    if kind is tuple:
        return {_MARK: "tuple", "is": [_to_json(inner, arrays) for inner in value]}
    if isinstance(value, Mapping):
        if all(type(name) is str for name in value) and _MARK not in value:
            return {name: _to_json(inner, arrays) for name, inner in value.items()}
        pairs = [[_to_json(name, arrays), _to_json(inner, arrays)] for name, inner in value.items()]
        return {_MARK: "dict", "is": pairs}
    if isinstance(value, Tensor):
        name = str(len(arrays))
        arrays[name] = value.detach().cpu().contiguous().numpy()
        return {_MARK: "tensor", "is": name}
    raise TypeError(f"state: expected dicts, lists, texts, numbers and tensors, got {kind.__name__}")


def _from_json(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, list):
        return [_from_json(inner, arrays) for inner in value]
    if not isinstance(value, dict):
        return value
    mark = value.get(_MARK)
    if mark is None:
        return {name: _from_json(inner, arrays) for name, inner in value.items()}
    content = value["is"]
    if mark == "float":
        return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[content]
    if mark == "tuple":
        return tuple(_from_json(inner, arrays) for inner in content)
    if mark == "dict":
        return {_from_json(name, arrays): _from_json(inner, arrays) for name, inner in content}
    if mark == "tensor":
        return torch.from_numpy(arrays[content].copy())  # what was read may not be written to
    raise ValueError(f"an unknown mark {str(mark)[:40]!r}")


_log = logging.getLogger(__name__)
_ROOT = Path(__file__).parents[2]
_HEAD = "loss-search checkpoint 1 "
_NAME = re.compile(r"checkpoint-(\d{1,12})")
_GENERATIONS = 2
#: A checkpoint that took t seconds to write is followed by the next one after at least this times t.
_LEAST_REST = 20

#: Gives the state, if it is wanted.
MakeState = Callable[[], dict[str, Any]]
#: Told, wherever a study could go on from, how to get its state; keeps it now and then.
OnCheckpoint = Callable[[MakeState], None]


def no_checkpoints(make: MakeState) -> None:
    """Keep no checkpoint."""


class Checkpoints:
    """The checkpoints in one folder.

    Args:
        path: of the folder, made with the first checkpoint.
        identity: what decides over the study, by name: a checkpoint of another one is refused.
        every: seconds from one checkpoint to the next, more where writing takes long; 0: none is left out.
        clock: seconds.
    """

    def __init__(
        self, path: Path, identity: Mapping[str, Any], every: float = 30.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.path, self._identity, self._every, self._clock = path, dict(identity), every, clock
        self._next = clock() + every
        self._number = max((number for number, _ in self._there()), default=0)

    def _there(self) -> list[tuple[int, Path]]:
        """Number and file of every checkpoint, the newest first."""
        try:
            names = [(match, path) for path in self.path.iterdir() if (match := _NAME.fullmatch(path.name))]
        except OSError:
            return []
        return sorted(((int(match[1]), path) for match, path in names), reverse=True)

    @property
    def exist(self) -> bool:
        """Whether there are any, whole or not."""
        return bool(self._there())

    def load(self) -> dict[str, Any] | None:
        """The state of the newest checkpoint that is whole; None to begin at the beginning.

        One that is not whole costs a warning.

        Raises:
            UserError: it belongs to another study.
        """
        for _, path in self._there():
            try:
                stored = _read(path)
            except UserError as error:
                _log.warning("warning: %s: %s; looking for the one before", path, error)
                continue
            check_same(f"{path.parent}: holds a study", stored["identity"], self._identity, "another --out")
            if stored.get("code") != _code():
                _log.warning("warning: %s was made by other sources than today's, which may end otherwise", path)
            state: dict[str, Any] = stored["state"]
            return state
        if self.exist:
            _log.warning("warning: no checkpoint in %s is whole; the study begins anew", self.path)
        return None

    def save_if_due(self, make: MakeState) -> None:
        """Save the state if it is time to; a disk that cannot take it costs a warning, not the study."""
        began = self._clock()
        if began < self._next:
            return
        try:
            self.write(make())
        except UserError as error:
            _log.warning("warning: no checkpoint: %s", error)
        ended = self._clock()
        self._next = ended + (max(self._every, _LEAST_REST * (ended - began)) if self._every else 0.0)

    def write(self, state: Mapping[str, Any]) -> None:
        """Keep the state now.

        Raises:
            UserError: the disk is full, or the folder cannot be written.
        """
        content = pack({"identity": self._identity, "code": _code(), "state": state})
        head = f"{_HEAD}{hashlib.sha256(content).hexdigest()}\n".encode()
        folder = OutputFolder(self.path, patterns=("checkpoint-[0-9]*",))
        folder.sweep()
        folder.write(f"checkpoint-{self._number + 1:06d}", head + content)
        self._number += 1
        for _, old in self._there()[_GENERATIONS:]:
            with suppress(OSError):
                old.unlink()

    def set_aside(self, folder: OutputFolder) -> None:
        """Make room in the folder that they are in: those of an unfinished study are not lost.

        Raises:
            UserError: they cannot be moved.
        """
        if self.exist:
            aside = folder.set_aside(self.path.name)
            _log.warning(
                "warning: an unfinished study lay here, --resume would go on; its checkpoints are in %s", aside
            )

    def clear(self) -> None:
        """Remove them: the study is done."""
        with suppress(OSError):
            if Ledger(self.path.parent).is_ours(self.path.name):
                discard(self.path)


def _code() -> str:
    return code_digest("core", "recommenders", "searchers", "studies")


def _read(path: Path) -> Mapping[str, Any]:
    """The content of a file.

    Raises:
        UserError: it is cut short, changed, not a checkpoint, or cannot be read.
    """
    try:
        head, _, content = path.read_bytes().partition(b"\n")
    except OSError as error:
        raise UserError(f"cannot read it: {error.strerror}") from None
    if not head.startswith(_HEAD.encode()):
        raise UserError("not a checkpoint of this version")
    if head != f"{_HEAD}{hashlib.sha256(content).hexdigest()}".encode():
        raise UserError("cut short or damaged: its checksum does not fit")
    stored = unpack(content)
    if not isinstance(stored, dict) or not all(isinstance(stored.get(name), dict) for name in ("identity", "state")):
        raise UserError("not a checkpoint: expected an identity and a state")
    return stored


def restoring() -> AbstractContextManager[None]:
    """Whatever a state raises that is whole, but does not fit, as a line that a person can use."""
    return reading("the checkpoint does not fit this study", "; remove the checkpoints to begin anew")


@cache
def code_digest(*rooms: str) -> str:
    """Of the sources in these rooms, or files."""
    digest = hashlib.sha256()
    places = [_ROOT / room for room in rooms]
    for path in sorted(path for room in places for path in (room.rglob("*.py") if room.is_dir() else (room,))):
        digest.update(path.relative_to(_ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def check_same(whose: str, there: Mapping[str, Any], here: Mapping[str, Any], otherwise: str) -> None:
    """Refuse to go on with what is another one's.

    Args:
        whose: what is there, and its verb, for the message.
        there: what decided over it, by name.
        here: the same of what should go on.
        otherwise: what else can be done.

    Raises:
        UserError: they differ; says in what.
    """
    for name in {**there, **here}:
        if there.get(name) != here.get(name):
            raise UserError(
                f"{whose} with {name} {str(there.get(name))[:80]}, this one has {str(here.get(name))[:80]}; give "
                f"the same settings to go on, or {otherwise}"
            )


def finished_result(path: Path, settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a study of these settings wrote at its end; None if there is no such file."""
    try:
        if not path.is_file():  # a pipe would be waited for without end
            return None
        result = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    same = isinstance(result, dict) and result.get("settings") == json.loads(json.dumps(settings))
    return result if same else None
