"""What can be set for a reproduction. The command line is made from these classes.

Their annotations are objects and not strings, see `studies.study.settings`.
"""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from core.common.errors import UserError, format_value
from recommenders import RECOMMENDERS
from recommenders.data import DATASETS, DataFiles
from recommenders.data.options import option
from searchers import SEARCHERS
from studies.evaluation.judged import SEEDS_EACH
from studies.execution.registry import WorkPlaces
from studies.study.parts import PART, changed, flat, typed
from studies.study.settings import StudySettings
from studies.study.settings_training import FORMULA, PRESETS, listed

#: The paper's data sets, of which one is fetched and the other has to be given.
FETCHED, GIVEN = "ml-100k", "electronics"
#: Options of everything that trains losses to convergence.
OF_TRAINING = frozenset(
    {"dataset", "recommenders", "seeds", "preset", "learning_rate", "max_epochs", "stop_after", "device"}
)


@dataclass(frozen=True, kw_only=True)
class ReproduceSettings:
    """What is measured. Together with the code, these settings decide the result, but for seconds.

    Raises:
        UserError: a number out of range, or a name that is unknown.
    """

    dataset: Annotated[
        str | None,
        Parameter(
            help=listed(f"The data alone; unless given {FETCHED}, and {GIVEN} beside where --data is given", DATASETS)
        ),
    ] = None
    recommenders: Annotated[
        str, Parameter(help=listed("The models that are trained, parted by commas", RECOMMENDERS))
    ] = "mf"
    seeds: int = 3
    """How many seeds."""
    searcher: Annotated[str, Parameter(help=listed("Who proposes losses, where some are searched", SEARCHERS))] = "rl"
    trainings: int = 200
    """How many candidate losses each search trains."""
    candidates_per_step: int = 16
    """How many candidates are trained together from the same recommender; 1 is Algorithm 1 to the letter."""
    minutes: float = 2.0
    """How long each search may take, where time is what is compared."""
    preset: Annotated[
        str | None,
        Parameter(
            help=listed("How recommenders are trained", PRESETS)
            + " paper unless given for table5, table6 and table8, else fast."
        ),
    ] = None
    learning_rate: float | None = None
    """The recommender's, instead of the preset's."""
    max_epochs: int | None = None
    """The most epochs of a training to convergence, instead of the preset's."""
    stop_after: int | None = None
    """A training to convergence ends when its best epoch is so many epochs ago, instead of the preset's."""
    loss: Annotated[tuple[str, ...], FORMULA, Parameter(show_default=False)] = ()
    """Losses to judge beside BCE, by name or formula, instead of the paper's (repeat the option for several)."""
    trials: int = 64
    """Settings tried for each loss, where they are tuned."""
    tuning_seeds: int = 2
    """Other seeds over which what is tuned is averaged."""
    device: str = "auto"
    """Where to train: auto (cuda where there is one), cpu or cuda."""

    def __post_init__(self) -> None:
        """Check what no other class checks; the settings of every study are checked as it has them."""
        check_seeds(self.seeds)
        if not 0 < self.minutes < math.inf:
            raise UserError(f"--minutes: expected a number above 0, got {self.minutes}")
        models = self.models
        for name in models:
            if not name or models.count(name) > 1:
                raise UserError(f"--recommenders: expected distinct names parted by commas, got {self.recommenders!r}")
            self.study(recommender=name)

    @property
    def models(self) -> tuple[str, ...]:
        """The recommenders."""
        return tuple(name.strip() for name in self.recommenders.split(","))

    def study(self, **given: Any) -> StudySettings:
        """The settings of a study, with what is given in place of these or beside them."""
        names = ("searcher", "trainings", "learning_rate", "max_epochs", "stop_after", "device")
        own = {name: getattr(self, name) for name in names} | {"preset": self.preset or "fast"}
        return StudySettings.from_dict(own | given)


@dataclass(frozen=True, kw_only=True)
class ReproducePlaces:
    """Where things are read and written, and how the machine is used. These do not change what is computed."""

    files: Annotated[DataFiles, PART] = field(default_factory=DataFiles)
    work: Annotated[WorkPlaces, PART] = field(default_factory=WorkPlaces)
    out: Path | None = None
    """Folder of the tables, pictures and raw results; results/reproduce-NAME unless given. What is there already is not
    done again."""
    cached: Path | None = None
    """Print from the raw results in this CSV file, without training; with --out, write and draw them there too."""


def check_seeds(seeds: int) -> None:
    """Refuse a number of seeds that is out of range.

    Raises:
        UserError: it is.
    """
    if not 1 <= seeds <= SEEDS_EACH // 2:
        raise UserError(f"--seeds: expected 1 to {SEEDS_EACH // 2:,}, got {format_value(seeds)}")


def check_used(settings: object, name: str, options: frozenset[str]) -> None:
    """Refuse options that a reproduction has no use for, rather than to ignore them.

    Args:
        settings: of any reproduction.
        name: of this one.
        options: those that it uses.

    Raises:
        UserError: one is not at its default.
    """
    for given in changed(settings):
        if given not in options:
            usable = ", ".join(option(one) for one in flat(settings) if one in options)
            raise UserError(f"{option(given)}: {name} has no use for it; it takes {usable}")


def data_of(settings: ReproduceSettings, files: DataFiles) -> dict[str, DataFiles]:
    """The files of every data set that is measured on, by its name."""
    if settings.dataset is not None:
        return {settings.dataset: files}
    return {FETCHED: DataFiles()} | ({} if files.data is None else {GIVEN: files})


def command(name: str, settings: object, files: DataFiles, **places: object) -> str:
    """What to type to get this; options that have their defaults are left out.

    Args:
        name: of the reproduction.
        settings: of it, whatever it takes.
        files: of the data set.
        places: more options.
    """
    return typed(("python", "-m", "studies.reproduce", name), settings, files, **places)
