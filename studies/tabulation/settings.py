"""What a table of losses is made of: its settings, and which losses there are and are trained.

The annotations are objects and not strings, see `studies.study.settings`.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from cyclopts import Parameter

from core.common.errors import UserError
from core.losses.loss import ProgramLoss
from core.problems.validation import ValidationCheck
from core.programs.enumeration import MOST_OPERATORS, Enumerated, enumerate_losses
from core.programs.operators.choice import chosen_operators, operators_text
from core.programs.program import LossProgram
from core.search.effectiveness import check_epochs
from recommenders.data import DataFiles, dataset_name
from recommenders.data.options import option
from recommenders.tasks.loss_table import ONE_SIDED, SAME, TRAINED, WRONG
from recommenders.tasks.task import SgdSettings
from studies.execution.registry import WorkPlaces
from studies.execution.runner import ResultCache
from studies.storage.output import folder_name, plain
from studies.study.parts import PART, check_finite, flat, typed
from studies.study.settings import ExperimentName, StudySettings, TrackingPlace
from studies.study.settings_search import OPERATORS_HELP, LossSettings
from studies.study.settings_training import PRESETS, SPACED, DataSettings, TrainingSettings, check_choice, listed


@dataclass(frozen=True, kw_only=True)
class TableTraining(TrainingSettings):
    """How losses are trained."""

    epsilon: Annotated[tuple[float, ...], SPACED] = (1e-1, 1e-6)
    """Smoothing terms that are tried for every loss that has one; searches of the table see scores with the first
    (repeat the option for several)."""


@dataclass(frozen=True, kw_only=True)
class TableSettings:
    """A table of losses. Together with the code, these settings decide what is in it.

    Raises:
        UserError: anything that no table could be made of.
    """

    size: int = 5
    """The most operators of a loss, 1 to 5. Up to 4 there are 16,526 losses, up to 5 325,304."""
    operators: Annotated[str, Parameter(allow_leading_hyphen=True, show_default=False, help=OPERATORS_HELP)] = ""
    min_positive_rate: float = 0.9
    """Losses that point the right way on a smaller share of simulated pairs are not trained."""
    epochs: Annotated[tuple[int, ...], SPACED] = (1, 3, 10, 30)
    """After so many epochs every loss is scored on validation (repeat the option for several)."""
    promising: float = 0.5
    """The share of losses, the best after the last of these epochs with the first smoothing term, that are trained with
    the other smoothing terms and seeds, too; 1 for all."""
    seeds: int = 2
    """Seeds of those trainings."""
    raw: bool = False
    """Also train every loss as large as it is written, multiples of others too, with the first smoothing term and seed:
    what a search sees that does not normalise scales (`table:without=scale`)."""
    converged: int = 300
    """So many of the best losses after the last of these epochs are trained to convergence, and as many others that are
    drawn from the rest, by which short trainings can be judged; 0 for none."""
    decay: Annotated[tuple[float, ...], SPACED] = (9e-5, 3e-4, 3e-5)
    """Weight decays: the first one is that of short trainings, at convergence the best on validation counts (repeat the
    option for several)."""
    preset: Annotated[str, Parameter(help=listed("How recommenders are trained", PRESETS))] = "fast"
    seed: int = 0
    """Decides every random draw: any whole number."""
    data: Annotated[DataSettings, PART] = field(default_factory=DataSettings)
    training: Annotated[TableTraining, PART] = field(default_factory=TableTraining)

    def __post_init__(self) -> None:
        """Check what no part checks."""
        check_finite(self)
        check_choice("preset", self.preset, tuple(PRESETS))
        object.__setattr__(self, "operators", operators_text(chosen_operators(self.operators)))
        if not 1 <= self.size <= MOST_OPERATORS:
            raise UserError(f"--size: expected 1 to {MOST_OPERATORS}, got {self.size}")
        if not self.epochs or list(self.epochs) != sorted(set(self.epochs)):
            raise UserError(f"--epochs: expected rising numbers, got {' '.join(map(str, self.epochs)) or 'none'}")
        for epochs in self.epochs:
            check_epochs("epochs", epochs)
        for name, least in (("seeds", 1), ("converged", 0)):
            if not least <= getattr(self, name) <= 1_000_000:
                raise UserError(f"{option(name)}: expected {least} to 1,000,000, got {getattr(self, name)}")
        if not 0 <= self.promising <= 1:
            raise UserError(f"--promising: expected a share, 0 to 1, got {self.promising:g}")
        if self.training.weight_decay is not None:
            raise UserError("--weight-decay: give it as --decay here, the first one for short trainings")
        if not self.decay:
            raise UserError("--decay: expected at least one")
        _ = self.descents

    @property
    def study(self) -> StudySettings:
        """The settings of a study that trains likewise, losses being brought to the gradient norm of BCE."""
        losses = LossSettings(
            preset=self.preset,
            scale="normalised",
            operators=self.operators,
            min_positive_rate=self.min_positive_rate,
            search_weight_decay=self.decay[0],
        )
        training = replace(self.training, weight_decay=self.decay[0])
        return StudySettings(seed=self.seed, data=self.data, training=training, losses=losses)

    @property
    def descents(self) -> list[SgdSettings]:
        """The ways of training, one for each decay."""
        usual = self.study.protocol.train
        return [SgdSettings(usual.learning_rate, decay, usual.clip) for decay in self.decay]

    def on(self, files: DataFiles) -> Self:
        """Return these settings on files, see DataSettings."""
        return replace(self, data=self.data.on(files))

    def to_dict(self) -> dict[str, Any]:
        """Return every setting by name, tuples as lists."""
        values = flat(self) | {"dataset": dataset_name(self.data.dataset, None)}
        return {name: plain(value) for name, value in values.items()}


@dataclass(frozen=True, kw_only=True)
class TableTracking(TrackingPlace):
    """Where MLflow keeps tables."""

    experiment: ExperimentName = ""
    """MLflow's experiment. Unless given: MLFLOW_EXPERIMENT_NAME, or else loss-search-tables."""

    usual_experiment: ClassVar[str] = "loss-search-tables"


