"""The trials of a tuning as Optuna keeps them: ask, report, tell, and what a killed process left behind.

A sampler is made anew for every trial, seeded by how many came before, so that nothing but the finished trials decides
over the next one: a tuning that was interrupted goes on as if it had not been.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import fmean
from typing import Any

import optuna
from optuna.importance import PedAnovaImportanceEvaluator
from optuna.pruners import NopPruner, WilcoxonPruner
from optuna.samplers import TPESampler
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from core.common.errors import UserError
from core.common.secrets import masked_url
from core.common.seeding import derive_seed
from studies.common.processes import has_died, quiet, this_process
from studies.execution.task import code
from studies.storage.output import OutputFolder
from studies.tuning.claiming import ID, Claim, check_all_ours
from studies.tuning.settings import TunePlaces, TuneSettings
from studies.tuning.storage import open_storage, reaching_storage
from studies.tuning.tunables import Tunable

_PROCESS, _PRUNED, _CODE = "process", "pruned", "code"
_log = logging.getLogger(__name__)
#: Seconds after which a trial without the name of its process has been left by a killed one.
_UNNAMED = 5.0
#: Trials below which nothing can be said about what matters.
_FEWEST_TO_RANK = 10


@dataclass(frozen=True)
class Tried:
    """A finished trial."""

    number: int
    """Counted from 0, the abandoned ones left out."""
    params: Mapping[str, float]
    """Tuned setting -> value."""
    per_seed: Mapping[int, float]
    """Seed -> validation metric."""
    pruned: bool
    """Whether it ended before all seeds were done."""

    @property
    def value(self) -> float:
        """The mean over its seeds."""
        return fmean(self.per_seed.values())

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings and dicts."""
        per_seed = {str(seed): value for seed, value in sorted(self.per_seed.items())}
        shown = {"params": dict(self.params), "value": self.value, "per_seed": per_seed}
        return {"number": self.number, **shown, "pruned": self.pruned}


