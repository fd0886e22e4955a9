"""A study's history while it runs, in a file that only grows: a JSON object a line, the first one about the study.

The file is the one record of what happened: checkpoints say how far it was when they were made, the report and MLflow
are told what it holds. It is removed when the study is done and MLflow, if there is one, has everything.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from core.common.errors import UserError
from core.common.restoring import read
from studies.storage.output import OutputFolder


@dataclass(frozen=True)
class StepRecord:
    """A step of Phase I, as plain numbers, strings, lists and dicts."""

    time: int
    """When it was done, in milliseconds since 1970."""
    candidate_epochs: int
    """Trained so far, summed over candidates."""
    seconds: float
    """Since the study began."""
    best: float | None
    """The validation metric of the best candidate so far."""
    metrics: dict[str, int | float]
    """See `step_metrics`; without those that are not finite."""
    front: dict[str, float]
    """See `front_metrics`; those that are new or have changed."""
    candidates: list[dict[str, Any]]
    """The trained ones, see `candidate_row`."""


@dataclass(frozen=True)
class _Head:
    """The first line."""

    id: str
    """A name for the study that no other one has."""
    settings: dict[str, Any]


class HistoryFile:
    """The history of one study.

    Args:
        folder: of the study.
        settings: of the study, by name: what is there of another one counts as nothing.
        warn: told in a sentence that the file cannot be written; steps wait in memory then.
        resume: whether to go on with what is there.

    Raises:
        UserError: the folder holds somebody else's file of this name.
    """

    name = "history.jsonl"

    def __init__(
        self, folder: OutputFolder, settings: Mapping[str, Any], warn: Callable[[str], None], resume: bool = True
    ) -> None:
        self._folder, self._warn, self._failed = folder, warn, False
        folder.claim(self.name)
        head = _Head(uuid.uuid4().hex, json.loads(json.dumps(dict(settings))))
        there, ends, content = self._read()
        self.is_begun = resume and there is not None and there.settings == head.settings
        """Whether it was begun by an earlier process."""
        self._head = there if there is not None and self.is_begun else head
        self.steps = content if self.is_begun else []
        """What an earlier process left."""
        self._ends = ends if self.is_begun else []  # of the lines, in bytes, the head's first
        self.go_on_after(0)

    @property
    def path(self) -> Path:
        """The file."""
        return self._folder.path / self.name

    @property
    def id(self) -> str:
        """A name for the study that no other one has."""
        return self._head.id

    def _read(self) -> tuple[_Head | None, list[int], list[StepRecord]]:
        """The lines that are whole, and where each ends; a kill may have left a part of another one."""
        head, ends, steps = None, list[int](), list[StepRecord]()
        try:
            content = self.path.read_bytes()
        except OSError:
            content = b""
        for line in content.splitlines(keepends=True):
            try:
                entry = read(_Head if head is None else StepRecord, json.loads(line))
            except (ValueError, TypeError, KeyError, RecursionError):
                break
            if not line.endswith(b"\n"):
                break
            if head is None:
                head = entry
            else:
                steps.append(entry)
            ends.append((ends[-1] if ends else 0) + len(line))
        return head, ends, steps

    def go_on_after(self, n: int) -> list[StepRecord]:
        """The first n steps; what follows them is overwritten.

        Raises:
            UserError: there are fewer.
        """
        if len(self.steps) < n:
            raise UserError(f"{self.path} holds {len(self.steps)} of {n} steps")
        self._good = self._ends[: n + 1]
        return self.steps[:n]

    def write(self, steps: Sequence[StepRecord]) -> None:
        """Append those of all steps so far that are not in the file yet."""
        lacking = [self._head, *steps][len(self._good) :]
        lines = [json.dumps(vars(line), allow_nan=False).encode() + b"\n" for line in lacking]
        end = self._good[-1] if self._good else 0
        try:
            with self._folder.growing(self.name).open("ab") as file:
                file.truncate(end)
                file.write(b"".join(lines))
        except (OSError, UserError) as error:
            if not self._failed:
                problem = error.strerror if isinstance(error, OSError) else error
                self._warn(f"{self.path}: cannot write it: {problem}; what checkpoints do not keep is lost on a kill")
            self._failed = True
            return
        self._failed = False
        self._good += list(accumulate(map(len, lines), initial=end))[1:]

    def synced(self) -> int:
        """How many steps no loss of power takes away any more."""
        try:
            with self.path.open("ab") as file:
                os.fsync(file.fileno())
        except OSError:
            return 0
        return max(0, len(self._good) - 1)

    def remove(self) -> None:
        """Nobody needs it any more."""
        self._folder.remove(self.name)

    def make_room(self) -> None:
        """Keep what an unfinished study left here beside, as its checkpoints are.

        Raises:
            UserError: it cannot be moved.
        """
        if self.path.exists() and not self.is_begun:
            self._folder.set_aside(self.name)
