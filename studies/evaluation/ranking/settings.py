"""What an evaluation of losses on rankings is made of.

The annotations are objects and not strings, see `studies.study.settings`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Self

from cyclopts import Parameter

from core.common.errors import UserError
from core.losses.setwise.registry import RANKING_LOSSES, parse_ranking_loss
from core.phases.metric import Metric
from recommenders.backends.ranking.base import Recipe
from recommenders.backends.ranking.optimisers import OPTIMISERS, parse_optimiser
from recommenders.backends.ranking.registry import check_vector_backend
from recommenders.data import TableOptions
from recommenders.data.implicit import IMPLICIT_DATASETS, ImplicitOptions
from recommenders.data.implicit.samplers import SAMPLERS, parse_sampler
from recommenders.data.options import option, refuse_url
from recommenders.models.vectors.registry import VECTOR_MODELS
from recommenders.modules.vector_specification import parse_vector_model
from recommenders.tasks.ranking import RANKING_METRICS, find_ranking_metric
from recommenders.tasks.ranking.anchors import ANCHORS, parse_anchor
from recommenders.tasks.ranking.schedules import SCHEDULES, parse_schedule
from recommenders.tasks.ranking.training import METRICS, RankingPlan
from studies.evaluation.judged import JudgedSettings
from studies.evaluation.ranking.methods import TUNING_METHODS, check_tuning_method
from studies.evaluation.settings import EvaluationTracking
from studies.execution.places import WorkPlaces
from studies.storage.output import plain
from studies.study.parts import PART, changed, check_finite, flat
from studies.study.settings_data import listed
from studies.study.settings_training import SPACED, check_choice
from studies.study.typed import command_line

#: Known losses that others are tested against unless others are given; each is tuned as those are.
USUAL = ("BPR", "SL", "BSL", "CCL")
#: The learning rate where it is not tuned.
LEARNING_RATE = 0.03


@dataclass(frozen=True)
class RankingProtocol:
    """A row of the table of protocols."""

    about: str
    select_on: str
    """The part by which the best epoch is chosen."""


PROTOCOLS: Mapping[str, RankingProtocol] = MappingProxyType(
    {
        "symmetric": RankingProtocol(
            "learning rate, similarity, dropout, init and all constants of every loss that are not given with it tuned "
            "on validation, with the same number of trials for each; the test part is looked at once",
            "validation",
        ),
        "paper": RankingProtocol(
            "everything as given, no validation part, the best epoch chosen on the test part as in published results",
            "test",
        ),
    }
)


@dataclass(frozen=True, kw_only=True)
class RankingData:
    """Which data, and how they are split."""

    table: Annotated[TableOptions, PART] = field(default_factory=TableOptions)
    dataset: Annotated[
        str | None,
        Parameter(help=listed("The data, ml-100k unless given, or table where --data is given", IMPLICIT_DATASETS)),
    ] = None
    held_out: str = ImplicitOptions.held_out
    """Of ratings: the items of a user that make the test part: time (the last ones), random, or auto: time where there
    are times."""
    test_share: float = ImplicitOptions.test_share
    """Of ratings: the share of each user's items that makes the test part."""
    fewest: int = ImplicitOptions.fewest
    """Of ratings: users with fewer items have no test part."""
    validation_share: float = ImplicitOptions.validation_share
    """The share of each user's training items that makes the validation part."""

    def __post_init__(self) -> None:
        """Check the options."""
        _ = self.options(0.5)
        if self.dataset is not None:
            check_choice("dataset", self.dataset, tuple(IMPLICIT_DATASETS))

    def options(self, validation_share: float) -> ImplicitOptions:
        """Return how data are made.

        Args:
            validation_share: 0 for none.
        """
        return ImplicitOptions(
            held_out=self.held_out,
            test_share=self.test_share,
            fewest=self.fewest,
            validation_share=min(validation_share, self.validation_share),
            table=self.table,
        )

    def name_on(self, data: Path | None) -> str:
        """Return the name of the data set where this file or folder is given."""
        return self.dataset or ("ml-100k" if data is None else "table")


