"""What can be set about the data, about how recommenders are trained, and how losses run.

The annotations are objects and not strings, see `studies.study.settings`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Annotated, Any, Self

from cyclopts import Parameter

from core.common.errors import UserError
from core.search.effectiveness import EarlyStopping, check_epochs
from recommenders import RECOMMENDERS, YOUR_OWN
from recommenders.backends.registry import check_backend
from recommenders.data import DATASETS, TABLE, DataFiles, Dataset, TableOptions, dataset_name, load_dataset, table_name
from recommenders.data.options import option
from recommenders.tasks.metrics import PredictionMetric, find_metric
from recommenders.tasks.task import SgdSettings, TrainSettings
from studies.study.parts import PART, as_typed, check_finite


def listed(what: str, registry: Mapping[str, Any]) -> str:
    """A sentence with all names of a registry, so that a new row is in --help at once."""
    return f"{what}: " + "; ".join(f"{name} ({entry.about})" for name, entry in registry.items()) + "."


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """Which data, and how a table of one's own is read."""

    table: Annotated[TableOptions, PART] = field(default_factory=TableOptions)
    dataset: Annotated[
        str | None, Parameter(help=listed("The data, ml-100k unless given, or table where --data is given", DATASETS))
    ] = None

    def on(self, files: DataFiles) -> Self:
        """Return these settings with the name of the data set that they mean where these files are given."""
        return replace(self, dataset=dataset_name(self.dataset, files.data))

    def load(self, files: DataFiles, seed: int) -> Dataset:
        """Return the data set.

        Args:
            files: where it needs some.
            seed: of random splits and negatives.

        Raises:
            UserError: see load_dataset.
        """
        return load_dataset(dataset_name(self.dataset, files.data), files, seed, self.table)

    def name_on(self, files: DataFiles) -> str:
        """Return what the data set is called where results are kept: a table has the name of its file."""
        name = dataset_name(self.dataset, files.data)
        return table_name(files.data) if name == TABLE and files.data is not None else name


@dataclass(frozen=True)
class Preset:
    """A way of training and judging, which the options of a study change one by one."""

    train: TrainSettings
    """Of every training run."""
    early_stopping: EarlyStopping
    """When a training run of Phase III ends."""
    init_std: float
    """Standard deviation of initial embeddings and biases."""
    about: str
    """When to use it."""
    environment: str = "alternating"
    """Where rewards come from, see LossSettings; so are those below."""
    epochs_per_candidate: int = 3
    scale: str = "raw"
    check: str = "before"
    search_epsilon: float | None = None
    """None: xi."""
    decay: tuple[float, ...] = ()
    """Weight decays that Phase III chooses from; none: that of `train`."""
    finalists: int = 4
    """See JudgingSettings; so is the next one."""
    rehearsals: int = 0

    @property
    def ways(self) -> tuple[SgdSettings, ...]:
        """How Phase III trains every loss, to choose from; none: as `train` says."""
        return tuple(SgdSettings(self.train.learning_rate, one, self.train.clip) for one in self.decay)


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "tuned": Preset(
            TrainSettings(learning_rate=2.0, clip=0.25, weight_decay=1e-4, search_weight_decay=1e-4),
            EarlyStopping(max_epochs=150, best_ago=25),
            0.1,
            "candidates trained from scratch, all losses at one scale, each with the weight decay that suits it: what "
            "finds losses as good as a tuned BCE",
            environment="from-scratch",
            epochs_per_candidate=10,
            scale="normalised",
            check="strict",
            search_epsilon=0.1,
            decay=(3e-5, 6e-5, 1.2e-4, 2.4e-4),
            finalists=16,
            rehearsals=3,
        ),
        "fast": Preset(
            TrainSettings(learning_rate=0.5, clip=1.0),  # the longest step, learning_rate * clip, is that of paper
            EarlyStopping(max_epochs=150, best_ago=25),
            0.1,
            "the paper's protocol, its test AUC within .001, hinge apart, in a twentieth of the epochs",
        ),
        "paper": Preset(
            TrainSettings(learning_rate=0.01),
            EarlyStopping(max_epochs=4000, best_ago=500, falling=100),
            1.0,
            "as published: learning rate 0.01, start from N(0, 1), thousands of epochs",
            check="after",
        ),
    }
)


#: An option that takes formulas, which may begin with a minus.
FORMULA = Parameter(allow_leading_hyphen=True)
SPACED = Parameter(show_default=lambda values: values and " ".join(map(as_typed, values)))


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """What is trained, and how losses run: what a search and a judgement of losses share."""

    recommender: Annotated[str, Parameter(help=listed("The model that is trained", RECOMMENDERS) + YOUR_OWN)] = "mf"
    task: str = "classification"
    """What the model is for: classification or regression (of the labels 0 and 1)."""
    metric: str | None = None
    """Of the validation score: auc (default), f1, accuracy for classification; rmse (default), mae for regression."""
    device: str = "auto"
    """Where to train: auto (cuda where there is one), cpu, cuda, or cuda:1 for the second of several GPUs."""
    backend: str = "auto"
    """What trains: auto (compiled where that can, else torch), compiled (machine code for a CPU, of recommenders that
    have some), torch, or package.module:Class, see docs/add-a-backend.md."""
    clamp: str = "signed"
    """After every operator: signed (magnitude into [xi, 1/xi]), paper (value into it, negatives are lost) or none."""
    xi: float = 1e-6
    """The clamp's bound, and the smoothing term of log and reciprocal during the search."""
    epsilon: Annotated[tuple[float, ...], SPACED] = (1e-6, 1e-3, 1e-1)
    """Smoothing terms that Phase III tries for every formula, chosen on validation (repeat the option for several)."""
    learning_rate: float | None = None
    """The recommender's, instead of the preset's."""
    weight_decay: float | None = None
    """The recommender's effective decay in Phase III, instead of the preset's."""
    init_std: float | None = None
    """Standard deviation of initial embeddings, instead of the preset's."""
    max_epochs: int | None = None
    """The most epochs of a training run in Phase III, instead of the preset's."""
    stop_after: int | None = None
    """A training run of Phase III ends when its best epoch is so many epochs ago, instead of the preset's (50 in the
    paper, 100 in the published code; trainings that begin with hundreds of epochs at chance need more)."""

    def __post_init__(self) -> None:
        """Check all values."""
        check_finite(self)
        check_backend(self.backend)
        _ = self.chosen_by  # before data are fetched
        for name in ("max_epochs", "stop_after"):
            if (value := getattr(self, name)) is not None:
                check_epochs(name, value)
        if not self.epsilon or not all(0 < e <= 1 for e in self.epsilon):
            raise UserError(f"--epsilon: expected numbers above 0 and up to 1, got {self.epsilon}")

    @property
    def chosen_by(self) -> PredictionMetric:
        """What decides on validation."""
        return find_metric(self.task, self.metric)


def check_choice(name: str, value: object, known: Sequence[str]) -> None:
    """Refuse what is not among the values that a setting may have.

    Raises:
        UserError: it is not.
    """
    if value not in known:
        raise UserError(f"{option(name)}: expected {' or '.join(known)}, got {value!r}")
