"""What can be set, with a sentence each. The command line is made from these classes.

Their annotations are objects and not strings: classes in other modules inherit them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, Self

from cyclopts import Parameter

from core.analysis.picking import Pick
from core.common.errors import UserError
from core.common.restoring import read_fields
from core.programs.operators import OPERATORS, PAPER_OPERATORS
from core.programs.operators.choice import chosen_operators, operators_text
from core.programs.space import OperatorSpace
from core.search.effectiveness import EarlyStopping
from recommenders.data import dataset_name
from recommenders.tasks.losses import NAMED_LOSSES
from recommenders.tasks.task import TrainSettings
from searchers import SEARCHERS, YOUR_OWN
from studies.common.processes import usable_cores
from studies.study.settings_data import DataPlaces, listed
from studies.study.settings_training import FORMULA, PRESETS, SPACED, TrainingSettings, check_choice
from studies.study.tracking_place import ExperimentName, TrackingUri, experiment_name, tracking_place

_OPERATORS_HELP = (
    f"What candidates are made of: {', '.join(PAPER_OPERATORS)} unless given. +exp,+softplus adds to these, -log takes "
    "away, add,mul,log replaces them. There are also "
    + "; ".join(f"{name} ({row.meaning})" for name, row in OPERATORS.items() if not row.in_paper)
    + "."
)


@dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """Who searches."""

    searcher: Annotated[
        str,
        Parameter(
            help=listed("Who proposes losses", SEARCHERS)
            + " With settings as in optuna:sampler=cmaes or rl:objective=ppo:learning_rate=0.01, see docs/searchers.md."
            + YOUR_OWN
        ),
    ] = "rl"
    seed: int = 0
    """Decides every random draw."""


@dataclass(frozen=True, kw_only=True)
class ProtocolSettings(TrainingSettings):
    """What losses are searched and judged on, and for how long; the searcher and the seed aside."""

    trainings: int = 200
    """How many candidate losses Phase I trains."""
    minutes: float | None = None
    """End Phase I after this time, if it comes first."""
    samples_per_training: int = 5_000
    """When so many proposals in a row bring nothing to train, the search is at a dead end."""
    guess: Annotated[tuple[str, ...], FORMULA, Parameter(show_default=False)] = ()
    """Formulas that the searcher proposes first and learns from (repeat the option for several)."""
    environment: str = "alternating"
    """Where rewards come from: alternating (Algorithm 1) or from-scratch (always the same fresh recommender)."""
    preset: Annotated[str, Parameter(help=listed("How recommenders are trained", PRESETS))] = "fast"
    candidates_per_step: int = 16
    """How many candidates are trained together from the same recommender; 1 is Algorithm 1 to the letter."""
    epochs_per_candidate: int = 3
    """Epochs a candidate trains in the from-scratch environment."""
    max_variables: int = 10
    """The longest variable set of a candidate, with y_hat, y and 1 in it."""
    operators: Annotated[str, Parameter(allow_leading_hyphen=True, show_default=False, help=_OPERATORS_HELP)] = ""
    proxy: str | None = None
    """What the proxy test compares: gradients of the recommender's parameters (the paper; default if alternating),
    or of the prediction (default if from-scratch: all predictions of a fresh recommender are about 0.5); or none, which
    trains everything that is proposed (but for --check before)."""
    proxy_size: int = 5
    """Training rows in the fixed batch of the proxy test."""
    proxy_delta: float = 1e-4
    """Gradients shorter than this are zero, closer than this the same."""
    scale: str = "raw"
    """How large losses are trained: raw (as they are) or normalised (each one's gradient on the proxy batch brought to
    BCE's norm, so that shapes are compared: under one decay a loss can win by its scale alone)."""
    duplicates: str | None = None
    """What a duplicate is told: the reward of its original (the paper; default if alternating) or nothing (default if
    from-scratch, where it would pay a searcher for proposing one loss for ever)."""
    eta: float = 0.001
    """The fall in validation score that the reward filter still accepts."""
    check: str = "before"
    """When losses have to pass the validation check: before they are trained, or only after (the paper)."""
    min_positive_rate: float = 0.9
    """The share of simulated pairs on which a loss must not point the wrong way."""
    finalists: int = 4
    """How many losses that passed the validation check are trained to convergence."""
    simpler: int = 4
    """How many more are, for the front of metric against complexity: those that are the best of all no longer ones."""
    pick: str = "best"
    """Which of them is the found loss: best, complexity<=5 (operators) or within<=0.001 (the simplest that close)."""
    baseline: Annotated[tuple[str, ...], FORMULA, SPACED] = tuple(NAMED_LOSSES)
    """Losses to compare with, by name or formula (repeat the option for several)."""
    repeats: int = 3
    """Seeds with which the found loss and the baselines are trained for the final comparison."""
    search_weight_decay: float | None = None
    """The recommender's effective decay in Phase I, instead of the preset's; the published code has a third of that of
    Phase III."""
    threshold_from: str = "validation"
    """The part on which the threshold of F1 and accuracy is chosen: validation, or test as the published code does."""

    def __post_init__(self) -> None:
        """Check what no other class checks."""
        super().__post_init__()
        object.__setattr__(self, "operators", operators_text(chosen_operators(self.operators)))
        for name, known in _CHOICES.items():
            if not (getattr(self, name) is None and name in _BY_ENVIRONMENT):
                check_choice(name, getattr(self, name), known)
        for name in ("finalists", "repeats"):
            if getattr(self, name) < 1:
                raise UserError(f"--{name}: expected at least 1, got {getattr(self, name)}")
        if self.simpler < 0:
            raise UserError(f"--simpler: expected at least 0, got {self.simpler}")
        Pick.parse(self.pick)
        if not self.baseline:
            raise UserError("--baseline: expected at least one loss to compare with, got none")

    @property
    def space(self) -> OperatorSpace:
        """What candidates are made of."""
        operators = chosen_operators(self.operators)
        return OperatorSpace(operators=operators, max_variables=self.max_variables, xi=self.xi, clamp=self.clamp)

    @property
    def train(self) -> TrainSettings:
        """The preset's training settings, with what was given instead."""
        names = ("learning_rate", "weight_decay", "search_weight_decay")
        given: dict[str, Any] = {name: getattr(self, name) for name in names}
        return replace(PRESETS[self.preset].train, **{name: v for name, v in given.items() if v is not None})

    @property
    def initial_std(self) -> float:
        """The preset's standard deviation of initial embeddings, or the one given."""
        return PRESETS[self.preset].init_std if self.init_std is None else self.init_std

    def in_force(self, name: str) -> str:
        """The value of a setting whose default depends on the environment."""
        given: str | None = getattr(self, name)
        return _BY_ENVIRONMENT[name][self.environment] if given is None else given

    @property
    def early_stopping(self) -> EarlyStopping:
        """The preset's rule, with what was given instead."""
        given: dict[str, Any] = {"max_epochs": self.max_epochs, "best_ago": self.stop_after}
        return replace(PRESETS[self.preset].early_stopping, **{name: v for name, v in given.items() if v is not None})

    def to_dict(self) -> dict[str, Any]:
        """Every setting by name, tuples as lists; scale and operators only where they are not the defaults."""
        usual = {f.name for f in fields(self) if f.name in _OPTIONAL and getattr(self, f.name) == f.default}
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in usual}
        values |= {name: self.in_force(name) for name in _BY_ENVIRONMENT}
        values["dataset"] = dataset_name(self.dataset, None)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