@dataclass(frozen=True, kw_only=True)
class RankingSteps:
    """How vectors are trained."""

    recommender: Annotated[
        str, Parameter(help=listed("The model", VECTOR_MODELS) + " Or package.module:Class. See docs/ranking.md.")
    ] = "mf"
    sampler: Annotated[str, Parameter(help=listed("Negatives", SAMPLERS))] = "shared"
    optimiser: Annotated[str, Parameter(help=listed("The optimiser", OPTIMISERS))] = "rowwise-adam"
    schedule: Annotated[str, Parameter(help=listed("The learning rate from epoch to epoch", SCHEDULES))] = "cosine"
    batch_size: int = Recipe.batch_size
    """Positives of a step."""
    learning_rate: float | None = None
    """The first learning rate, 0.03 unless given; the symmetric protocol tunes it."""
    weight_decay: float = 0.0
    """The weight of squared norms, see --decay-of."""
    decay_of: str = "rows"
    """Of what norms are: rows (those that a batch names, as BSL has it) or tables (whole ones, as RecZoo has it)."""
    clip_norm: float | None = None
    """The largest norm of the gradient of a step; none unless given."""
    max_epochs: int = 50
    """Epochs of a training."""
    stop_after: int | None = None
    """A training ends when its best epoch is so many evaluations ago; never before the last epoch unless given."""
    every: int = 5
    """Epochs from one evaluation to the next; the last one is always evaluated."""
    metric: Annotated[
        str,
        Parameter(help="What decides: " + "; ".join(f"{m.form} ({m.about})" for m in RANKING_METRICS.values()) + "."),
    ] = METRICS[0]
    device: str = "auto"
    """Where to train: auto (cuda where there is one), cpu, cuda, or cuda:1 for the second of several GPUs."""
    backend: str = "auto"
    """What trains: auto, compiled (machine code for a CPU, of mf) or torch."""

    def __post_init__(self) -> None:
        """Check everything without the data."""
        check_finite(self)
        check_choice("decay_of", self.decay_of, ("rows", "tables"))
        parse_vector_model(self.recommender)
        Recipe(parse_sampler(self.sampler), parse_optimiser(self.optimiser), self.batch_size, self.weight_decay)
        Recipe(clip_norm=self.clip_norm)
        RankingPlan(self.rate, parse_schedule(self.schedule), every=self.every)
        check_vector_backend(self.backend)
        for name in ("max_epochs", "stop_after"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise UserError(f"{option(name)}: expected at least 1, got {value}")
        find_ranking_metric(self.metric)

    @property
    def rate(self) -> float:
        """The learning rate where it is not tuned."""
        return LEARNING_RATE if self.learning_rate is None else self.learning_rate


@dataclass(frozen=True, kw_only=True)
class RankingSettings(JudgedSettings):
    """An evaluation on rankings. Together with the code, these settings decide its result.

    Raises:
        UserError: anything that no loss could be judged with.
    """

    task: Annotated[str, Parameter(help="What the model is for: ranking here; see --task classification --help.")] = (
        "ranking"
    )
    loss: Annotated[
        tuple[str, ...],
        Parameter(
            show_default=False,
            help="A loss to judge, by name and constants, as in "
            "BSL:exponent=1.22 (repeat the option for several): " + ", ".join(RANKING_LOSSES) + ".",
        ),
    ] = ()
    baseline: Annotated[tuple[str, ...] | None, Parameter(show_default=False)] = None
    """Losses that the others are tested against (repeat the option for several). Unless given: BPR, SL, BSL and CCL, or
    none by --protocol paper."""
    anchor: Annotated[
        tuple[str, ...], SPACED, Parameter(help=listed("Recommenders without a loss beside them", ANCHORS))
    ] = ("popularity",)
    protocol: Annotated[str, Parameter(help=listed("How losses are trained", PROTOCOLS))] = "symmetric"
    seeds: int = 5
    """Seeds with which every loss is trained in the end: position i of two losses is a pair."""
    trials: int = 16
    """Of the symmetric protocol: settings tried for each loss."""
    tuner: Annotated[str, Parameter(help=listed("Of the symmetric protocol: who proposes them", TUNING_METHODS))] = (
        "tpe"
    )
    tuning_seeds: int = 1
    """Other seeds, over which whatever is chosen on validation is averaged."""
    seed: int = 0
    """Decides every random draw, the validation part among them."""
    data: Annotated[RankingData, PART] = field(default_factory=RankingData)
    steps: Annotated[RankingSteps, PART] = field(default_factory=RankingSteps)

    def __post_init__(self) -> None:
        """Check what no part checks."""
        check_choice("task", self.task, ("ranking",))
        check_choice("protocol", self.protocol, tuple(PROTOCOLS))
        check_tuning_method(self.tuner)
        self.check_numbers()
        for line in self.lines:
            parse_ranking_loss(line)
        for line in self.anchor:
            parse_anchor(line)
        if self.protocol == "symmetric" and self.steps.learning_rate is not None:
            raise UserError(
                "--learning-rate: the symmetric protocol tunes it for every loss; --protocol paper fixes it"
            )
        if self.protocol == "symmetric" and not self.data.validation_share:
            raise UserError("--validation-share: the symmetric protocol chooses on validation, expected above 0, got 0")

    @property
    def lines(self) -> list[str]:
        """The losses as they were given, those to judge first; one that is named twice stands once."""
        return list(dict.fromkeys((*self.loss, *self.baselines)))

    @property
    def baselines(self) -> tuple[str, ...]:
        """The losses that the others are tested against."""
        usual = USUAL if self.protocol == "symmetric" else ()
        return usual if self.baseline is None else self.baseline

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """See JudgedSettings."""
        return tuple(find_ranking_metric(name) for name in dict.fromkeys((self.steps.metric, *METRICS)))

    @property
    def title(self) -> str:
        """See JudgedSettings."""
        return f"Rankings of {self.data.name_on(None)} ({self.steps.recommender})"

    def caveats(self) -> list[str]:
        """See JudgedSettings."""
        if self.protocol == "paper":
            return [
                "The best epoch is chosen on the test part, as in published results: these figures are for comparison "
                "with those, and better than what one would see."
            ]
        return []

    def on(self, data: Path | None) -> Self:
        """Return these settings with the name of the data set that they mean where this file or folder is given."""
        return replace(self, data=replace(self.data, dataset=self.data.name_on(data)))

    def data_settings(self) -> dict[str, Any]:
        """Return what decides over the data set, in plain data."""
        options = self.data.options(0.0 if self.protocol == "paper" else 1.0)
        return {"dataset": self.data.name_on(None), "seed": self.seed, "options": asdict(options)}

    def plan(self) -> dict[str, Any]:
        """Return how is trained, in plain data; what is tuned for each loss is not in it."""
        steps, names = self.steps, ("recommender", "sampler", "optimiser", "schedule", "batch_size", "decay_of")
        values = {name: getattr(steps, name) for name in (*names, "clip_norm", "max_epochs", "every", "backend")}
        values |= {"stop_after": steps.stop_after or steps.max_epochs, "metrics": [one.name for one in self.metrics]}
        return values | {"select_on": PROTOCOLS[self.protocol].select_on}

    def to_dict(self) -> dict[str, Any]:
        """See JudgedSettings."""
        return plain(flat(self) | {"dataset": self.data.name_on(None), "baseline": self.baselines})


@dataclass(frozen=True, kw_only=True)
class RankingPlaces:
    """Where things are read and written, and how the machine is used. These do not change what is computed."""

    data: Path | None = None
    """The folder with train.txt and test.txt, the raw file of the data set, or a table of your own."""
    work: Annotated[WorkPlaces, PART] = field(default_factory=WorkPlaces)
    tracking: Annotated[EvaluationTracking, PART] = field(default_factory=EvaluationTracking)
    out: Path | None = None
    """Folder of the evaluation; results/evaluate-ranking-PROTOCOL-DATASET-RECOMMENDER unless given. What is there
    already is not done again."""

    def __post_init__(self) -> None:
        """Refuse a URL."""
        refuse_url("--data", self.data)


def command(settings: RankingSettings, places: RankingPlaces) -> str:
    """What to type to get this again; options that have their defaults are left out."""
    places_given = {"data": places.data, "out": places.out}
    return command_line(("python", "-m", "studies.evaluate", "--task", "ranking"), changed(settings) | places_given)
