"""The problem of a loss of rankings, made of its own settings: `--problem ranking:dataset=gowalla:max_epochs=50`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from core.common.errors import UserError, format_value
from core.common.specification import Specification, read_settings, written_line
from core.programs.sets.space import ShapeSpace
from core.search.effectiveness import EarlyStopping
from recommenders.backends.ranking.base import Recipe, VectorTask
from recommenders.backends.ranking.optimisers import OPTIMISERS, parse_optimiser
from recommenders.backends.ranking.registry import check_vector_backend, check_vector_backend_takes
from recommenders.common.machine import Machine, pick_device
from recommenders.data import TableOptions
from recommenders.data.implicit import IMPLICIT_DATASETS, ImplicitDataset, ImplicitOptions, load_implicit
from recommenders.data.implicit.samplers import SAMPLERS, parse_sampler
from recommenders.data.options import option
from recommenders.models.vectors.mf import VectorMF
from recommenders.models.vectors.model import VectorModel
from recommenders.models.vectors.registry import VECTOR_MODELS
from recommenders.modules.vector_specification import parse_vector_model
from recommenders.tasks.ranking.loss_problem import RankingLossProblem
from recommenders.tasks.ranking.metrics import find_ranking_metric
from recommenders.tasks.ranking.schedules import SCHEDULES, parse_schedule
from recommenders.tasks.ranking.training import METRICS, RankingPlan
from recommenders.tasks.ranking.tuning import TuningPlan
from studies.study.parts import check_finite
from studies.study.settings_training import check_choice, listed

if TYPE_CHECKING:
    from studies.study.problems import Ingredients


_COLUMNS = ("user_col", "item_col", "rating_col", "time_col")
#: Beside letters and digits, what a value in the line of a problem may have.
SIGNS = "._-+,/@"


@dataclass(frozen=True, kw_only=True)
class RankingSearchSettings:
    """What losses are searched for on rankings: data, model, how it is trained, and how constants are tuned.

    Raises:
        UserError: a value out of range, or an unknown name.
    """

    dataset: Annotated[
        str | None,
        Parameter(help=listed("The data, ml-100k unless given, or table where --data is given", IMPLICIT_DATASETS)),
    ] = None
    user_col: str | None = None
    """Of a table given with --data: the column of users, by name or by its position from 1; guessed unless given."""
    item_col: str | None = None
    """The column of items; guessed unless given."""
    rating_col: str | None = None
    """The column of ratings; guessed unless given. Where there is none (or with none), every row is a positive."""
    time_col: str | None = None
    """The column of times, numbers or dates; guessed unless given; none to do without."""
    header: str = TableOptions.header
    """Whether the first line of a file of text names its columns: yes, no (it is a row), or auto to find out."""
    positive_at: float | None = None
    """Ratings of so much and more are choices: 4 unless given."""
    held_out: str = ImplicitOptions.held_out
    """Of ratings: the items of a user that make the test part: time (the last ones), random, or auto: time where there
    are times, else random."""
    test_share: float = ImplicitOptions.test_share
    """Of ratings: the share of each user's items that makes the test part."""
    fewest: int = ImplicitOptions.fewest
    """Of ratings: users with fewer items have no test part."""
    validation_share: float = ImplicitOptions.validation_share
    """The share of each user's training items by which everything is chosen."""
    recommender: Annotated[str, Parameter(help=listed("The model", VECTOR_MODELS))] = "mf"
    embedding_size: int = VectorMF.embedding_size
    """Length of the vectors of users and items."""
    sampler: Annotated[str, Parameter(help=listed("Negatives", SAMPLERS))] = "shared"
    negatives: int = 256
    """Negatives of a batch where they are shared, else of a positive."""
    optimiser: Annotated[str, Parameter(help=listed("The optimiser", OPTIMISERS))] = "rowwise-adam"
    schedule: Annotated[str, Parameter(help=listed("The learning rate from epoch to epoch", SCHEDULES))] = "cosine"
    weight_decay: float = 0.0
    """The weight of the squared norms of the rows that a batch names."""
    batch_size: int = Recipe.batch_size
    """Positives of a step."""
    max_epochs: int = 50
    """Epochs of the trainings of Phase III."""
    every: int = 5
    """Epochs from one evaluation to the next in Phase III."""
    metric: str = METRICS[0]
    """What decides, such as recall@20, ndcg@20, hitrate@10, mrr or auc."""
    pushes: int = 2
    """The most parts of a loss that push negatives away, 1 to 4."""
    tuning_settings: int = TuningPlan.settings
    """Settings of the constants (and learning rate) that are tried for every loss, found or known."""
    tuning_epochs: int = TuningPlan.epochs
    """Epochs for the best two of them, which are trained anew; the others have a third as many."""
    search_users: int | None = None
    """So many users, drawn at random, are what Phase I sees: for trying things out, fewer users have other best
    losses."""
    device: str = "auto"
    """Where to train: auto (cuda where there is one), cpu or cuda."""
    backend: str = "auto"
    """What trains: auto, compiled (machine code for a CPU, of mf) or torch."""

    def __post_init__(self) -> None:
        """Check everything without the data."""
        check_finite(self)
        if self.dataset is not None:
            check_choice("dataset", self.dataset, tuple(IMPLICIT_DATASETS))
        self.options()
        if not self.validation_share:
            raise UserError("--validation-share: losses are chosen on validation, expected above 0, got 0")
        check_choice("device", self.device, ("auto", "cpu", "cuda"))
        for name in ("recommender", "sampler", "optimiser", "schedule"):
            if ":" in (value := getattr(self, name)):
                usual = getattr(RankingSearchSettings, name)
                raise UserError(f"{option(name)}: expected a name alone, such as {usual}, got {format_value(value)}")
        for name in _COLUMNS:
            value = getattr(self, name)
            if value is not None and not all(one.isascii() and (one.isalnum() or one in SIGNS) for one in value):
                raise UserError(
                    f"{option(name)}: expected letters, digits and {SIGNS}, or the position of the column from 1, got "
                    f"{format_value(value)}; give its position"
                )
        for name in ("negatives", "max_epochs", "every", "tuning_settings", "tuning_epochs"):
            if not 1 <= getattr(self, name) <= 100_000:
                raise UserError(f"{option(name)}: expected 1 to 100,000, got {getattr(self, name)}")
        self.model()
        self.recipe()
        check_vector_backend(self.backend)
        find_ranking_metric(self.metric)
        ShapeSpace(self.pushes)
        TuningPlan(self.tuning_settings, self.tuning_epochs)
        if self.search_users is not None and self.search_users < 1:
            raise UserError(f"--search-users: expected at least 1, got {self.search_users}")

    def model(self) -> VectorModel:
        """Return what is trained."""
        return parse_vector_model(f"{self.recommender}:embedding_size={self.embedding_size}")

    def recipe(self) -> Recipe:
        """Return how a step is taken."""
        sampler = parse_sampler(f"{self.sampler}:negatives={self.negatives}")
        return Recipe(sampler, parse_optimiser(self.optimiser), self.batch_size, self.weight_decay)

    def options(self) -> ImplicitOptions:
        """Return how the data set is made."""
        table = {name: getattr(self, name) for name in (*_COLUMNS, "header", "positive_at")}
        own = {name: getattr(self, name) for name in ("held_out", "test_share", "fewest", "validation_share")}
        return ImplicitOptions(**own, table=TableOptions(**table))

    def name_on(self, data: Path | None) -> str:
        """Return the name of the data set where this file or folder is given."""
        return self.dataset or ("ml-100k" if data is None else "table")

    def plan(self) -> RankingPlan:
        """Return how losses are trained to convergence."""
        stopping = EarlyStopping(self.max_epochs, self.max_epochs, self.max_epochs)
        metrics = tuple(dict.fromkeys((self.metric, *METRICS)))
        schedule = parse_schedule(self.schedule)
        return RankingPlan(schedule=schedule, early_stopping=stopping, every=self.every, metrics=metrics)

    def line(self) -> str:
        """Return the line of the problem, with what differs from the defaults."""
        return written_line("ranking", self)


def make_ranking_problem(given: Ingredients, spec: Specification) -> RankingLossProblem:
    """Return the problem of a loss of rankings.

    Args:
        given: what it may be made of.
        spec: its settings.

    Raises:
        UserError: anything that it could not be searched with.
    """
    asked, seed = read_settings(spec, RankingSearchSettings), given.settings.seed
    machine = Machine(pick_device(asked.device), backend=asked.backend, threads=given.threads)
    check_vector_backend_takes(asked.model(), asked.recipe(), machine)  # before the data are read
    data = given.data
    if not isinstance(data, ImplicitDataset):
        file = data.data  # type: ignore[union-attr]  # files
        data = load_implicit(asked.name_on(file), file, given.settings.data_seed, asked.options())
    task = VectorTask(asked.model(), data, asked.recipe())
    tuning = TuningPlan(asked.tuning_settings, asked.tuning_epochs)
    space = ShapeSpace(asked.pushes)
    return RankingLossProblem(task, asked.plan(), machine, tuning, space, seed, asked.search_users)
