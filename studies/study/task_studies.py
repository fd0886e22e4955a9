"""Options of searches for other tasks than predictions: those of a study, and of every run of a comparison.

The annotations are objects and not strings, see `studies.study.settings`.
"""

from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from cyclopts import Parameter

from core.common.specification import written_line
from recommenders.tasks.ranking.loss_problem import USUAL
from searchers import OF_PROBLEMS, SEARCHERS, YOUR_OWN
from studies.study.interactions import InteractionSettings
from studies.study.parts import PART
from studies.study.ranking import RankingSearchSettings
from studies.study.settings import StudySettings
from studies.study.settings_search import JudgingSettings, SearchSettings
from studies.study.settings_training import FORMULA, SPACED, listed


@dataclass(frozen=True, kw_only=True)
class RankingPhases:
    """What is proposed, and what is trained to convergence in the end."""

    trainings: int = SearchSettings.trainings
    """How many shapes Phase I tunes and trains."""
    minutes: float | None = None
    """End Phase I after this time, if it comes first."""
    guess: Annotated[tuple[str, ...], FORMULA, Parameter(show_default=False)] = ()
    """Shapes that the searcher proposes first, such as "mean(relu(d - m1))" (repeat the option for several)."""
    candidates_per_step: int = 2
    """How many shapes are proposed at a time."""
    finalists: int = 3
    """How many of the best are trained to convergence."""
    simpler: int = 2
    """How many more are, that are the best of all no longer ones."""
    pick: str = JudgingSettings.pick
    """Which of them is the found loss: best, complexity<=5 (parts) or within<=0.001 (the simplest that close)."""
    baseline: Annotated[tuple[str, ...], FORMULA, SPACED] = USUAL
    """Losses to compare with, by name or formula, tuned alike unless their constants are given."""
    repeats: int = JudgingSettings.repeats
    """Seeds with which the found loss and the baselines are trained for the final comparison."""

    @property
    def search(self) -> dict[str, Any]:
        """The values of `SearchSettings` among these."""
        return self._of(SearchSettings)

    @property
    def judging(self) -> dict[str, Any]:
        """The values of `JudgingSettings` among these."""
        return self._of(JudgingSettings)

    def _of(self, kind: type) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if hasattr(kind, name)}


@dataclass(frozen=True, kw_only=True)
class RankingStudy:
    """A study of losses of rankings."""

    task: Annotated[str, Parameter(help="What the model is for: ranking here; without it, predictions.")] = "ranking"
    searcher: Annotated[str, Parameter(help=listed("Who proposes losses", SEARCHERS) + YOUR_OWN)] = "gp"
    seed: int = 0
    """Decides every random draw, the validation part among them."""
    split_seed: int | None = None
    """Decides the validation part, and what else is split at random; unless given, --seed."""
    ranking: Annotated[RankingSearchSettings, PART] = field(default_factory=RankingSearchSettings)
    phases: Annotated[RankingPhases, PART] = field(default_factory=RankingPhases)

    @property
    def study(self) -> StudySettings:
        """The study."""
        search = SearchSettings(problem=self.ranking.line(), **self.phases.search)
        judging = JudgingSettings(**self.phases.judging)
        seeds: dict[str, Any] = {"seed": self.seed, "split_seed": self.split_seed}
        return StudySettings(searcher=self.searcher, **seeds, search=search, judging=judging)


@dataclass(frozen=True, kw_only=True)
class RankingRunPhases(RankingPhases):
    """The same of every run of a comparison."""

    trainings: int = 40
    """How many shapes each run tunes and trains."""
    minutes: Annotated[None, Parameter(parse=False)] = None
    finalists: int = 1
    """How many of the best shapes of each run are trained to convergence."""
    simpler: Annotated[int, Parameter(parse=False)] = 0
    pick: Annotated[str, Parameter(parse=False)] = JudgingSettings.pick
    baseline: Annotated[tuple[str, ...], FORMULA, SPACED] = USUAL
    """Losses to draw beside, by name or formula, tuned alike unless their constants are given."""
    repeats: int = JudgingSettings.repeats
    """Seeds with which each run's found loss is trained."""


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
