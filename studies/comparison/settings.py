"""What a comparison is made of: searchers, seeds and a protocol that they share."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, ClassVar

from core.common.errors import UserError
from recommenders.data.options import option
from recommenders.tasks.losses import NAMED_LOSSES, find_named_loss
from searchers import check_searcher
from studies.execution.places import PartsPlaces
from studies.study.settings import ProtocolSettings, StudySettings
from studies.study.settings_training import FORMULA, SPACED
from studies.study.tracking_place import ExperimentName
from studies.study.typed import typed

#: In every comparison, whether asked for or not: what does not beat it has learned nothing.
RANDOM_BASELINE = "random"


@dataclass(frozen=True, kw_only=True)
class ComparisonOptions:
    """Who is compared."""

    searchers: str = "rl,gp,optuna,hybrid,random"
    """Searchers, parted by commas, with settings as in optuna:sampler=cmaes; random is always among them."""
    seeds: int = 10
    """Runs of each searcher. Runs with the same seed share the start and the batches."""
    noise_seeds: int = 8
    """Times that one loss is trained with other seeds, to measure the noise floor."""
    noise_loss: str = "MaxR"
    """That loss, by name."""


@dataclass(frozen=True, kw_only=True)
class CompareSettings(ProtocolSettings, ComparisonOptions):
    """A comparison. Together with the code, these settings decide its result, but for seconds.

    Raises:
        UserError: anything that no run could work with.
    """

    trainings: int = 300
    """How many candidate losses each run trains."""
    samples_per_training: int = 20_000
    """When so many proposals in a row bring nothing to train, a run ends early."""
    environment: str = "from-scratch"
    """Where rewards come from: from-scratch (always the same fresh recommender, fair to every searcher) or
    alternating (Algorithm 1)."""
    finalists: int = 1
    """How many losses of each run are trained to convergence, the best on validation counts."""
    baseline: Annotated[tuple[str, ...], FORMULA, SPACED] = tuple(NAMED_LOSSES)
    """Losses to draw beside, by name or formula (repeat the option for several)."""

    def __post_init__(self) -> None:
        """Check what no other class checks."""
        super().__post_init__()
        for name, least in (("seeds", 1), ("noise_seeds", 2)):
            if getattr(self, name) < least:
                raise UserError(f"{option(name)}: expected at least {least}, got {getattr(self, name)}")
        if find_named_loss(self.noise_loss) is None:
            raise UserError(f"--noise-loss: expected one of {', '.join(NAMED_LOSSES)}, got {self.noise_loss!r}")
        names = self.names
        for name in names:
            if names.count(name) > 1:
                raise UserError(f"--searchers: expected each searcher once, got {name} twice")

    @property
    def names(self) -> tuple[str, ...]:
        """The searchers as they were written, random in any case."""
        asked = [str(check_searcher(text)[0]) for text in self.searchers.split(",")]
        return tuple(asked if RANDOM_BASELINE in asked else [*asked, RANDOM_BASELINE])

    def study(self, searcher: str, seed: int) -> StudySettings:
        """The settings of one run."""
        shared = {f.name: getattr(self, f.name) for f in fields(ProtocolSettings)}
        return StudySettings(searcher=searcher, seed=seed, **shared)

    def to_dict(self) -> dict[str, Any]:
        """Every setting by name, tuples as lists."""
        return {**super().to_dict(), "searchers": ",".join(self.names)}


@dataclass(frozen=True, kw_only=True)
class ComparePlaces(PartsPlaces):
    """Where things are read and written, and how the machine is used. These do not change what is computed."""

    out: Path | None = None
    """Folder of the comparison; results/compare-DATASET-RECOMMENDER unless given. What is there already is not done
    again."""
    experiment: ExperimentName = ""
    """MLflow's experiment, one for each comparison. Unless given: MLFLOW_EXPERIMENT_NAME, or else
    loss-search-comparison."""

    usual_experiment: ClassVar[str] = "loss-search-comparison"


def command(settings: CompareSettings, places: ComparePlaces) -> str:
    """What to type to get this again; options that have their defaults are left out."""
    return typed(("python", "-m", "studies.compare"), settings, places, ("out",))
