"""What can be set for a reproduction of what slides report.

The annotations are objects and not strings, see `studies.study.settings`.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from cyclopts import Parameter

from core.common.errors import UserError
from core.common.specification import written_line
from recommenders.data.explicit import EXPLICIT_DATASETS
from recommenders.data.fields import FIELD_DATASETS
from recommenders.data.implicit import IMPLICIT_DATASETS
from studies.reproduction.settings import check_seeds
from studies.study.crosses import CrossSettings
from studies.study.decays import DecaySettings
from studies.study.interactions import InteractionSettings
from studies.study.settings_training import SPACED, listed


@dataclass(frozen=True, kw_only=True)
class SlidesReproduceSettings:
    """What is measured. Together with the code, these settings decide the result.

    Raises:
        UserError: a number out of range, or a name that is unknown.
    """

    dataset: Annotated[
        str | None, Parameter(help=listed("The data, ml-100k unless given, or table with --data", IMPLICIT_DATASETS))
    ] = None
    treatment: Annotated[tuple[str, ...], SPACED, Parameter(show_default=False)] = ()
    """Decays to train with instead of those of the table, by name or as a formula, as in fixed, DUI-refit or 1/(n)
    (repeat the option for several)."""
    dimensions: int = DecaySettings.dimensions
    """Length of the vectors; published: 128."""
    max_epochs: int = DecaySettings.max_epochs
    """The most epochs of a training."""
    seeds: int = 5
    """Trainings of each, with other vectors and negatives; the split is by time and always the same."""

    def __post_init__(self) -> None:
        """Check everything without the data."""
        check_seeds(self.seeds)
        DecaySettings(dataset=self.dataset, dimensions=self.dimensions, max_epochs=self.max_epochs)

    @property
    def problem(self) -> str:
        """The line of the problem of decays."""
        given = {name: getattr(self, name) for name in ("dataset", "dimensions", "max_epochs")}
        return written_line("decay", DecaySettings(**given))


@dataclass(frozen=True, kw_only=True)
class CrossReproduceSettings:
    """What is measured. Together with the code, these settings decide the result.

    Raises:
        UserError: a number out of range, or a name that is unknown.
    """

    dataset: Annotated[
        str | None, Parameter(help=listed("The data, planted unless given, or table with --data", FIELD_DATASETS))
    ] = None
    model: Annotated[tuple[str, ...], SPACED, Parameter(show_default=False)] = ()
    """Models beside lr and autocross: lightgbm, ebm, wide-deep, cmi, autocross-3 (a beam of three), or a set of crosses
    (repeat the option for several)."""
    leave_out: Annotated[tuple[str, ...], SPACED, Parameter(show_default=False)] = ()
    """Columns that are not looked at, as duration of bank, which is known only after the call."""
    seeds: int = 5
    """Splits into parts; of adult the test part is published and always the same."""

    def __post_init__(self) -> None:
        """Check everything without the data."""
        check_seeds(self.seeds)
        self.problem  # noqa: B018  # which checks it

    @property
    def asked(self) -> CrossSettings:
        """The settings of the problem of crosses."""
        return CrossSettings(dataset=self.dataset, leave_out=self.leave_out)

    @property
    def problem(self) -> str:
        """The line of the problem of crosses."""
        return written_line("crosses", self.asked)


@dataclass(frozen=True, kw_only=True)
class SifReproduceSettings:
    """What is measured. Together with the code, these settings decide the result.

    Raises:
        UserError: a number out of range, or a name that is unknown.
    """

    dataset: Annotated[
        str | None, Parameter(help=listed("The data, ml-100k unless given, or table with --data", EXPLICIT_DATASETS))
    ] = None
    dimensions: Annotated[tuple[int, ...], SPACED, Parameter(show_default=False)] = ()
    """Lengths of the vectors instead of those of the figure (repeat the option for several)."""
    trainings: int = 20
    """Candidates that each search but the one-shot one trains to convergence, with each of four decays; published: 200,
    one decay."""
    max_epochs: int = InteractionSettings.max_epochs
    """The most epochs of a training."""
    seeds: int = 3
    """Searches, and trainings of each model; another seed is another split, with other vectors."""

    def __post_init__(self) -> None:
        """Check everything without the data."""
        check_seeds(self.seeds)
        if not 1 <= self.trainings <= 100_000:
            raise UserError(f"--trainings: expected 1 to 100,000, got {self.trainings}")
        for one in self.dimensions:
            self.problem_with(dimensions=one)
        self.problem  # noqa: B018  # which checks the rest

    @property
    def problem(self) -> str:
        """The line of the problem of interactions."""
        return self.problem_with()

    def problem_with(self, **given: object) -> str:
        """Return the line of the problem of interactions.

        Args:
            given: more of its settings.
        """
        asked: dict[str, Any] = {"dataset": self.dataset, "max_epochs": self.max_epochs} | given
        return written_line("interaction", InteractionSettings(**asked))
