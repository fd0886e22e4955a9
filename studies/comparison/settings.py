"""What a comparison is made of: searchers, seeds, and what every run shares.

The annotations are objects and not strings, see `studies.study.settings`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from cyclopts import Parameter

from core.common.errors import UserError
from core.common.specification import written_line
from recommenders.data import DataFiles
from recommenders.data.options import option
from recommenders.tasks.losses import NAMED_LOSSES, find_named_loss
from recommenders.tasks.ranking.loss_problem import USUAL
from searchers import check_searcher
from studies.execution.registry import WorkPlaces
from studies.storage.output import folder_name
from studies.study.interactions import InteractionSettings
from studies.study.parts import PART, flat, typed
from studies.study.problems import LOSS, parse_problem
from studies.study.ranking import RankingSearchSettings
from studies.study.settings import ExperimentName, StudySettings, TrackingPlace
from studies.study.settings_search import JudgingSettings, LossSettings, SearchSettings
from studies.study.settings_training import FORMULA, PRESETS, SPACED, listed
from studies.study.task_studies import PROBLEM, RankingRunPhases, RatingJudging, RatingSearch

#: In every comparison, whether asked for or not: what does not beat it has learned nothing.
RANDOM_BASELINE = "random"
#: The problem that --table stands for.
TABLE = "table"


@dataclass(frozen=True, kw_only=True)
class RunSearch(SearchSettings):
    """The search of every run, with more to do than that of a study."""

    trainings: int = 300
    """How many candidate losses each run trains."""
    samples_per_training: int = 20_000
    """When so many proposals in a row bring nothing to train, a run ends early."""


@dataclass(frozen=True, kw_only=True)
class RunLosses(LossSettings):
    """How every run trains losses: fairly, unless asked otherwise."""

    preset: Annotated[str, Parameter(help=listed("How losses are trained and judged", PRESETS))] = "fast"
    environment: str | None = "from-scratch"
    """Where rewards come from: from-scratch (always the same fresh recommender, fair to every searcher) or
    alternating (Algorithm 1)."""


@dataclass(frozen=True, kw_only=True)
class RunJudging(JudgingSettings):
    """What is trained to convergence of every run, and what is drawn beside."""

    finalists: int | None = 1
    """How many losses of each run are trained to convergence, the best on validation counts."""
    baseline: Annotated[tuple[str, ...], FORMULA, SPACED] = tuple(NAMED_LOSSES)
    """Losses to draw beside, by name or formula (repeat the option for several)."""


@dataclass(frozen=True, kw_only=True)
class RunSettings(StudySettings):
    """One run; what it does not share with the others is no option."""

    searcher: Annotated[str, Parameter(parse=False)] = RANDOM_BASELINE
    seed: Annotated[int, Parameter(parse=False)] = 0
    split_seed: int | None = 0
    """Decides which rows are the parts, where data are split at random: the same for all runs, whatever their seed, so
    that no search sees what its loss is judged by."""
    search: Annotated[RunSearch, PART] = field(default_factory=RunSearch)
    losses: Annotated[RunLosses, PART] = field(default_factory=RunLosses)
    judging: Annotated[RunJudging, PART] = field(default_factory=RunJudging)


@dataclass(frozen=True, kw_only=True)
class CompareSettings:
    """A comparison. Together with the code, these settings decide its result, but for seconds.

    Raises:
        UserError: anything that no run could work with.
    """

    searchers: str = "rl,gp,optuna,hybrid,surrogate"
    """Searchers, parted by commas, with settings as in optuna:sampler=cmaes; random is always among them."""
    seeds: int = 10
    """Runs of each searcher. Runs with the same seed share the start and the batches."""
    noise_seeds: int = 8
    """Times that something known is trained with other seeds, to measure the noise floor."""
    noise_loss: str = "MaxR"
    """What that is, by name: a known loss, or another problem's first known candidate."""
    study: Annotated[RunSettings, PART] = field(default_factory=RunSettings)

    def __post_init__(self) -> None:
        """Check what no part checks."""
        for name, least in (("seeds", 1), ("noise_seeds", 2)):
            if getattr(self, name) < least:
                raise UserError(f"{option(name)}: expected at least {least}, got {getattr(self, name)}")
        if self.study.search.problem == LOSS and find_named_loss(self.noise_loss) is None:
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

    def noise_of(self, known: Sequence[str]) -> str:
        """Return what the noise floor is measured with.

        Args:
            known: names that the problem knows; the first one stands in where the usual loss is none of them.
        """
        is_usual = self.study.search.problem != LOSS and self.noise_loss == CompareSettings.noise_loss
        return known[0] if is_usual else self.noise_loss

    def run(self, searcher: str, seed: int) -> StudySettings:
        """Return the settings of one run."""
        return replace(self.study, searcher=searcher, seed=seed)

    def on(self, files: DataFiles) -> Self:
        """Return these settings on files, see StudySettings."""
        return replace(self, study=self.study.on(files))

    def to_dict(self) -> dict[str, Any]:
        """Return every setting by name, tuples as lists."""
        own = {name: value for name, value in flat(self).items() if name not in flat(self.study)}
        shared = {name: value for name, value in self.study.to_dict().items() if name not in ("searcher", "seed")}
        return own | {"searchers": ",".join(self.names)} | shared


