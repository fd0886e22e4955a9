"""What an evaluation of losses on rankings is trained on, and how.

The annotations are objects and not strings, see `studies.study.settings`.
"""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from core.search.effectiveness import check_epochs
from recommenders.backends.ranking.base import Recipe
from recommenders.backends.ranking.optimisers import OPTIMISERS, parse_optimiser
from recommenders.backends.ranking.registry import check_vector_backend
from recommenders.data import TableOptions
from recommenders.data.implicit import IMPLICIT_DATASETS, ImplicitOptions
from recommenders.data.implicit.samplers import SAMPLERS, parse_sampler
from recommenders.models.vectors.registry import VECTOR_MODELS
from recommenders.modules.vector_specification import parse_vector_model
from recommenders.tasks.ranking import RANKING_METRICS, find_ranking_metric
from recommenders.tasks.ranking.schedules import SCHEDULES, parse_schedule
from recommenders.tasks.ranking.training import METRICS, RankingPlan
from studies.study.parts import PART, check_finite
from studies.study.settings_training import check_choice, listed

#: The learning rate where it is not tuned.
LEARNING_RATE = 0.03


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
        _ = self.options(math.inf)
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
        _ = self.recipe
        RankingPlan(self.rate, parse_schedule(self.schedule), every=self.every)
        check_vector_backend(self.backend)
        for name in ("max_epochs", "stop_after"):
            if (value := getattr(self, name)) is not None:
                check_epochs(name, value)
        find_ranking_metric(self.metric)

    @property
    def rate(self) -> float:
        """The learning rate where it is not tuned."""
        return LEARNING_RATE if self.learning_rate is None else self.learning_rate

    @property
    def recipe(self) -> Recipe:
        """How a step is taken."""
        how = (self.batch_size, self.weight_decay, self.decay_of, self.clip_norm)
        return Recipe(parse_sampler(self.sampler), parse_optimiser(self.optimiser), *how)  # type: ignore[arg-type]  # checked
