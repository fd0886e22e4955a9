"""What a tuning is made of.

The annotations are objects and not strings, see `studies.study.settings`.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, ClassVar

from cyclopts import Parameter

from core.common.errors import UserError
from recommenders.tasks.contenders import baseline
from recommenders.tasks.losses import find_named_loss, make_loss
from recommenders.tasks.metrics import Metric, find_metric
from studies.execution.places import PartsPlaces
from studies.study.problems import LOSS
from studies.study.settings import ProtocolSettings, SearchSettings, StudySettings
from studies.study.settings_training import FORMULA
from studies.study.tracking_place import ExperimentName
from studies.tuning.tunables import OF_LOSS, OF_SEARCH, Tunable, present_value, read_tunables

#: What is tuned unless said otherwise: the two things that the paper fixes by hand.
_USUAL_OF_LOSS = ("epsilon",)
_USUAL_OF_SEARCH = ("proxy_delta", "eta", "min_positive_rate", "xi")


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """What is tuned, and how."""

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


@dataclass(frozen=True, kw_only=True)
class TuneSettings(ProtocolSettings, SearchSettings, Tuned):
    """A tuning. Together with the code, these settings decide its result where one process does it.

    Raises:
        UserError: anything that no trial could work with.
    """

    trainings: int = 100
    """How many candidate losses each search trains: all trials have the same budget."""
    environment: str = "from-scratch"
    """Where rewards come from: from-scratch (always the same fresh recommender) or alternating (Algorithm 1)."""

    def __post_init__(self) -> None:
        """Check what no other class checks."""
        super().__post_init__()
        if self.problem != LOSS:
            raise UserError(f"--problem: expected loss, the only one with settings to tune, got {self.problem}")
        for name, least in (("trials", 1), ("seeds", 1), ("confirm", 0)):
            if getattr(self, name) < least:
                raise UserError(f"--{name}: expected at least {least}, got {getattr(self, name)}")
        if not 0 <= self.prune < 1:
            raise UserError(f"--prune: expected 0 up to below 1, got {self.prune}")
        if self.objective not in ("search", "converged"):
            raise UserError(f"--objective: expected search or converged, got {self.objective!r}")
        if self.loss is not None and any(one.name == "epsilon" for one in self.tunables):
            (epsilon, _), *_ = baseline(self.loss, self.space, (self.xi,)).choices
            if epsilon is None:
                raise UserError(f"--vary epsilon: {self.loss[:80]} has no smoothing term; vary learning_rate instead")
        elif self.loss is not None:
            make_loss(self.loss, self.space)
        _ = self.tunables

    @property
    def chosen_by(self) -> Metric:
        """What decides."""
        return find_metric(self.task, self.metric)

    @property
    def tunables(self) -> tuple[Tunable, ...]:
        """What is tuned, with the ranges."""
        if self.loss is None:
            return read_tunables(self.vary or _USUAL_OF_SEARCH, OF_SEARCH, self.searcher)
        return read_tunables(self.vary or _USUAL_OF_LOSS, OF_LOSS, self.searcher)

    @property
    def present(self) -> dict[str, float]:
        """The values without tuning."""
        values: dict[str, float] = {}
        for one in self.tunables:
            own = one.name == "epsilon"
            value = self.own_epsilon if own else present_value(one.name, self.study(0), self.searcher)
            values[one.name] = int(value) if one.whole else value
        return values

    @property
    def own_epsilon(self) -> float:
        """The smoothing term of the loss without tuning: a named loss's own, or the space's xi."""
        named = None if self.loss is None else find_named_loss(self.loss)
        return self.xi if named is None or named.epsilon is None else named.epsilon

    def study(self, seed: int) -> StudySettings:
        """The settings of a study without tuning."""
        shared = {f.name: getattr(self, f.name) for f in fields(ProtocolSettings)}
        return StudySettings(searcher=self.searcher, seed=seed, **shared)

    def to_dict(self) -> dict[str, Any]:
        """Every setting by name, tuples as lists; `vary` with its ranges."""
        return {**super().to_dict(), "vary": [str(tunable) for tunable in self.tunables]}


@dataclass(frozen=True, kw_only=True)
class TunePlaces(PartsPlaces):
    """Where things are read and written, and how the machine is used. These do not change what is computed."""

    out: Path | None = None
    """Folder of the tuning; results/tune-WHAT-DATASET-RECOMMENDER unless given. What is there is not done again."""
    storage: str | None = None
    """Where Optuna keeps the trials: optuna-journal.log in the folder, or any storage URL, such as
    postgresql+psycopg2://USER@HOST/NAME for several machines."""
    study_name: str | None = None
    """The study's name in the storage; the folder's name unless given."""
    experiment: ExperimentName = ""
    """MLflow's experiment, one for each tuning. Unless given: MLFLOW_EXPERIMENT_NAME, or else loss-search-tuning."""

    usual_experiment: ClassVar[str] = "loss-search-tuning"
