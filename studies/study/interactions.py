"""The problem of an interaction function, made of its own settings: `--problem interaction:dimensions=16`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from core.common.errors import UserError, format_value
from core.common.specification import Specification, read_settings
from core.interactions.spaces import FunctionSpace, InteractionSpace, NetSpace, NetworkSpace, ProgramSpace
from core.search.effectiveness import MOST_EPOCHS, EarlyStopping
from recommenders.data import Dataset, TableOptions
from recommenders.data.explicit import EXPLICIT_DATASETS, ExplicitOptions, load_ratings
from recommenders.data.implicit import ImplicitDataset
from recommenders.tasks.rating.problem import InteractionProblem
from recommenders.tasks.rating.training import RatingPlan
from studies.common.spelling import check_known, spelled_in_line

if TYPE_CHECKING:
    from studies.study.problems import Ingredients

#: Where candidates may come from.
SPACES = ("functions", "programs", "nets", "networks")


@dataclass(frozen=True, kw_only=True)
class InteractionSettings:
    """Settings of `--problem interaction`: data, space, and how models are trained.

    Raises:
        UserError: a value out of range, or an unknown name.
    """

    dataset: str | None = None
    """ml-100k unless given, or table where --data is given; ml-1m, synthetic."""
    user_col: str | None = None
    """Of a table given with --data: the column of users, by name or by its position from 1; guessed unless given."""
    item_col: str | None = None
    """The column of items; guessed unless given."""
    rating_col: str | None = None
    """The column of ratings; guessed unless given."""
    header: str = TableOptions.header
    """Whether the first line of a file of text names its columns: yes, no (it is a row), or auto to find out."""
    train_share: float = ExplicitOptions.train_share
    """The share of all ratings that is trained on, at random."""
    validation_share: float = ExplicitOptions.validation_share
    """The share by which everything is chosen; the rest is the test part."""
    space: str = SPACES[0]
    """functions: 9 functions of p, 9 of q, and 5 ways to meet; programs: of p, q and 1, by operators of losses; nets:
    scalar networks of p and of q, and 5 ways to meet; networks: of p and q together, trained with them."""
    lines: int = ProgramSpace.lines
    """Lines of a program, with space=programs."""
    dimensions: int = RatingPlan.dimensions
    """Length of the vectors of users and items."""
    biases: Annotated[bool, Parameter(negative="--no-biases")] = RatingPlan.biases
    """Whether users and items have biases. As published they have none, and a sum looks good because it is biases."""
    decays: tuple[float, ...] = RatingPlan.decays
    """Each interaction is trained with each of them, and the best on validation counts."""
    learning_rate: float = RatingPlan.learning_rate
    """Adagrad's."""
    batch_size: int = RatingPlan.batch_size
    """Ratings of a step."""
    init_std: float = RatingPlan.init_std
    """Standard deviation of the vectors that training begins with."""
    max_epochs: int = RatingPlan.stopping.max_epochs
    """The most epochs of a training."""
    patience: int = RatingPlan.stopping.best_ago
    """A training ends when its best epoch on validation is longer ago."""

    def __post_init__(self) -> None:
        """Check everything without the data."""
        with _of_the_line():
            if self.dataset is not None:
                check_known("data set of ratings", self.dataset, EXPLICIT_DATASETS)
            check_known("space of interactions", self.space, SPACES)
            for name in ("max_epochs", "patience"):
                if not 1 <= getattr(self, name) <= MOST_EPOCHS:
                    raise UserError(f"{name}: expected 1 to {MOST_EPOCHS:,}, got {getattr(self, name)}")
            self.options()
            self.plan()
            ProgramSpace(self.lines)

    def options(self) -> ExplicitOptions:
        """Return how ratings are read and split."""
        columns = {name: getattr(self, name) for name in ("user_col", "item_col", "rating_col", "header")}
        shares = {name: getattr(self, name) for name in ("train_share", "validation_share")}
        return ExplicitOptions(**shares, table=TableOptions(**columns))

    def plan(self) -> RatingPlan:
        """Return how models are trained."""
        stopping = EarlyStopping(self.max_epochs, self.patience, self.max_epochs)
        names = ("dimensions", "biases", "decays", "learning_rate", "batch_size", "init_std")
        return RatingPlan(**{name: getattr(self, name) for name in names}, stopping=stopping)

    def candidates(self) -> InteractionSpace:
        """Return the space."""
        spaces = FunctionSpace(), ProgramSpace(self.lines), NetSpace(), NetworkSpace()
        return spaces[SPACES.index(self.space)]

    def name_on(self, data: Path | None) -> str:
        """Return the name of the data set where this file is given."""
        return self.dataset or ("ml-100k" if data is None else "table")


def _of_the_line() -> AbstractContextManager[None]:
    return spelled_in_line("interaction", [one.name for one in fields(InteractionSettings)])


def make_interaction_problem(given: Ingredients, spec: Specification) -> InteractionProblem:
    """Return the problem of an interaction function.

    Args:
        given: what it may be made of.
        spec: its settings.

    Raises:
        UserError: anything that it could not be searched with.
    """
    asked, seed, data = read_settings(spec, InteractionSettings), given.settings.seed, given.data
    if isinstance(data, Dataset | ImplicitDataset):
        raise UserError(f"--problem interaction: expected ratings as they are, got {format_value(type(data).__name__)}")
    with _of_the_line():
        ratings = load_ratings(asked.name_on(data.data), data.data, given.settings.data_seed, asked.options())
    return InteractionProblem(ratings, asked.candidates(), asked.plan(), seed, given.threads)
