"""The kinds of parts, and what each depends on: settings that change nothing about one are left out of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.common.errors import UserError
from recommenders import recommender_source
from recommenders.backends.registry import backend_source
from recommenders.data import DataFiles
from recommenders.tasks.task import Descent
from searchers import check_searcher, searcher_source
from studies.execution.part import Part
from studies.study.settings import StudySettings

#: Settings of a study that parts of these kinds do not depend on.
_FREE_OF_SEARCH = ("searcher", "seed", "guess", "trainings", "minutes", "samples_per_training", "candidates_per_step")
_FREE_OF_FINALS = ("finalists", "repeats", "epsilon", "baseline")


def data_file_digest(data: Path | DataFiles | None) -> str | None:
    """Of the raw file of a data set, or of all its files, where it needs some.

    Raises:
        UserError: it cannot be read.
    """
    digests = [_file_digest(path) for path in DataFiles.of(data).parts]
    return " ".join(digests) if digests else None


def _file_digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError) as error:
        raise UserError(f"--data {path}: cannot read it: {getattr(error, 'strerror', None) or error}") from None


class PartMaker:
    """Makes parts that share the raw file of a data set.

    Args:
        data: see `data_file_digest`.
    """

    def __init__(self, data: str | None) -> None:
        self._data = data

    def run(self, study: StudySettings, converged: bool = False) -> Part:
        """Phases I and II of one searcher with one seed; then perhaps what it found, trained to convergence."""
        needed = ("finalists", "epsilon") if converged else ("finalists",)
        free = tuple(setting for setting in _FREE_OF_FINALS if setting not in needed)
        kind = "converged" if converged else "run"
        return self._searched(kind, study, f"{study.searcher} seed {study.seed}", free)

    def finals(
        self,
        study: StudySettings,
        losses: Sequence[Mapping[str, Any]],
        repeat: int,
        label: str,
        descents: Sequence[Descent] | None = None,
        is_trial: bool = False,
    ) -> Part:
        """Losses trained to convergence with one seed.

        Args:
            study: how they are trained.
            losses: a name, a stored program or None, and a smoothing term or None each; a scale only where it is not
                that of `study` (1, or the one that makes losses comparable).
            repeat: number of the seed.
            label: what a person calls it.
            descents: how each goes down; None: as the study's settings say.
            is_trial: whether something is chosen by what is found; then the test part is left out of it.
        """
        free = _FREE_OF_SEARCH + _FREE_OF_FINALS
        own = {} if descents is None else {"descents": [asdict(one) for one in descents]}
        kind = "trials" if is_trial else "finals"
        return self._part(kind, label, study, free, losses=list(losses), repeat=repeat, **own)

    def study(self, study: StudySettings, label: str) -> Part:
        """All three phases of a study."""
        return self._searched("study", study, label, ())

    def sampling(self, study: StudySettings, label: str) -> Part:
        """What Phase I samples and trains in its minutes; like all that is kept, it is not measured again."""
        return self._searched("sampling", study, label, _FREE_OF_FINALS)

    def learning(self, study: StudySettings, label: str) -> Part:
        """How the recommender does on training rows and on validation during Phase I."""
        return self._searched("learning", study, label, _FREE_OF_FINALS)

    def _searched(self, kind: str, study: StudySettings, label: str, free: Sequence[str]) -> Part:
        _, chosen = check_searcher(study.searcher)  # all its settings: a default may change some day
        source = searcher_source(study.searcher)
        own = {} if source is None else {"searcher_source": source}
        return self._part(kind, label, study, free, searcher={} if chosen is None else asdict(chosen), **own)

    def noise(self, study: StudySettings, loss: str, n_seeds: int) -> Part:
        """A known loss with several seeds, after a short training and converged."""
        entry = {"name": loss, "program": None, "epsilon": None}
        free = _FREE_OF_SEARCH + _FREE_OF_FINALS
        return self._part("noise", f"noise floor of {loss}", study, free, noise_seeds=n_seeds, loss=entry)

    def _part(self, kind: str, label: str, study: StudySettings, free: Sequence[str], **content: Any) -> Part:
        """A part that depends on the settings of a study but for the `free` ones, and on `content`."""
        settings = {name: value for name, value in study.to_dict().items() if name not in free}
        source, backend = recommender_source(study.recommender), backend_source(study.backend)
        content |= {} if source is None else {"recommender_source": source}
        content |= {} if backend is None else {"backend_source": backend}
        return Part(kind, label, {"settings": settings, "data": self._data, **content})
