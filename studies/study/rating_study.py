"""Options of searches on ratings as they are: those of a study; a problem's line says the same.

The annotations are objects and not strings, see `studies.study.settings`.
"""

from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from cyclopts import Parameter

from core.common.specification import written_line
from searchers import OF_PROBLEMS, SEARCHERS, YOUR_OWN
from studies.study.interactions import InteractionSettings
from studies.study.parts import PART
from studies.study.settings import StudySettings
from studies.study.settings_data import listed
from studies.study.settings_search import JudgingSettings, SearchSettings
from studies.study.settings_training import FORMULA, SPACED

#: The problem that is searched with --task rating.
PROBLEM = "interaction"


@dataclass(frozen=True, kw_only=True)
class RatingSearch(SearchSettings):
    """What is proposed, and for how long."""

    problem: Annotated[str, Parameter(parse=False)] = PROBLEM
    trainings: int = 100
    """How many candidates Phase I trains to convergence."""
    guess: Annotated[tuple[str, ...], FORMULA, Parameter(show_default=False)] = ()
    """Formulas of p and q that the searcher proposes first, such as "p*q" (repeat the option for several)."""
    candidates_per_step: int = 8
    """How many candidates are proposed at a time."""


@dataclass(frozen=True, kw_only=True)
class RatingJudging(JudgingSettings):
    """What is trained with several seeds in the end, and what it is compared with."""

    baseline: Annotated[tuple[str, ...], FORMULA, SPACED, Parameter(show_default=False)] = JudgingSettings.baseline
    """Interactions to compare with, by name (NCF, DeepWide and the ways to meet) or formula (repeat the option for
    several); the five ways to meet unless given."""


@dataclass(frozen=True, kw_only=True)
class RatingStudy:
    """A study of interaction functions."""

    task: Annotated[str, Parameter(help="What the model is for: rating here; without it, predictions.")] = "rating"
    searcher: Annotated[str, Parameter(help=listed("Who proposes them", {**SEARCHERS, **OF_PROBLEMS}) + YOUR_OWN)] = (
        "gp"
    )
    seed: int = 0
    """Decides every random draw, the split among them."""
    split_seed: int | None = None
    """Decides the split; unless given, --seed."""
    interaction: Annotated[InteractionSettings, PART] = field(default_factory=InteractionSettings)
    search: Annotated[RatingSearch, PART] = field(default_factory=RatingSearch)
    judging: Annotated[RatingJudging, PART] = field(default_factory=RatingJudging)

    @property
    def study(self) -> StudySettings:
        """The study."""
        search = replace(self.search, problem=written_line(PROBLEM, self.interaction))
        seeds: dict[str, Any] = {"seed": self.seed, "split_seed": self.split_seed}
        return StudySettings(searcher=self.searcher, **seeds, search=search, judging=self.judging)
