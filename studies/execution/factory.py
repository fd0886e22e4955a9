"""The kinds of tasks, and what each depends on: settings that change nothing about one are left out of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.common.errors import UserError
from recommenders.data import DataFiles
from recommenders.tasks.task import SgdSettings
from searchers import check_searcher
from studies.execution.task import Task
from studies.study.problems import own_sources
from studies.study.settings import StudySettings

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
