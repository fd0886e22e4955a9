"""Problems by name: what is searched. To add one: a file and a row here, or package.module:Class from outside."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from core.common.errors import UserError, unknown_name
from core.common.loading import find_class, source_digest, user_errors_from
from core.common.restoring import reading
from core.common.specification import Specification, kinds_of_arguments, read_settings, read_values
from core.phases.measured import MeasuredProblem, MeasuredTable
from core.phases.problem import StudyProblem
from core.search.space import Space
from recommenders import recommender_source
from recommenders.backends.registry import backend_source
from recommenders.data import DataFiles, Dataset
from recommenders.data.implicit import ImplicitDataset
from recommenders.tasks.table_problem import TableSearchSettings, make_table_problem
from searchers import searcher_source
from studies.study.crosses import CrossSettings, make_crosses_problem
from studies.study.decays import DecaySettings, LawSettings, make_decay_problem, make_law_problem
from studies.study.interactions import InteractionSettings, make_interaction_problem
from studies.study.loss import make_loss_problem
from studies.study.ranking import SIGNS, RankingSearchSettings, make_ranking_problem

if TYPE_CHECKING:
    from studies.study.settings import StudySettings

#: The problem that a study is about unless said otherwise.
LOSS = "loss"


@dataclass(frozen=True)
class ProblemSpec(Specification):
    """See Specification."""

    kind: ClassVar[str] = "problem"
    example: ClassVar[str] = LOSS
    takes_classes: ClassVar[bool] = True
    signs: ClassVar[str] = SIGNS


@dataclass(frozen=True)
class Ingredients:
    """What a problem may be made of."""

    settings: StudySettings
    """Of the study."""
    data: DataFiles | Dataset | ImplicitDataset
    """The files of a data set, or the data set itself."""
    threads: int = 1
    """CPU cores to train on."""
    memory: float | None = None
    """GiB for the parameters of recommenders in training; None: half of what is free."""
    kind: type | None = None
    """The class of the recommender, instead of the one that the settings name."""


@dataclass(frozen=True)
class ProblemEntry:
    """A row of the registry."""

    make: Callable[[Ingredients, ProblemSpec], StudyProblem[Any]]
    about: str
    """What is searched, for --help."""
    settings: type | None = None
    """Of its line, in place of the options of data, training and losses; None: it reads those options."""
    space: Callable[[Specification], Space[Any]] | None = None
    """Its space, without its data; None: it has none that is small enough for a table of all candidates."""


PROBLEMS: Mapping[str, ProblemEntry] = MappingProxyType(
    {
        LOSS: ProblemEntry(lambda given, spec: make_loss_problem(given), "a loss that trains a recommender"),
        "ranking": ProblemEntry(
            make_ranking_problem, "a loss that trains a model on rankings, see --task ranking", RankingSearchSettings
        ),
        "interaction": ProblemEntry(
            make_interaction_problem,
            "how vectors of users and items meet in a model of ratings, see docs/interactions.md",
            InteractionSettings,
            lambda spec: read_settings(spec, InteractionSettings).candidates(),
        ),
        "decay": ProblemEntry(
            make_decay_problem,
            "how hard users and items are held back, by how frequent they are, see docs/decay.md",
            DecaySettings,
            lambda spec: read_settings(spec, DecaySettings).candidates(),
        ),
        "crosses": ProblemEntry(
            make_crosses_problem,
            "which columns of a table are looked at together (AutoCross), see docs/crosses.md",
            CrossSettings,
        ),
        "law": ProblemEntry(
            make_law_problem, "a formula that explains decays that are learned, see docs/decay.md", LawSettings
        ),
        "table": ProblemEntry(
            lambda given, spec: _table_problem(given, spec),
            "the best of a table, given with --data, see docs/table.md",
            TableSearchSettings,
        ),
    }
)
#: Goes on where --help lists the names.
YOUR_OWN = " Or package.module:Class, with settings as in bits:Bits:length=30, see docs/add-a-problem.md."


def parse_problem(text: str) -> ProblemSpec:
    """Read a line such as `loss` or `bits:Bits:length=30` without looking for a class: it may come from a file.

    Raises:
        UserError: an unknown name, or no such line.
    """
    spec = ProblemSpec.parse(text)
    if ":" not in spec.name:
        if spec.name not in PROBLEMS:
            raise unknown_name("problem", spec.name, PROBLEMS)
        read_settings(spec, PROBLEMS[spec.name].settings)
    return spec


def check_problem(text: str) -> tuple[ProblemSpec, type[StudyProblem[Any]] | None, dict[str, Any]]:
    """Return a line such as `bits:Bits:length=30` read, the class of one's own that it names, if any, and its settings.

    Raises:
        UserError: an unknown name or setting, a value that cannot be, or a class that is no problem.
    """
    spec = parse_problem(text)
    if ":" not in spec.name:
        return spec, None, {}
    kind = find_class(spec, _is_problem, "core.phases.problem.StudyProblem")
    return spec, kind, read_values(spec, kinds_of_arguments(kind))


def brings_settings(text: str) -> bool:
    """Return whether a line has settings of its own, as a class of one's own has: then no others are read."""
    name = ProblemSpec.parse(text).name
    return ":" in name or PROBLEMS[name].settings is not None


