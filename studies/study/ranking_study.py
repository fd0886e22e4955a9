"""Options of searches on rankings, beside data and training: those of a study, and of every run of a comparison.

The annotations are objects and not strings, see `studies.study.settings`.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any

from cyclopts import Parameter

from recommenders.tasks.ranking.loss_problem import USUAL
from searchers import SEARCHERS, YOUR_OWN
from studies.study.parts import PART
from studies.study.ranking import RankingSearchSettings
from studies.study.settings import StudySettings
from studies.study.settings_data import listed
from studies.study.settings_search import JudgingSettings, SearchSettings
from studies.study.settings_training import FORMULA, SPACED


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
