"""What can be set for a study, with a sentence each. The command line is made from these classes.

A setting stands in the class of what it is about, which the settings of every command that has it hold as a part. Their
annotations are objects and not strings: other modules derive parts with other defaults, and cyclopts reads them there.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self, TypeVar

from cyclopts import Parameter

from core.common.errors import UserError
from core.programs.operators.choice import chosen_operators
from core.programs.space import OperatorSpace
from core.search.effectiveness import EarlyStopping
from recommenders.data import DataFiles, dataset_name
from recommenders.data.options import option
from recommenders.tasks.losses import NAMED_LOSSES
from recommenders.tasks.task import TrainSettings
from searchers import OF_PROBLEMS, SEARCHERS, YOUR_OWN
from studies.common.processes import usable_cores
from studies.storage.output import plain
from studies.study.parts import PART, changed, compose, flat
from studies.study.problems import LOSS, brings_settings, reads_files
from studies.study.settings_search import JudgingSettings, LossSettings, SearchSettings
from studies.study.settings_training import PRESETS, DataSettings, Preset, TrainingSettings, listed

_URI, _EXPERIMENT = "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"
_DATABASE = "sqlite:///mlflow.db"

#: Options that are empty unless given; their defaults are not shown by --help: a variable may hold a password.
TrackingUri = Annotated[str, Parameter(show_default=False)]
ExperimentName = Annotated[str, Parameter(show_default=False)]


def tracking_place(given: str) -> str:
    """MLflow's database or server: the one given, else that of MLFLOW_TRACKING_URI, else a database here."""
    return given or os.environ.get(_URI, "").strip() or _DATABASE


def experiment_name(given: str, usual: str) -> str:
    """MLflow's experiment: the one given, else that of MLFLOW_EXPERIMENT_NAME, else the usual one of the command."""
    return given or os.environ.get(_EXPERIMENT, "").strip() or usual


@dataclass(frozen=True, kw_only=True)
class TrackingPlace:
    """Where MLflow keeps what a command does; those that are not given are looked up."""

    tracking_uri: TrackingUri = ""
    """MLflow's database or server; none to do without. Unless given: MLFLOW_TRACKING_URI, or else sqlite:///mlflow.db."""
    experiment: ExperimentName = ""
    """MLflow's experiment, one for each study. Unless given: MLFLOW_EXPERIMENT_NAME, or else loss-search."""

    usual_experiment: ClassVar[str] = "loss-search"

    def __post_init__(self) -> None:
        """Look up what was not given."""
        object.__setattr__(self, "tracking_uri", tracking_place(self.tracking_uri))
        object.__setattr__(self, "experiment", experiment_name(self.experiment, self.usual_experiment))


T = TypeVar("T", TrainSettings, EarlyStopping, Preset)