def reads_files(text: str) -> bool:
    """Return whether the problem of a line is about data that may be given as files."""
    return ":" not in ProblemSpec.parse(text).name


def problem_source(text: str) -> str | None:
    """Return a digest of the file in which the class of a line is written; None for those of the registry.

    Raises:
        UserError: see `check_problem`.
    """
    _, kind, _ = check_problem(text)
    return None if kind is None else source_digest(kind)


def own_sources(settings: StudySettings, kind: type | None = None, *, searches: bool = True) -> dict[str, str]:
    """Return digests of the files of one's own that decide over a study, by what is written in them.

    Args:
        settings: of the study.
        kind: the class of the recommender, instead of the one that the settings name.
        searches: whether the searcher decides, too.

    Raises:
        UserError: a class that is not there any more.
    """
    found = {
        "problem_source": problem_source(settings.search.problem),
        "recommender_source": recommender_source(kind or settings.training.recommender),
        "backend_source": backend_source(settings.training.backend),
        "searcher_source": searcher_source(settings.searcher) if searches else None,
    }
    return {name: digest for name, digest in found.items() if digest is not None}


def make_problem(given: Ingredients) -> StudyProblem[Any]:
    """Return the problem that the settings of a study ask for.

    Raises:
        UserError: anything that it could not be searched with.
    """
    spec, kind, values = check_problem(given.settings.search.problem)
    if kind is None:
        return PROBLEMS[spec.name].make(given, spec)
    with user_errors_from(f"problem {spec.name}: its constructor", exits=True):
        made: StudyProblem[Any] = kind(**values)
    return made


def space_of(text: str) -> Space[Any]:
    """Return the space of the problem of a line, without its data.

    Raises:
        UserError: see `check_problem`; one of which no table of all candidates is made.
    """
    spec, kind, values = check_problem(text)
    if kind is not None:
        with user_errors_from(f"problem {spec.name}: its constructor", exits=True):
            own: StudyProblem[Any] = kind(**values)
        return own.space
    if (make := PROBLEMS[spec.name].space) is None:
        raise UserError(f"problem {spec.name}: there is no table of all its candidates")
    return make(spec)


def _table_problem(given: Ingredients, spec: Specification) -> StudyProblem[Any]:
    """Return the problem of a table: of losses, or of all candidates of a small space."""
    if isinstance(given.data, Dataset | ImplicitDataset) or (path := given.data.data) is None:
        raise UserError(
            "--problem table: expected --data FILE, the table.parquet of python -m studies.table, or a table.json of it"
        )
    if path.suffix != ".json":
        return make_table_problem(path, spec)
    if spec.settings:
        raise UserError(f"problem table: its settings are for tables of losses; leave out {spec.settings[0][0]}")
    table = measured_table(path)
    with reading(f"{path}: expected the table of a problem that is there"):
        return MeasuredProblem(table, space_of(table.problem))


def measured_table(path: Path) -> MeasuredTable:
    """Return a table of every candidate of a small space, of a file.

    Raises:
        UserError: it is no such file.
    """
    with reading(f"{path}: expected the table.json of python -m studies.table --problem"):
        return MeasuredTable.parse(path.read_text(encoding="utf-8"))


def _is_problem(thing: object) -> bool:
    return isinstance(thing, type) and issubclass(thing, StudyProblem) and not inspect.isabstract(thing)
