"""The problem of crossed features, made of its own settings: `--problem crosses:dataset=adult`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from core.common.errors import UserError, format_value
from core.common.specification import Specification, read_settings
from core.crosses.cross import Feature
from core.crosses.spaces import CrossSpace
from recommenders.data.fields import FIELD_DATASETS, FieldOptions, load_fields
from recommenders.data.implicit import ImplicitDataset
from recommenders.tasks.crosses.plan import CrossPlan
from recommenders.tasks.crosses.problem import CrossProblem
from studies.common.spelling import check_known, spelled_in_line

if TYPE_CHECKING:
    from studies.study.problems import Ingredients

_PLANNED = ("spacing", "levels", "keep", "judge", "evaluate", "decays", "patience", "prune", "refit")


@dataclass(frozen=True, kw_only=True)
class CrossSettings:
    """Settings of `--problem crosses`: data, how columns are cut, sets, and how models are trained.

    Raises:
        UserError: a value out of range, or an unknown name.
    """

    dataset: str | None = None
    """adult or bank, from their folders, bank-full, planted, or table: your own, which is usual where --data is given.
    """
    target: str | None = FieldOptions.target
    """Of a table of your own: the column that is predicted, by name or by its position from 1; guessed unless given."""
    positive: str | None = FieldOptions.positive
    """The value of the target that is predicted; guessed unless given."""
    categorical: tuple[str, ...] = FieldOptions.categorical
    """Columns of numbers that are names all the same, such as postcodes; by name or position, as the target."""
    leave_out: tuple[str, ...] = FieldOptions.leave_out
    """Columns that are not looked at, such as those that are known only after the target; by name or position."""
    header: str = FieldOptions.header
    """Whether the first line of a file of text names its columns: yes, no (it is a row), or auto to find out."""
    test_share: float | None = FieldOptions.test_share
    """The share of all rows for the test part; unless given, a fifth, or what is published."""
    validation_share: float = FieldOptions.validation_share
    """The share of the rest for validation: half of it chooses sets, the other half compares them in the end."""
    most_crosses: int = CrossSpace.most_crosses
    """Crosses of a set that is proposed; AutoCross itself may have more."""
    most_features: int = CrossSpace.most_features
    """Features of a cross that is proposed."""
    spacing: str = CrossPlan.spacing
    """How numbers are cut: width (bins of equal width, as published), quantiles, or both."""
    levels: int = CrossPlan.levels
    """So many cuts of each: 10 bins, 100, 1,000 and so on."""
    keep: str = CrossPlan.keep
    """Which cuts of a number are kept: the better half, as published, or all."""
    decays: tuple[float, ...] = CrossPlan.decays
    """Of the squares of weights; where there are several, the best one for columns alone. Unless given, each column and
    cross has its own, found from the training rows."""
    refit: bool = CrossPlan.refit
    """Whether the model that is judged on test, and taken home, is trained on the validation rows, too."""
    evaluate: str = CrossPlan.evaluate
    """How AutoCross looks at candidates: exact (all rows, by Newton's method), or race (as published)."""
    judge: str = CrossPlan.judge
    """What decides there: log-loss, auc, or expected, which adds what training rows let expect."""
    patience: int = CrossPlan.patience
    """AutoCross ends when its best set is so many steps ago; published: 1."""
    prune: float | None = CrossPlan.prune
    """Of sets that go on to Phase III, and of what AutoCross finds, crosses are left out unless log-loss is larger
    without them by more than so many standard errors; none keeps all."""

    def __post_init__(self) -> None:
        """Check everything without the data."""
        with _of_the_line():
            if self.dataset is not None:
                check_known("table of fields", self.dataset, FIELD_DATASETS)
            self.options()
            self.plan()
            CrossSpace((Feature("a"), Feature("b")), self.most_crosses, self.most_features)

    def options(self) -> FieldOptions:
        """Return how a table is read and split."""
        return FieldOptions(**{one.name: getattr(self, one.name) for one in fields(FieldOptions)})

    def plan(self) -> CrossPlan:
        """Return how models are trained, and how AutoCross searches."""
        return CrossPlan(**{name: getattr(self, name) for name in _PLANNED})

    def name_on(self, data: Path | None) -> str:
        """Return the name of the data set where this file is given."""
        return self.dataset or ("planted" if data is None else "table")


def _of_the_line() -> AbstractContextManager[None]:
    return spelled_in_line("crosses", [one.name for one in fields(CrossSettings)])


def make_crosses_problem(given: Ingredients, spec: Specification) -> CrossProblem:
    """Return the problem of crossed features.

    Args:
        given: what it may be made of.
        spec: its settings.

    Raises:
        UserError: anything that it could not be searched with.
    """
    asked, seed, files = read_settings(spec, CrossSettings), given.settings.seed, given.data
    data = getattr(files, "data", None)
    if isinstance(files, ImplicitDataset) or (data is not None and not isinstance(data, Path)):
        raise UserError(f"--problem crosses: expected a table of fields, got {format_value(type(files).__name__)}")
    with _of_the_line():
        table = load_fields(asked.name_on(data), data, given.settings.data_seed, asked.options())
    return CrossProblem(table, asked.plan(), asked.most_crosses, asked.most_features, seed, given.threads)