@dataclass(frozen=True, kw_only=True)
class StudySettings:
    """One study. Together with the code, these settings decide its result."""

    searcher: Annotated[
        str,
        Parameter(
            help=listed("Who proposes losses", {**SEARCHERS, **OF_PROBLEMS})
            + " With settings as in optuna:sampler=cmaes or rl:objective=ppo:learning_rate=0.01, see docs/searchers.md."
            + YOUR_OWN
        ),
    ] = "rl"
    seed: int = 0
    """Decides every random draw: any whole number."""
    split_seed: int | None = None
    """Decides which rows are the parts, where data are split at random; unless given, --seed."""
    data: Annotated[DataSettings, PART] = field(default_factory=DataSettings)
    training: Annotated[TrainingSettings, PART] = field(default_factory=TrainingSettings)
    search: Annotated[SearchSettings, PART] = field(default_factory=SearchSettings)
    losses: Annotated[LossSettings, PART] = field(default_factory=LossSettings)
    judging: Annotated[JudgingSettings, PART] = field(default_factory=JudgingSettings)

    def __post_init__(self) -> None:
        """Refuse settings that the problem does not read."""
        for part in self._unused:
            for name in changed(part):
                raise UserError(f"{option(name)}: --problem {self.search.problem} has no use for it")
        if self.losses.fidelity > 1 and self.protocol.environment != "from-scratch":
            raise UserError("--fidelity: expected 1 with --environment alternating, where a training has one epoch")
        if self.losses.decay:
            if self.training.weight_decay is not None:
                raise UserError("--decay: --weight-decay is one for all losses; give one of the two")
            try:
                _ = self.protocol.ways
            except UserError as error:
                raise UserError(str(error).replace("weight_decay", "decay", 1)) from None

    @property
    def data_seed(self) -> int:
        """The seed that data are split with."""
        return self.seed if self.split_seed is None else self.split_seed

    @property
    def _unused(self) -> tuple[DataSettings | TrainingSettings | LossSettings, ...]:
        """The parts that the problem does not read: one of one's own has settings of its own in place of them."""
        return (self.data, self.training, self.losses) if brings_settings(self.search.problem) else ()

    def on(self, files: DataFiles) -> Self:
        """Return these settings with the name of the data set that they mean where these files are given.

        Raises:
            UserError: files for a problem that reads none, or no such.
        """
        if not self._unused:
            return replace(self, data=self.data.on(files))
        if files.parts and not reads_files(self.search.problem):
            raise UserError(f"--data: --problem {self.search.problem} has no use for it")
        if files.validation_data is not None:
            raise UserError(
                f"--validation-data and --test-data: --problem {self.search.problem} cuts its parts from --data; "
                "leave them out"
            )
        return self

    def subject(self, files: DataFiles) -> str:
        """Return what a study is about, where results are kept: data and recommender, or a problem of one's own."""
        return self.search.problem if self._unused else f"{self.data.name_on(files)}-{self.training.recommender}"

    @property
    def compared(self) -> tuple[str, ...] | None:
        """What found candidates are compared with; None: what the problem brings for that."""
        is_usual = self.judging.baseline == tuple(NAMED_LOSSES)
        return None if is_usual and self.search.problem != LOSS else self.judging.baseline

    @property
    def space(self) -> OperatorSpace:
        """What candidates are made of."""
        losses, training = self.losses, self.training
        return OperatorSpace(
            operators=chosen_operators(losses.operators),
            max_variables=losses.max_variables,
            xi=training.xi,
            clamp=training.clamp,
            min_positive_rate=losses.min_positive_rate if self.protocol.check == "strict" else None,
        )

    @property
    def protocol(self) -> Preset:
        """The preset, with what was given instead."""
        usual, training, losses = PRESETS[self.losses.preset], self.training, self.losses
        rates = {"learning_rate": training.learning_rate, "weight_decay": training.weight_decay}
        train = _given_instead(usual.train, **rates, search_weight_decay=losses.search_weight_decay)
        rule = _given_instead(usual.early_stopping, max_epochs=training.max_epochs, best_ago=training.stop_after)
        given = {name: value for name, value in flat(self).items() if name in _BY_PRESET}
        own = replace(usual, train=train, early_stopping=rule)
        if training.weight_decay is not None:
            own = replace(own, decay=())
        if self._unused:  # a preset is about losses
            own = replace(own, finalists=Preset.finalists, rehearsals=Preset.rehearsals)
        return _given_instead(own, init_std=training.init_std, **given)

    def in_force(self, name: str) -> Any:
        """Return the value of a setting whose default depends on others: on the preset or on the environment."""
        if name in _BY_PRESET:
            return getattr(self.protocol, name)
        given: str | None = flat(self)[name]
        moves = "from-scratch" if self._unused else self.protocol.environment
        return _BY_ENVIRONMENT[name][moves] if given is None else given

    def to_dict(self) -> dict[str, Any]:
        """Return every setting that the problem reads, tuples as lists; some only where they are not the defaults."""
        values = flat(self) | {name: self.in_force(name) for name in (*_BY_PRESET, *_BY_ENVIRONMENT)}
        values |= {"dataset": dataset_name(self.data.dataset, None), "baseline": self.compared}
        unsaid = {name for part in self._unused for name in flat(part)} | (_OPTIONAL - changed(self).keys())
        unsaid |= {"baseline"} if self.compared is None else set()
        return {name: plain(value) for name, value in values.items() if name not in unsaid}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Read what `to_dict` gave, from wherever; settings that are missing have their defaults.

        Raises:
            UserError: an unknown setting, or a value of another kind or out of range.
        """
        return compose(cls, stored)


def _given_instead(usual: T, **given: Any) -> T:
    return replace(usual, **{name: value for name, value in given.items() if value is not None})


#: Settings that are stored only where they are not the defaults, as in what older versions stored.
_OPTIONAL = frozenset(("fidelity", "operators", "problem"))


def check_machine(memory: float | None, checkpoint_every: float, **numbers: int) -> None:
    """Refuse numbers that no machine can be used with.

    Args:
        memory: GiB.
        checkpoint_every: seconds.
        numbers: of processes or cores, by the name of the option.

    Raises:
        UserError: one out of range.
    """
    for name, number in numbers.items():
        if number < 1:
            raise UserError(f"--{name}: expected at least 1, got {number}")
    if memory is not None and not 0 < memory < math.inf:
        raise UserError(f"--memory: expected a number of GiB above 0, got {memory}")
    if not 0 <= checkpoint_every < math.inf:
        raise UserError(f"--checkpoint-every: expected seconds, at least 0, got {checkpoint_every}")


#: Settings whose values are the preset's, unless given.
_BY_PRESET = (
    "environment",
    "epochs_per_candidate",
    "search_epsilon",
    "scale",
    "decay",
    "check",
    "finalists",
    "rehearsals",
)
#: setting -> its value in each environment, unless given.
_BY_ENVIRONMENT: Mapping[str, Mapping[str, str]] = {
    "proxy": {"alternating": "parameters", "from-scratch": "prediction"},
    "duplicates": {"alternating": "original", "from-scratch": "nothing"},
}


@dataclass(frozen=True, kw_only=True)
class PlaceSettings:
    """Where things are read and written, and how the machine is used. These do not change what is computed."""

    files: Annotated[DataFiles, PART] = field(default_factory=DataFiles)
    out: Path | None = None
    """Folder for the result, the found loss, the report and the model; results/SEARCHER-DATASET-RECOMMENDER-SEED unless
    given."""
    tracking: Annotated[TrackingPlace, PART] = field(default_factory=TrackingPlace)
    threads: int = usable_cores()
    """CPU cores to train candidates on."""
    memory: float | None = None
    """GiB that the parameters of recommenders in training may take, instead of half of what is free. Where not all
    candidates fit, they are trained one group after the other."""
    no_model: bool = False
    """Do not keep the recommender that the found loss trains, as a model that MLflow loads and scores with."""
    resume: bool = False
    """Go on from the newest checkpoint in the folder; the result is that of a study that was never interrupted."""
    checkpoint_every: float = 30.0
    """Seconds between checkpoints, and more where writing one takes long; 0: after every step and epoch."""

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_machine(self.memory, self.checkpoint_every, threads=self.threads)
