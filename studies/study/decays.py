"""The problem of weight decay, made of its own settings: `--problem decay:space=laws`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from core.common.errors import UserError, format_value
from core.common.specification import Specification, read_settings
from core.decays.spaces import LawSpace, LevelSpace
from core.decays.treatment import Learned
from core.search.effectiveness import MOST_EPOCHS, EarlyStopping
from recommenders.data import Dataset, TableOptions
from recommenders.data.implicit import IMPLICIT_DATASETS, ImplicitDataset, ImplicitOptions, load_implicit
from recommenders.tasks.decay.law_problem import LawProblem, LearnedPlan
from recommenders.tasks.decay.problem import DecayProblem
from recommenders.tasks.decay.training import METRICS, DecayPlan
from studies.common.spelling import check_known, spelled_in_line

if TYPE_CHECKING:
    from studies.study.problems import Ingredients

#: Where candidates may come from.
SPACES = ("levels", "laws")
#: Data sets of ratings all of which are choices unless said otherwise, as published.
_ALL = ("ml-100k", "ml-1m")
_COLUMNS = ("user_col", "item_col", "rating_col", "time_col", "header")
_SPLIT = ("held_out", "test_share", "fewest")


@dataclass(frozen=True, kw_only=True)
class DecaySettings:
    """Settings of `--problem decay`: data, space, and how models are trained.

    Raises:
        UserError: a value out of range, or an unknown name.
    """

    problem: ClassVar[str] = "decay"
    """What errors call it."""

    dataset: str | None = None
    """ml-100k unless given, or table where --data is given; ml-1m, gowalla, yelp18, lists, synthetic."""
    user_col: str | None = None
    """Of a table given with --data: the column of users, by name or by its position from 1; guessed unless given."""
    item_col: str | None = None
    """The column of items; guessed unless given."""
    rating_col: str | None = None
    """The column of ratings; guessed unless given. Where there is none (or with none), every row is a choice."""
    time_col: str | None = None
    """The column of times, numbers or dates; guessed unless given; none to do without."""
    header: str = TableOptions.header
    """Whether the first line of a file of text names its columns: yes, no (it is a row), or auto to find out."""
    positive_at: float | None = None
    """Ratings of so much and more are choices. Unless given all are, as published; of a table those of 4 and more."""
    held_out: str = ImplicitOptions.held_out
    """Of ratings: the items of a user that make the test part: time (the last ones), random, or auto: time where there
    are times, else random. The validation part is made alike."""
    test_share: float = ImplicitOptions.test_share
    """Of ratings: the share of each user's items that makes the test part."""
    validation_share: float = 0.25
    """The share of the rest that makes the validation part, by which everything is chosen, and decays are learned."""
    fewest: int = ImplicitOptions.fewest
    """Of ratings: users with fewer items have no test part."""
    space: str = SPACES[0]
    """levels: a decay for each group of users and of items; laws: formulas of n, how often a row is in the training
    part, and e, how far the training is."""
    groups: int = LevelSpace.n_groups
    """Groups of users, and of items, by how often they are in the training part."""
    lines: int = LawSpace.lines
    """Lines of a formula."""
    dimensions: int = DecayPlan.dimensions
    """Length of the vectors of users and items; published: 128."""
    learning_rate: float = DecayPlan.learning_rate
    """The optimiser's; published: .001."""
    optimiser: str = DecayPlan.optimiser
    """adam (which leaves rows alone that a batch does not name) or sgd."""
    batch_size: int = DecayPlan.batch_size
    """Pairs of a step, each with an item that the user has not."""
    init_std: float = DecayPlan.init_std
    """Standard deviation of the vectors that training begins with; published: 1."""
    decays: tuple[float, ...] = DecayPlan.decays
    """What groups choose from; formulas, fixed and frequency are tried with each as their mean, and the best on
    validation counts."""
    exponents: tuple[float, ...] = DecayPlan.exponents
    """What frequency is tried with, beside 0."""
    rates: tuple[float, ...] = DecayPlan.rates
    """Learning rates of decays that are learned, each of which is tried."""
    clip: float = DecayPlan.clip
    """The largest norm of their slopes."""
    horizon: int = DecayPlan.horizon
    """After so many epochs e is 1."""
    every: int = DecayPlan.every
    """Epochs from one evaluation on validation to the next."""
    max_epochs: int = DecayPlan.stopping.max_epochs
    """The most epochs of a training."""
    patience: int = DecayPlan.stopping.best_ago
    """A training ends when the best evaluation is more of them ago."""
    metric: str = METRICS[0]
    """What decides, such as gain-alone@50, recall@20, ndcg@20 or auc."""

    def __post_init__(self) -> None:
        """Check everything without the data."""
        with _of_the_line(self.problem):
            if self.dataset is not None:
                check_known("data set", self.dataset, IMPLICIT_DATASETS)
            check_known("space of decays", self.space, SPACES)
            for name in ("max_epochs", "patience", "every"):
                if not 1 <= getattr(self, name) <= MOST_EPOCHS:
                    raise UserError(f"{name}: expected 1 to {MOST_EPOCHS:,}, got {getattr(self, name)}")
            if not self.validation_share:
                raise UserError("validation_share: decays are chosen on validation, expected above 0, got 0")
            self.options("table")
            self.plan()
            LawSpace(self.lines)
            LevelSpace(self.decays, self.groups)

    def options(self, dataset: str) -> ImplicitOptions:
        """Return how a data set is read and split.

        Args:
            dataset: its name.
        """
        if not IMPLICIT_DATASETS[dataset].has_ratings:
            usual = DecaySettings()
            for name in (*_COLUMNS, *_SPLIT, "positive_at"):
                if getattr(self, name) != getattr(usual, name):
                    raise UserError(f"{name}: data set {dataset} has no ratings, and its parts are given; leave it out")
            return ImplicitOptions(validation_share=self.validation_share)
        at = 0.0 if self.positive_at is None and dataset in _ALL else self.positive_at
        table = TableOptions(**{name: getattr(self, name) for name in _COLUMNS}, positive_at=at)
        own = {name: getattr(self, name) for name in (*_SPLIT, "validation_share")}
        return ImplicitOptions(**own, validation_as_test=True, table=table)

    def plan(self) -> DecayPlan:
        """Return how models are trained."""
        evaluations = -(-self.max_epochs // self.every)
        stopping = EarlyStopping(evaluations, self.patience, evaluations)
        shared = {one.name: getattr(self, one.name) for one in fields(DecayPlan) if hasattr(self, one.name)}
        metrics = tuple(dict.fromkeys((self.metric, *METRICS)))
        return DecayPlan(**shared, stopping=stopping, metrics=metrics)

    def candidates(self) -> LevelSpace | LawSpace:
        """Return the space."""
        return LevelSpace(self.decays, self.groups) if self.space == "levels" else LawSpace(self.lines)

    def name_on(self, data: Path | None) -> str:
        """Return the name of the data set where this file or folder is given."""
        return self.dataset or ("ml-100k" if data is None else "table")


def _of_the_line(problem: str) -> AbstractContextManager[None]:
    return spelled_in_line(problem, [one.name for one in fields(DecaySettings)])


#: Settings of decays that say nothing where laws are explained.
_UNUSED = ("space", "groups", "decays", "exponents", "rates", "every", "max_epochs", "patience", "metric")


@dataclass(frozen=True, kw_only=True)
class LawSettings(DecaySettings):
    """Settings of `--problem law`: those of decays that are about data and training, and what is to be explained.

    Raises:
        UserError: a value out of range, an unknown name, or a setting of decays that it has no use for.
    """

    problem: ClassVar[str] = "law"
    learned: str = "DUI"
    """What has a decay of its own: D, U, I, UI, DU, DI or DUI; those of all dimensions are averaged."""
    rate: float = LearnedPlan.rate
    """The learning rate of decays."""
    epochs: int = LearnedPlan.epochs
    """Of the training in which they are learned."""

    def __post_init__(self) -> None:
        """Check everything without the data."""
        super().__post_init__()
        usual = {one.name: one.default for one in fields(DecaySettings)}
        with _of_the_line(self.problem):
            for name in _UNUSED:
                if getattr(self, name) != usual[name]:
                    raise UserError(f"{name}: laws are not trained, which it is about; leave it out")
            self.target()

    def target(self) -> LearnedPlan:
        """Return how the decays are learned that are to be explained."""
        return LearnedPlan(learned=Learned.parse(self.learned), rate=self.rate, epochs=self.epochs)


def make_law_problem(given: Ingredients, spec: Specification) -> LawProblem:
    """Return the problem of a law that explains learned decays.

    Args:
        given: what it may be made of.
        spec: its settings.

    Raises:
        UserError: anything that it could not be searched with.
    """
    asked, seed = read_settings(spec, LawSettings), given.settings.seed
    data = _loaded("law", asked, given)
    return LawProblem(data, LawSpace(asked.lines), asked.plan(), asked.target(), seed, given.threads)


def make_decay_problem(given: Ingredients, spec: Specification) -> DecayProblem:
    """Return the problem of weight decay.

    Args:
        given: what it may be made of.
        spec: its settings.

    Raises:
        UserError: anything that it could not be searched with.
    """
    asked, seed = read_settings(spec, DecaySettings), given.settings.seed
    return DecayProblem(_loaded("decay", asked, given), asked.candidates(), asked.plan(), seed, given.threads)


def _loaded(problem: str, asked: DecaySettings, given: Ingredients) -> ImplicitDataset:
    data = given.data
    if isinstance(data, Dataset):
        raise UserError(f"--problem {problem}: expected items of users, got {format_value(type(data).__name__)}")
    if isinstance(data, ImplicitDataset):
        return data
    name = asked.name_on(data.data)
    with _of_the_line(problem):
        return load_implicit(name, data.data, given.settings.data_seed, asked.options(name))
