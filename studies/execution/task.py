"""Tasks: what can be computed alone, in any order and in any process, and is kept in a file.

The name of a task's file ends in two digests, of everything that its result depends on and of the code that computes
it. So what lies in a folder is either exactly what is needed or not looked at: a command that was interrupted, or asked
for again with one more seed, searcher or loss, does only what is missing. Settings that change nothing about a task are
left out of it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from core.common.errors import UserError
from recommenders.data import DataFiles
from recommenders.tasks.task import SgdSettings
from searchers import check_searcher
from studies.storage.checkpoints import code_digest
from studies.study.problems import own_sources
from studies.study.settings import StudySettings

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
    *(f"studies/study/{module}.py" for module in ("crosses", "decays", "history", "interactions", "loss", "parts")),
    *(f"studies/study/{module}.py" for module in ("problems", "ranking", "result", "settings", "settings_search")),
    *(f"studies/study/{module}.py" for module in ("settings_training", "study")),
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


#: Settings of a study that tasks of these kinds do not depend on.
_FREE_OF_SEARCH = ("searcher", "seed", "guess", "trainings", "minutes", "samples_per_training", "candidates_per_step")
_FREE_OF_FINALS = ("finalists", "repeats", "epsilon", "baseline")
#: Contenders of a study that are trained together: several for what they share, few so that many workers have some.
_OF_FINALS_AT_ONCE = 4


def data_file_digest(data: Path | DataFiles | None) -> str | None:
    """Of the raw file of a data set, or of all its files, where it needs some; of a folder, those that lie in it.

    Raises:
        UserError: it cannot be read.
    """
    digests = [_file_digest(path) for path in DataFiles.of(data).parts]
    return " ".join(digests) if digests else None


def _file_digest(path: Path) -> str:
    try:
        if path.is_dir():
            inside = sorted(one for one in path.iterdir() if one.is_file())
            content = "\n".join(f"{one.name} {_file_digest(one)}" for one in inside)
            return hashlib.sha256(content.encode()).hexdigest()
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError) as error:
        raise UserError(f"--data {path}: cannot read it: {getattr(error, 'strerror', None) or error}") from None


@dataclass(frozen=True)
class Training:
    """A loss with its smoothing term: something to train to convergence."""

    name: str
    """A named loss, or a formula."""
    epsilon: float | None
    """The smoothing term; None where none occurs."""
    program: Mapping[str, Any] | None = None
    """Plain data of what a search found, see `StudyProblem.stored`; None: what the name says."""
    sgd: SgdSettings | None = None
    """Its SGD settings; None: those of the study."""

    @property
    def label(self) -> str:
        """What a person calls it."""
        return self.name[:40] + ("" if self.epsilon is None else f" smoothed by {self.epsilon:g}")

    def to_dict(self) -> dict[str, Any]:
        """Plain data: the loss as tasks store it, and its SGD settings where it has its own."""
        loss = {"loss": {"name": self.name, "program": self.program, "epsilon": self.epsilon}}
        return loss if self.sgd is None else loss | {"descent": asdict(self.sgd)}


class TaskFactory:
    """Makes tasks that share the files of a data set.

    Args:
        data: see `data_file_digest`.
    """

    def __init__(self, data: str | None) -> None:
        self._data = data

    def run(self, study: StudySettings, converged: bool = False) -> Task:
        """Make a task: phases I and II of one searcher with one seed.

        Args:
            study: its settings.
            converged: whether what is found is trained to convergence, too.
        """
        needed = ("finalists", "epsilon") if converged else ("finalists",)
        free = tuple(setting for setting in _FREE_OF_FINALS if setting not in needed)
        kind = "converged" if converged else "run"
        return self._searched(kind, study, f"{study.searcher} seed {study.seed}", free)

    def training(
        self, study: StudySettings, training: Training, repeat: int, is_trial: bool = False, at_once: int = 1
    ) -> Task:
        """Make a task: one loss trained to convergence with one seed.

        Args:
            study: how it is trained.
            training: the loss.
            repeat: number of the seed.
            is_trial: whether something is chosen by the result; then the test part is left out of it.
            at_once: see Task.
        """
        kind, label = ("trial", f"{training.label}, trial") if is_trial else ("training", training.label)
        free, content = _FREE_OF_SEARCH + _FREE_OF_FINALS, training.to_dict()
        return self._task(kind, f"{label}, training seed {repeat}", study, free, at_once, repeat=repeat, **content)

    def final(self, study: StudySettings, training: Training, number: int) -> Task:
        """Make a task: something trained to convergence in a round of a study's Phase III.

        Args:
            study: of the study.
            training: what is trained.
            number: of the round.
        """
        free, content = tuple({*_FREE_OF_SEARCH, *_FREE_OF_FINALS} - {"seed"}), training.to_dict()
        label = f"{training.label}, round {number + 1}"
        return self._task("final", label, study, free, _OF_FINALS_AT_ONCE, round=number, **content)

    def scores(
        self, study: StudySettings, label: str, trainings: Sequence[Training], repeat: int, epochs: Sequence[int]
    ) -> Task:
        """Make a task: losses trained together, and their validation scores on the way.

        Args:
            study: how they are trained.
            label: what a person calls them.
            trainings: the losses, which all have SGD settings of their own.
            repeat: number of the seed.
            epochs: after which they are scored.
        """
        free, losses = _FREE_OF_SEARCH + _FREE_OF_FINALS, [one.to_dict() for one in trainings]
        return self._task("scores", label, study, free, losses=losses, repeat=repeat, scored=list(epochs))

    def study(self, study: StudySettings, label: str) -> Task:
        """Make a task: all three phases of a study."""
        return self._searched("study", study, label, ())

    def sampling(self, study: StudySettings, label: str) -> Task:
        """Make a task: what Phase I samples and trains in its minutes; what is kept is not measured again."""
        return self._searched("sampling", study, label, _FREE_OF_FINALS)

    def learning(self, study: StudySettings, label: str) -> Task:
        """Make a task: how the recommender does on training rows and on validation during Phase I."""
        return self._searched("learning", study, label, _FREE_OF_FINALS)

    def _searched(self, kind: str, study: StudySettings, label: str, free: Sequence[str]) -> Task:
        _, chosen = check_searcher(study.searcher)  # all its settings: a default may change some day
        return self._task(kind, label, study, free, searcher={} if chosen is None else asdict(chosen))

    def noise(self, study: StudySettings, loss: str, n_seeds: int) -> Task:
        """Make a task: a known loss with several seeds, after a short training and converged."""
        free, content = _FREE_OF_SEARCH + _FREE_OF_FINALS, Training(loss, None).to_dict()
        return self._task("noise", f"noise floor of {loss}", study, free, noise_seeds=n_seeds, **content)

    def _task(
        self, kind: str, label: str, study: StudySettings, free: Sequence[str], at_once: int = 1, **content: Any
    ) -> Task:
        """Make a task that depends on the settings of a study but for the `free` ones, and on `content`."""
        settings = {name: value for name, value in study.to_dict().items() if name not in free}
        settings["split_seed"] = study.data_seed  # whatever seed it stands for
        sources = own_sources(study, searches="searcher" in settings)
        return Task(kind, label, {"settings": settings, "data": self._data, **sources, **content}, at_once)
