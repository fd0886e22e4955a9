"""Which of a storage's studies are ours: what somebody else made in it is looked at, and never written to."""

from __future__ import annotations

import hashlib
import json
import stat
import time
import uuid
from collections.abc import Mapping, Set
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.exceptions import DuplicatedStudyError
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from core.common.errors import UserError, format_value
from core.common.secrets import masked_url
from studies.storage.checkpoints import check_same
from studies.storage.output import write_file

#: Attributes of our studies; the second one is written last.
ID, IDENTITY = "id", "tuning"
#: Seconds in which another machine names the study that it is just making.
_NAMING, _EVERY = 2.0, 0.1


@dataclass(frozen=True)
class Claim:
    """Makes the study of a tuning, or finds it."""

    storage: BaseStorage
    """Where it is kept."""
    place: str
    """What the storage is called in messages."""
    name: str
    """Of the study."""
    direction: StudyDirection
    """Which way its values are read."""
    names: Set[str]
    """What its trials tried."""
    note: Path | None = None
    """A file that says which study is being made, so that one that a kill left unnamed is known as ours."""

    def take(self, identity: Mapping[str, Any]) -> None:
        """See to it that the study is there and ours.

        Args:
            identity: what decides over the values, by name.

        Raises:
            UserError: it is another tuning's, or somebody else's; nothing was written to it.
        """
        number, is_being_made = self._find_or_make()
        there = self._attributes(number, is_being_made)
        if IDENTITY not in there and is_being_made:
            self._check_content(number, empty=True)
            self.storage.set_study_user_attr(number, ID, uuid.uuid4().hex)
            self.storage.set_study_user_attr(number, IDENTITY, dict(identity))
            self._forget_note()
            return
        if not (isinstance(there.get(ID), str) and isinstance(there.get(IDENTITY), dict)):
            raise self._not_ours("it has none of this program's attributes")
        check_same(f"Optuna's study {self.name!r} was made", there[IDENTITY], identity, "another --out or --study-name")
        self._check_content(number)

    def _find_or_make(self) -> tuple[int, bool]:
        """The study, and whether it was this tuning that made it, now or before it was killed."""
        noted = hashlib.sha256(f"{self.place} {self.name}".encode()).hexdigest().encode()
        with suppress(KeyError):
            number = self.storage.get_study_id_from_name(self.name)
            return number, self.note is not None and self.note.is_file() and self.note.read_bytes() == noted
        if self.note is not None:
            write_file(self.note, noted)
        try:
            return self.storage.create_new_study([self.direction], self.name), True
        except DuplicatedStudyError:  # another machine was first
            self._forget_note()
            return self.storage.get_study_id_from_name(self.name), False

    def _attributes(self, number: int, is_being_made: bool) -> Mapping[str, Any]:
        """Of the study; of one without, as soon as whoever is making it had the time to name it."""
        for _ in range(round(_NAMING / _EVERY)):
            there: Mapping[str, Any] = self.storage.get_study_user_attrs(number)
            if IDENTITY in there or is_being_made or self.storage.get_n_trials(number):
                break
            time.sleep(_EVERY)
        return there

    def _forget_note(self) -> None:
        if self.note is not None:
            self.note.unlink(missing_ok=True)

    def _check_content(self, number: int, empty: bool = False) -> None:
        if self.storage.get_study_directions(number) != [self.direction]:
            raise self._not_ours(f"its values are not to be {self.direction.name.lower()}d")
        for trial in self.storage.get_all_trials(number, deepcopy=False):
            if empty or not self._is_ours(trial):
                got = ", ".join(map(format_value, trial.params)) or "nothing"
                raise self._not_ours(f"its trial {trial.number} varies {got}, and not {', '.join(self.names)}")

    def _is_ours(self, trial: FrozenTrial) -> bool:
        if trial.state is TrialState.COMPLETE:
            return set(trial.params) == self.names and bool(trial.intermediate_values)
        return trial.state is not TrialState.PRUNED and set(trial.params) <= self.names

    def _not_ours(self, why: str) -> UserError:
        return UserError(
            f"--study-name {self.name}: expected a study that this program made, or none, in "
            f"{masked_url(self.place)}; the one there is somebody else's ({why}) and is left as it is; "
            "give another --study-name"
        )


def check_journal(path: Path) -> None:
    """Refuse a file that is no journal of Optuna's, before a line is added to it or taken from it.

    Raises:
        UserError: it, or what lies where its locks are to lie, is something else, or may not be read.
    """
    for lock in locks_of(path):
        if not _is_lock(lock, path):
            raise UserError(f"{lock}: expected no such file: a lock is to lie there; move it away")
    try:
        with path.open("rb") as file:
            first = file.readline(1 << 20)
    except FileNotFoundError:
        return
    except OSError as error:
        raise UserError(f"{path}: cannot read it: {error.strerror}") from None
    if not first or (not first.endswith(b"\n") and b'{"op_code"'.startswith(first[:10])):
        return  # a kill left no whole line
    try:
        entry = json.loads(first)
        is_journal = isinstance(entry, dict) and {"op_code", "worker_id"} <= entry.keys()
    except (ValueError, RecursionError):
        is_journal = False
    if not is_journal:
        raise UserError(
            f"{path}: expected Optuna's journal, or no such file; this is something else; give another --out"
        )


def locks_of(journal: Path) -> tuple[Path, Path]:
    """Optuna's lock, a link to the journal, and an empty file that the system unlocks when a process ends."""
    return journal.with_name(f"{journal.name}.lock"), journal.with_name(f".{journal.name}.flock")


def _is_lock(path: Path, journal: Path) -> bool:
    """Whether nothing is there, or what a killed process left."""
    try:  # in one look: other processes take and free it meanwhile
        if path.suffix == ".lock":
            return path.readlink().name == journal.name
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:  # it is no link
        return False
    return stat.S_ISREG(status.st_mode) and not status.st_size


def check_all_ours(storage: BaseStorage, path: Path) -> None:
    """Refuse a journal in which somebody else keeps studies.

    Raises:
        UserError: one of its studies has trials, but is none of ours.
    """
    for study in storage.get_all_studies():
        number = study._study_id
        if IDENTITY not in storage.get_study_user_attrs(number) and storage.get_n_trials(number):
            raise UserError(
                f"{path}: expected a journal of this program's; it holds the study {format_value(study.study_name)}, "
                "which somebody else made, and is left as it is; give another --out"
            )
