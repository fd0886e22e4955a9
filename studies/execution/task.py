"""Tasks: what can be computed alone, in any order and in any process, and is kept in a file.

The name of a task's file ends in two digests, of everything that its result depends on and of the code that computes
it. So what lies in a folder is either exactly what is needed or not looked at: a command that was interrupted, or asked
for again with one more seed, searcher or loss, does only what is missing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from studies.storage.checkpoints import code_digest

#: Raised when the content of a task changes its meaning, so that older files are not taken for new ones.
_VERSION = 2
_DIGITS = 12
#: What files of results are called, and folders with the checkpoints of unfinished tasks.
NAMES, CHECKPOINTS = f"*-{_DIGITS * '[0-9a-f]'}.json", ".checkpoints"
#: And files of arrays.
ARRAYS = f"*-{_DIGITS * '[0-9a-f]'}.npz"
#: The sources that decide over results: folders, and modules of studies. What else a worker loads decides nothing.
DECIDING = (
    *("core", "recommenders", "searchers"),
    *(f"studies/execution/{module}.py" for module in ("rankings", "searches", "work")),
    *(f"studies/study/{module}.py" for module in ("baseline_comparison", "crosses", "decays", "history")),
    *(f"studies/study/{module}.py" for module in ("interactions", "loss", "loss_table", "measured", "parts")),
    *(f"studies/study/{module}.py" for module in ("problems", "ranking", "result", "settings")),
    *(f"studies/study/{module}.py" for module in ("settings_search", "settings_training", "study", "table_problem")),
)

#: What comes of a task: plain numbers, strings, lists and dicts; None for numbers that are not finite.
Result = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """Something to compute."""

    kind: str
    """Which function does it, see `studies.execution.work`."""
    label: str
    """What a person calls it."""
    content: Mapping[str, Any]
    """Everything that it depends on: strings, numbers, lists and dicts."""
    at_once: int = 1
    """How many tasks of one group a worker trains at once. Where machine code trains, nothing depends on it; where
    torch does, rounding does."""

    @cached_property
    def digest(self) -> str:
        """Of everything that its result depends on, but the code."""
        return digest_of([_VERSION, self.kind, self.content])

    @property
    def file(self) -> str:
        """The name of the file for its result."""
        readable = re.sub(r"[^a-z0-9.]+", "-", self.label.lower()).strip("-")[:50]
        return f"{readable}-{self.digest}-{code()}.json"

    @cached_property
    def group(self) -> str:
        """The same for tasks that differ in their loss and its SGD settings alone: these can be trained together."""
        shared = {name: value for name, value in self.content.items() if name not in ("loss", "descent")}
        return digest_of([self.kind, shared, self.at_once])


def grouped(tasks: Sequence[Task]) -> list[tuple[Task, ...]]:
    """Cut tasks into groups that one worker computes together.

    Args:
        tasks: all of which are to be done, in the order in which they should begin.

    Returns:
        Groups of at most `Task.at_once` tasks, in the order of their first tasks. They do not depend on the number of
        workers.
    """
    alike: dict[str, list[list[Task]]] = {}
    groups: list[list[Task]] = []
    for task in tasks:
        of_kind = alike.setdefault(task.group if task.at_once > 1 else task.file, [])
        if not of_kind or len(of_kind[-1]) == task.at_once:
            of_kind.append([])
            groups.append(of_kind[-1])
        of_kind[-1].append(task)
    return [tuple(group) for group in groups]


def label_of(tasks: Sequence[Task]) -> str:
    """What a person calls a group of tasks."""
    return f"{tasks[0].label} and {len(tasks) - 1} more" if len(tasks) > 1 else tasks[0].label


def code() -> str:
    """A digest of the sources that decide over results."""
    return code_digest(*DECIDING)[:_DIGITS]


def digest_of(content: Sequence[Any]) -> str:
    """Return a digest of plain data."""
    text = json.dumps(content, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