@dataclass(frozen=True, kw_only=True)
class StudySettings(ProtocolSettings, SearchSettings):
    """One study. Together with the code, these settings decide its result."""

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """What `to_dict` gave, from wherever; settings that are missing have their defaults.

        Raises:
            UserError: an unknown setting, or a value of another kind or out of range.
        """
        return cls(**read_fields(cls, "setting", stored))


#: Settings that are stored only where they are not the defaults, as in what older versions stored.
_OPTIONAL = ("operators", "scale")
_CHOICES = {
    "check": ("before", "after"),
    "duplicates": ("original", "nothing"),
    "environment": ("alternating", "from-scratch"),
    "preset": tuple(PRESETS),
    "proxy": ("parameters", "prediction", "none"),
    "scale": ("raw", "normalised"),
    "threshold_from": ("validation", "test"),
}


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


#: setting -> its value in each environment, unless given.
_BY_ENVIRONMENT: Mapping[str, Mapping[str, str]] = {
    "proxy": {"alternating": "parameters", "from-scratch": "prediction"},
    "duplicates": {"alternating": "original", "from-scratch": "nothing"},
}


@dataclass(frozen=True, kw_only=True)
class PlaceSettings(DataPlaces):
    """Where things are read and written, and how the machine is used. These do not change what is computed."""

    out: Path | None = None
    """Folder for the result, the found loss, the report and the model; results/SEARCHER-DATASET-RECOMMENDER-SEED unless
    given."""
    tracking_uri: TrackingUri = ""
    """MLflow's database or server; none to do without. Unless given: MLFLOW_TRACKING_URI, or else sqlite:///mlflow.db."""
    experiment: ExperimentName = ""
    """MLflow's experiment, one for each study. Unless given: MLFLOW_EXPERIMENT_NAME, or else loss-search."""
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
        """Check what no other class checks."""
        super().__post_init__()
        check_machine(self.memory, self.checkpoint_every, threads=self.threads)
        object.__setattr__(self, "tracking_uri", tracking_place(self.tracking_uri))
        object.__setattr__(self, "experiment", experiment_name(self.experiment, "loss-search"))
