"""What a tuning is made of.

The annotations are objects and not strings, see `studies.study.settings`.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from cyclopts import Parameter

from core.common.errors import UserError
from recommenders.data import DataFiles
from recommenders.tasks.contenders import baseline
from recommenders.tasks.losses import find_named_loss, make_loss
from recommenders.tasks.metrics import Metric
from studies.execution.registry import WorkPlaces
from studies.study.parts import PART, check_finite, flat
from studies.study.problems import LOSS
from studies.study.settings import ExperimentName, StudySettings, TrackingPlace
from studies.study.settings_search import LossSettings, SearchSettings
from studies.study.settings_training import FORMULA, PRESETS, listed
from studies.tuning.tunables import OF_LOSS, OF_SEARCH, Tunable, present_value, read_tunables

#: What is tuned unless said otherwise: the two things that the paper fixes by hand.
_USUAL_OF_LOSS = ("epsilon",)
_USUAL_OF_SEARCH = ("proxy_delta", "eta", "min_positive_rate", "xi")


@dataclass(frozen=True, kw_only=True)
class TunedSearch(SearchSettings):
    """The search of every trial, with less to do than that of a study."""

    trainings: int = 100
    """How many candidate losses each search trains: all trials have the same budget."""


@dataclass(frozen=True, kw_only=True)
class TunedLosses(LossSettings):
    """How losses are trained in every trial."""

    preset: Annotated[str, Parameter(help=listed("How losses are trained and judged", PRESETS))] = "fast"
    environment: str | None = "from-scratch"
    """Where rewards come from: from-scratch (always the same fresh recommender) or alternating (Algorithm 1)."""


@dataclass(frozen=True, kw_only=True)
class TunedStudy(StudySettings):
    """The study whose settings are tuned."""

    search: Annotated[TunedSearch, PART] = field(default_factory=TunedSearch)
    losses: Annotated[TunedLosses, PART] = field(default_factory=TunedLosses)


@dataclass(frozen=True, kw_only=True)
class TuneSettings:
    """A tuning. Together with the code, these settings decide its result where one process does it.

    Raises:
        UserError: anything that no trial could work with.
    """

    loss: Annotated[str | None, FORMULA] = None
    """Tune the training by this loss, a name or formula. Without it: a search by --searcher."""
    vary: Annotated[tuple[str, ...], Parameter(show_default=False)] = ()
    """What to tune: a name, or name=low:high, or name=low:high:log (repeat the option for several). Of a loss: epsilon
    (the default), learning_rate, weight_decay. Of a search: proxy_delta, eta, min_positive_rate, xi (the defaults),
    proxy_size, learning_rate, search_weight_decay, candidates_per_step, max_variables, and searcher.NAME for a setting
    of the searcher's own, such as searcher.entropy_weight."""
    trials: int = 40
    """How many settings to try, the present ones first."""
    seeds: int = 8
    """Seeds that every trial is averaged over, unless it is worse than the best one beyond doubt before that."""
    confirm: int = 8
    """Other seeds with which the best settings and the present ones are compared at the end; 0 to leave it out."""
    prune: float = 0.1
    """A trial ends early where a Wilcoxon test over its seeds says that it is worse than the best one with at most this
    probability of error; 0: never."""
    objective: str = "search"
    """Of a search: search (the validation metric of its best candidate, right after its short training) or converged
    (that of its best loss after convergence)."""
    study: Annotated[TunedStudy, PART] = field(default_factory=TunedStudy)

    def __post_init__(self) -> None:
        """Check what no part checks."""
        check_finite(self)
        problem = self.study.search.problem
        if problem != LOSS:
            raise UserError(f"--problem: expected loss, the only one with settings to tune, got {problem}")
        for name, least in (("trials", 1), ("seeds", 1), ("confirm", 0)):
            if getattr(self, name) < least:
                raise UserError(f"--{name}: expected at least {least}, got {getattr(self, name)}")
        if not 0 <= self.prune < 1:
            raise UserError(f"--prune: expected 0 up to below 1, got {self.prune}")
        if self.objective not in ("search", "converged"):
            raise UserError(f"--objective: expected search or converged, got {self.objective!r}")
        if self.loss is not None and any(one.name == "epsilon" for one in self.tunables):
            epsilon = baseline(self.loss, self.study.space, (self.study.training.xi,)).variants[0].constant
            if epsilon is None:
                raise UserError(f"--vary epsilon: {self.loss[:80]} has no smoothing term; vary learning_rate instead")
        elif self.loss is not None:
            make_loss(self.loss, self.study.space)
        _ = self.tunables

    @property
    def chosen_by(self) -> Metric:
        """What decides."""
        return self.study.training.chosen_by

    @property
    def tunables(self) -> tuple[Tunable, ...]:
        """What is tuned, with the ranges."""
        if self.loss is None:
            return read_tunables(self.vary or _USUAL_OF_SEARCH, OF_SEARCH, self.study.searcher)
        return read_tunables(self.vary or _USUAL_OF_LOSS, OF_LOSS, self.study.searcher)

    @property
    def present(self) -> dict[str, float]:
        """The values without tuning."""
        values: dict[str, float] = {}
        for one in self.tunables:
            own = one.name == "epsilon"
            value = self.own_epsilon if own else present_value(one.name, self.study)
            values[one.name] = int(value) if one.whole else value
        return values

    @property
    def own_epsilon(self) -> float:
        """The smoothing term of the loss without tuning: a named loss's own, or the space's xi."""
        named = None if self.loss is None else find_named_loss(self.loss)
        return self.study.training.xi if named is None or named.epsilon is None else named.epsilon

    def on(self, files: DataFiles) -> Self:
        """Return these settings on files, see StudySettings."""
        return replace(self, study=self.study.on(files))

    def to_dict(self) -> dict[str, Any]:
        """Return every setting by name, tuples as lists; `vary` with its ranges."""
        own = {name: value for name, value in flat(self).items() if name not in flat(self.study)}
        return own | {"vary": [str(tunable) for tunable in self.tunables]} | self.study.to_dict()


@dataclass(frozen=True, kw_only=True)
class TuningTracking(TrackingPlace):
    """Where MLflow keeps tunings."""

    experiment: ExperimentName = ""
    """MLflow's experiment, one for each tuning. Unless given: MLFLOW_EXPERIMENT_NAME, or else loss-search-tuning."""

    usual_experiment: ClassVar[str] = "loss-search-tuning"


@dataclass(frozen=True, kw_only=True)
class TunePlaces:
    """Where things are read and written, and how the machine is used. These do not change what is computed."""

    files: Annotated[DataFiles, PART] = field(default_factory=DataFiles)
    work: Annotated[WorkPlaces, PART] = field(default_factory=WorkPlaces)
    tracking: Annotated[TuningTracking, PART] = field(default_factory=TuningTracking)
    out: Path | None = None
    """Folder of the tuning; results/tune-WHAT-DATASET-RECOMMENDER unless given. What is there is not done again."""
    storage: str | None = None
    """Where Optuna keeps the trials: optuna-journal.log in the folder, or any storage URL, such as
    postgresql+psycopg2://USER@HOST/NAME for several machines."""
    study_name: str | None = None
    """The study's name in the storage; the folder's name unless given."""