class Trials:
    """The trials of one tuning.

    Args:
        storage: where they are kept.
        place: what the storage is called in messages.
        name: of Optuna's study there.
        identity: what decides over the values, by name: trials of another tuning are refused.
        tuning: its settings.
        note: see Claim.
        accept_other_code: whether trials that other code made count.

    Raises:
        UserError: the study there is another tuning's or somebody else's; here and later: the storage is gone.
    """

    def __init__(
        self,
        storage: BaseStorage,
        place: str,
        name: str,
        identity: Mapping[str, Any],
        tuning: TuneSettings,
        note: Path | None = None,
        accept_other_code: bool = False,
    ) -> None:
        self._tunables, self._seed, self.place = tuning.tunables, tuning.study.seed, place
        direction = StudyDirection.MAXIMIZE if tuning.chosen_by.higher_is_better else StudyDirection.MINIMIZE
        names = {one.name for one in self._tunables}
        with reaching_storage(place), quiet():
            Claim(storage, place, name, direction, names, note).take(json.loads(json.dumps(identity)))
            pruner = WilcoxonPruner(p_threshold=tuning.prune) if tuning.prune else NopPruner()
            self.study = optuna.load_study(storage=storage, study_name=name, pruner=pruner)
            self._check_code(accept_other_code)
        self._trial: optuna.Trial | None = None

    def _check_code(self, accept_other_code: bool) -> None:
        there = self.study.user_attrs.get(_CODE)
        if there is None and not self.study.get_trials(deepcopy=False):
            self.study.set_user_attr(_CODE, code())
        elif there != code() and not accept_other_code:
            raise UserError(
                f"{masked_url(self.place)}: its trials were made by other code than today's; --accept-other-code goes "
                "on with them, another --out or --study-name begins anew"
            )
        elif there != code():
            _log.warning("warning: trials in %s that other code made count, too", masked_url(self.place))

    @property
    def id(self) -> str:
        """A name for this tuning that no other one has."""
        return str(self.study.user_attrs[ID])

    def _all(self) -> list[FrozenTrial]:
        """Every trial that counts, in order: those that were abandoned do not."""
        return [trial for trial in self.study.get_trials(deepcopy=False) if trial.state is not TrialState.FAIL]

    def begin(self, first: Mapping[str, float]) -> None:
        """Give up what killed processes left, and see to it that the present settings are tried first."""
        with reaching_storage(self.place):
            while unclear := self._give_up_abandoned():
                time.sleep(unclear)
            if not self._all():
                self.study.enqueue_trial(dict(first))

    def _give_up_abandoned(self) -> float:
        """Seconds to wait until the rest can be told; 0 if all could."""
        wait = 0.0
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            process, began = trial.user_attrs.get(_PROCESS), trial.datetime_start or datetime.min
            left = (began + timedelta(seconds=_UNNAMED) - datetime.now()).total_seconds()
            if process is None and left > 0:
                wait = max(wait, left)
            elif process is None or has_died(process) or process == this_process():
                self.study.tell(trial.number, state=TrialState.FAIL)
        return wait

    @property
    def n_begun(self) -> int:
        """Trials that are finished, or at work in some process."""
        with reaching_storage(self.place):
            return sum(trial.state is not TrialState.WAITING for trial in self._all())

    def ask(self) -> tuple[int, dict[str, float]]:
        """Begin a trial: its number and the values to try."""
        number = self.n_begun
        with reaching_storage(self.place), quiet():
            self.study.sampler = TPESampler(
                seed=derive_seed(self._seed, "tuning", number) % 2**32,
                n_startup_trials=10,
                multivariate=True,
                constant_liar=True,
            )
            trial = self._trial = self.study.ask()
            trial.set_user_attr(_PROCESS, this_process())
            return number, {tunable.name: _suggested(trial, tunable) for tunable in self._tunables}

    def report(self, seed: int, value: float) -> bool:
        """Take in the value of one more seed; whether the trial is worse than the best one beyond doubt."""
        assert self._trial is not None, "ask comes before report"
        with reaching_storage(self.place), quiet():
            self._trial.report(value, seed)
            return self._trial.should_prune()

    def tell(self, pruned: bool) -> Tried:
        """The trial is finished. One that ended early counts with its mean so far, as Optuna advises."""
        assert self._trial is not None, "ask comes before tell"
        with reaching_storage(self.place):
            values = self.study.get_trials(deepcopy=False)[self._trial.number].intermediate_values
            if pruned:
                self._trial.set_user_attr(_PRUNED, True)
            number = self.study.tell(self._trial, fmean(values.values())).number
            self._trial = None
            return next(_tried(i, trial) for i, trial in enumerate(self._all()) if trial.number == number)

    @property
    def finished(self) -> list[Tried]:
        """All that are finished, in order."""
        with reaching_storage(self.place):
            return [_tried(i, trial) for i, trial in enumerate(self._all()) if trial.state is TrialState.COMPLETE]

    def importances(self) -> dict[str, float]:
        """How much each setting matters for being among the best tenth (PED-ANOVA); empty where too few were tried."""
        if len({tuple(tried.params.items()) for tried in self.finished}) < _FEWEST_TO_RANK:
            return {}
        with quiet():
            return dict(optuna.importance.get_param_importances(self.study, evaluator=PedAnovaImportanceEvaluator()))


def open_trials(
    tuning: TuneSettings, places: TunePlaces, folder: OutputFolder, names: tuple[str, str], identity: Mapping[str, Any]
) -> Trials:
    """Open the trials of a tuning where its options say that they are.

    Args:
        tuning: its settings.
        places: say where.
        folder: of the tuning.
        names: of Optuna's journal and of Claim's note in the folder.
        identity: see Trials.

    Raises:
        UserError: the storage cannot be used, or see Trials.
    """
    url, path = places.storage, folder.path
    journal, note = (path / name for name in names)
    storage = open_storage(url, folder.growing(journal.name) if url is None else journal)
    if url is None:
        check_all_ours(storage, journal)
    return Trials(
        storage,
        url or str(path),
        places.study_name or path.name,
        identity,
        tuning,
        note,
        places.work.accept_other_code,
    )


def _tried(number: int, trial: FrozenTrial) -> Tried:
    return Tried(number, dict(trial.params), dict(trial.intermediate_values), _PRUNED in trial.user_attrs)


def _suggested(trial: optuna.Trial, tunable: Tunable) -> float:
    if tunable.whole:
        return trial.suggest_int(tunable.name, int(tunable.low), int(tunable.high), log=tunable.log)
    return trial.suggest_float(tunable.name, tunable.low, tunable.high, log=tunable.log)