@dataclass(frozen=True, kw_only=True)
class TablePlaces:
    """Where things are read and written, and how the machine is used. These do not change what is computed."""

    files: Annotated[DataFiles, PART] = field(default_factory=DataFiles)
    work: Annotated[WorkPlaces, PART] = field(default_factory=WorkPlaces)
    tracking: Annotated[TableTracking, PART] = field(default_factory=TableTracking)
    out: Path | None = None
    """Folder of the table; results/table-SIZE-DATASET-RECOMMENDER unless given. What is there already is not done
    again."""


def default_folder(settings: TableSettings, files: DataFiles) -> Path:
    """Return where a table goes unless said otherwise."""
    what = f"table-{settings.size}-{settings.data.name_on(files)}-{settings.training.recommender}"
    return Path("results") / folder_name(what)


def command(settings: TableSettings, places: TablePlaces) -> str:
    """What to type to get this again; options that have their defaults are left out."""
    return typed(("python", "-m", "studies.table"), settings, places.files, out=places.out)


@dataclass(frozen=True)
class TableLosses:
    """All losses, a row for each."""

    found: Enumerated
    """Without their gradients, which take hundreds of megabytes."""
    positive_rates: np.ndarray
    """The share of simulated pairs on which each points the right way or nowhere [n]."""
    verdicts: np.ndarray
    """What became of each, see TRAINED [n]."""

    @classmethod
    def of(
        cls,
        settings: TableSettings,
        report: Callable[[int, int], None] | None = None,
        cache: ResultCache | None = None,
    ) -> Self:
        """Enumerate and check them.

        Args:
            settings: of the table.
            report: see `enumerate_losses`.
            cache: where they are kept, so that it is done once; None: it is done.
        """
        if cache is None:
            return cls._made(settings, report)
        space = settings.study.space
        content = {"space": plain(asdict(space)), "seed": settings.seed, "rate": settings.min_positive_rate}
        made = cache.arrays("losses", content | {"size": settings.size}, lambda: cls._made(settings, report)._arrays())
        sizes, same_direction = (made[name].astype(np.int64) for name in ("sizes", "same_direction"))
        found = Enumerated(space, made["lines"].astype(np.int16), sizes, np.empty((len(sizes), 0)), same_direction)
        return cls(found, made["positive_rates"], made["verdicts"])

    def _arrays(self) -> dict[str, np.ndarray]:
        """Return what they are made of."""
        found = self.found
        lines, sizes, same = found.lines.astype(np.int8), found.sizes.astype(np.int8), found.same_direction
        kept: dict[str, np.ndarray] = {"lines": lines, "sizes": sizes, "same_direction": same.astype(np.int32)}
        return kept | {"positive_rates": self.positive_rates, "verdicts": self.verdicts}

    @classmethod
    def _made(cls, settings: TableSettings, report: Callable[[int, int], None] | None) -> Self:
        space = settings.study.space
        found = enumerate_losses(space, settings.size, report)
        check = ValidationCheck(settings.min_positive_rate, seed=settings.seed)
        losses = [ProgramLoss(found.program(i), space) for i in range(len(found))]
        rates = check.positive_rates(losses)
        is_wrong, is_one_sided = rates < check.min_positive_rate, np.zeros(len(losses), dtype=bool)
        is_one_sided[~is_wrong] = ~check.moves_both([losses[i] for i in np.flatnonzero(~is_wrong)])
        # What is nearly the same as one that is not trained, by a sign that rounding decides, is trained itself.
        has_trained_first = ~(is_wrong | is_one_sided)[found.same_direction]
        is_same = has_trained_first & (found.same_direction != np.arange(len(found)))
        verdicts = np.select((is_wrong, is_one_sided, is_same), (WRONG, ONE_SIDED, SAME), TRAINED)
        return cls(replace(found, gradients=np.empty((len(found), 0))), rates, verdicts)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.found)

    @cached_property
    def trained(self) -> list[int]:
        """The numbers of those that are trained, in order."""
        numbers: list[int] = np.flatnonzero(self.verdicts == TRAINED).tolist()
        return numbers

    @cached_property
    def multiples(self) -> list[int]:
        """The numbers of those that are not trained for being a positive multiple of one that is."""
        numbers: list[int] = np.flatnonzero(self.verdicts == SAME).tolist()
        return numbers

    @cached_property
    def formulas(self) -> list[str]:
        """All formulas, in order."""
        return [str(self.found.program(i)) for i in range(len(self))]

    def program(self, i: int) -> LossProgram:
        """Return loss number i."""
        return self.found.program(i)

    def counts(self, verdict: str | None = None) -> list[int]:
        """Return how many losses there are with 1, 2, ... operators.

        Args:
            verdict: only those; None: all.
        """
        sizes = self.found.sizes if verdict is None else self.found.sizes[self.verdicts == verdict]
        counted: list[int] = np.bincount(sizes, minlength=self.found.lines.shape[1] + 1)[1:].tolist()
        return counted