@dataclass(frozen=True, kw_only=True)
class RankingComparison:
    """A comparison on rankings."""

    task: Annotated[str, Parameter(help="What the model is for: ranking here; without it, predictions.")] = "ranking"
    searchers: str = CompareSettings.searchers
    """Searchers, parted by commas; random is always among them."""
    seeds: int = 5
    """Runs of each searcher."""
    noise_seeds: int = 4
    """Times that something known is trained with other seeds, to measure the noise floor."""
    noise_loss: str = USUAL[0]
    """What that is: a known loss, by name or formula."""
    ranking: Annotated[RankingSearchSettings, PART] = field(default_factory=RankingSearchSettings)
    phases: Annotated[RankingRunPhases, PART] = field(default_factory=RankingRunPhases)

    @property
    def settings(self) -> CompareSettings:
        """The comparison."""
        search = RunSearch(problem=self.ranking.line(), **self.phases.search)
        run = RunSettings(search=search, judging=RunJudging(**self.phases.judging))
        given = {name: getattr(self, name) for name in ("searchers", "seeds", "noise_seeds", "noise_loss")}
        return CompareSettings(**given, study=run)


@dataclass(frozen=True, kw_only=True)
class RatingComparison:
    """A comparison on ratings."""

    task: Annotated[str, Parameter(help="What the model is for: rating here; without it, predictions.")] = "rating"
    searchers: str = CompareSettings.searchers
    """Searchers, parted by commas; random is always among them."""
    seeds: int = 5
    """Runs of each searcher."""
    noise_seeds: int = CompareSettings.noise_seeds
    """Times that something known is trained with other seeds, to measure the noise floor."""
    noise_loss: str = "multiply"
    """What that is: a known interaction, by name or formula."""
    interaction: Annotated[InteractionSettings, PART] = field(default_factory=InteractionSettings)
    search: Annotated[RatingSearch, PART] = field(default_factory=RatingSearch)
    judging: Annotated[RatingJudging, PART] = field(default_factory=lambda: RatingJudging(finalists=1))

    @property
    def settings(self) -> CompareSettings:
        """The comparison."""
        line = written_line(PROBLEM, self.interaction)
        search = RunSearch(**{**vars(self.search), "problem": line})
        run = RunSettings(search=search, judging=RunJudging(**vars(self.judging)))
        given = {name: getattr(self, name) for name in ("searchers", "seeds", "noise_seeds", "noise_loss")}
        return CompareSettings(**given, study=run)


@dataclass(frozen=True, kw_only=True)
class ComparisonTracking(TrackingPlace):
    """Where MLflow keeps comparisons."""

    experiment: ExperimentName = ""
    """MLflow's experiment, one for each comparison. Unless given: MLFLOW_EXPERIMENT_NAME, or else
    loss-search-comparison."""

    usual_experiment: ClassVar[str] = "loss-search-comparison"


@dataclass(frozen=True, kw_only=True)
class ComparePlaces:
    """Where things are read and written, and how the machine is used. These do not change what is computed."""

    table: Path | None = None
    """A table of losses that python -m studies.table wrote, to be searched in place of training: as --problem table
    with --data."""
    files: Annotated[DataFiles, PART] = field(default_factory=DataFiles)
    work: Annotated[WorkPlaces, PART] = field(default_factory=WorkPlaces)
    tracking: Annotated[ComparisonTracking, PART] = field(default_factory=ComparisonTracking)
    out: Path | None = None
    """Folder of the comparison; results/compare-DATASET-RECOMMENDER unless given. What is there already is not done
    again."""


def of_table(settings: CompareSettings, places: ComparePlaces) -> tuple[CompareSettings, ComparePlaces]:
    """Return settings and places in which --table is written out; the same ones where it is not given.

    Raises:
        UserError: something else is to be searched.
    """
    if places.table is None:
        return settings, places
    search, path = settings.study.search, places.table
    if not path.is_file():
        raise UserError(f"--table {path}: expected a file that python -m studies.table wrote, got none there")
    if places.files.data is not None:
        raise UserError("--table: expected it alone, got --data as well")
    if parse_problem(search.problem).name not in (LOSS, TABLE):
        raise UserError(f"--table: expected it alone or with --problem {TABLE}:..., got --problem {search.problem}")
    problem = TABLE if search.problem == LOSS else search.problem
    study = replace(settings.study, search=replace(search, problem=problem))
    out = places.out or Path("results") / folder_name(f"compare-{problem}-{path.resolve().parent.name}")
    files = replace(places.files, data=path)
    return replace(settings, study=study), replace(places, table=None, files=files, out=out)


def command(settings: CompareSettings, places: ComparePlaces) -> str:
    """What to type to get this again; options that have their defaults are left out."""
    return typed(("python", "-m", "studies.compare"), settings, places.files, out=places.out)
