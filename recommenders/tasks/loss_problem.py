"""A loss that trains a recommender: all three phases of the paper (Figure 3)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any

from core.analysis.simplify import simplified
from core.common.restoring import read
from core.losses.loss import Loss, ProgramLoss
from core.phases.contender import Contender
from core.phases.front import leading
from core.phases.problem import Leading, StudyProblem
from core.phases.tally import Tally
from core.phases.terms import Terms
from core.problems.loss import LossProblem
from core.problems.no_proxy import NoProxyTest
from core.problems.proxy import ProxyBatch, ProxyTest
from core.problems.scale import GradientNormaliser
from core.problems.validation import ValidationCheck
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from core.search.effectiveness import EarlyStopping
from core.search.trial import Verdict
from recommenders.data.summary import described_data, summarise
from recommenders.models.recommender import Weights
from recommenders.tasks.contenders import baseline, searched
from recommenders.tasks.convergence import LossConvergence, read_weights
from recommenders.tasks.environments import AlternatingEnvironment, FromScratchEnvironment
from recommenders.tasks.losses import NAMED_LOSSES, make_loss
from recommenders.tasks.metrics import PredictionMetric, metrics_of
from recommenders.tasks.screening import check_directions, screen
from recommenders.tasks.task import Pairs, RecommendationTask, SgdSettings

_VERDICTS: Mapping[Verdict, str] = MappingProxyType(
    {
        Verdict.ACCEPTED: "Trained, and the reward passed the reward filter.",
        Verdict.REJECTED: "Trained, and the reward fell below the reward filter.",
        Verdict.ZERO_GRADIENT: "Not trained: its gradient on the proxy batch is (nearly) zero.",
        Verdict.DUPLICATE: "Not trained: its gradient on the proxy batch is that of an earlier candidate.",
        Verdict.NON_FINITE: "Its values, gradients or trained parameters are not finite numbers.",
        Verdict.WRONG_DIRECTION: "Not trained: it fails the validation check, which was asked for before training.",
    }
)
#: How one speaks of losses.
LOSS_TERMS = Terms(
    one="loss",
    many="losses",
    complexity="operators",
    constant="smoothing term",
    verdicts={verdict.value: meaning for verdict, meaning in _VERDICTS.items()},
    are_losses=True,
)


@dataclass(frozen=True)
class LossRules:
    """Settings of the three phases for losses."""

    proxy: ProxyTest | NoProxyTest
    """The proxy test, or what stands in for it."""
    proxy_batch: ProxyBatch | None
    """What it sees, see LossProblem."""
    check: ValidationCheck
    """The validation check of Phase II."""
    check_first: bool
    """Whether it comes before training, too."""
    reference: Loss | None
    """The loss that gives the others their scale, see LossProblem."""
    epsilons: tuple[float, ...]
    """Smoothing terms that Phase III tries."""
    early_stopping: EarlyStopping
    """When a training of Phase III ends."""
    threshold_from: str
    """See RecommendationTask.report."""
    ways: tuple[SgdSettings, ...]
    """How Phase III trains every loss, chosen on validation; none: as the task says."""
    search_epsilon: float | None
    """The smoothing term of candidates; None: the space's xi."""
    short_epochs: int
    """Epochs of a training that is as short as those of a search from scratch."""
    seed: int
    """Of the study."""


class TrainedLossProblem(LossProblem, StudyProblem[LossProgram]):
    """The problem of searching a loss with all three phases of the paper.

    Args:
        task: the recommender, its data, and how it is trained.
        space: where programs come from, and how their operators behave.
        environment: what Phase I trains in.
        rules: see LossRules.
    """

    terms = LOSS_TERMS
    keeps = True

    def __init__(
        self,
        task: RecommendationTask,
        space: OperatorSpace,
        environment: AlternatingEnvironment | FromScratchEnvironment,
        rules: LossRules,
    ) -> None:
        check_first = rules.check if rules.check_first else None
        super().__init__(
            space, environment, rules.proxy, rules.proxy_batch, check_first, rules.reference, rules.search_epsilon
        )
        self.task, self._environment, self._rules = task, environment, rules
        self.device = task.trainer.device.type
        # Phases II and III compare losses as they begin on the study's own start.
        self._on_start = (
            None if rules.reference is None else GradientNormaliser(rules.reference, environment.proxy_batch())
        )

    @property
    def metric(self) -> PredictionMetric:
        """See StudyProblem."""
        return self.task.metric

    @property
    def metrics(self) -> tuple[PredictionMetric, ...]:
        """See StudyProblem: those of the task."""
        return tuple(metrics_of(self.metric.task))

    @property
    def known_names(self) -> tuple[str, ...]:
        """See StudyProblem."""
        return tuple(NAMED_LOSSES)

    @property
    def longest(self) -> int:
        """See StudyProblem."""
        return self._rules.early_stopping.max_epochs

    def data_digest(self) -> str:
        """See StudyProblem."""
        return self.task.dataset.digest()

    def lines(self) -> list[str]:
        """See StudyProblem: the summary of the data set."""
        return summarise(self.task.dataset).lines()

    def use_cores(self) -> None:
        """See StudyProblem."""
        self.task.trainer.use_cores()

    def score_on(self, pairs: Pairs) -> float:
        """Return how the recommender that candidates start from now does on these pairs, higher is better."""
        return self._environment.score_on(pairs)

    def comparable(self, loss: Loss) -> Loss:
        """Return a loss as phases II and III train it: where there is a reference, at its scale on the start."""
        return loss if self._on_start is None else self._on_start.scaled([loss])[0]

    def _trained_as(self, contender: Contender[LossProgram]) -> Contender[LossProgram]:
        comparable = [replace(one, trained=self.comparable(one.trained)) for one in contender.variants]
        ways: list[dict[str, Any] | None] = [asdict(way) for way in self._rules.ways]
        return replace(contender, variants=tuple(replace(one, way=way) for one in comparable for way in ways or [None]))

    def known(self, text: str) -> Contender[LossProgram]:
        """See StudyProblem: a named loss or a formula."""
        return self._trained_as(baseline(text, self.space, self._rules.epsilons))

    def contender(self, solution: LossProgram, notes: Mapping[str, Any]) -> Contender[LossProgram]:
        """See StudyProblem."""
        return self._trained_as(searched(solution, notes, self.space, self._rules.epsilons))

    def simplified(self, trained: Loss) -> LossProgram | None:
        """See StudyProblem: the shortest known program with the same gradient; None for closed forms."""
        return simplified(trained) if isinstance(trained, ProgramLoss) else None

    def complexity(self, solution: LossProgram) -> int:
        """See StudyProblem."""
        return simplified(ProgramLoss(solution, self.space)).complexity

    def details(self, trained: Loss) -> dict[str, Any]:
        """See StudyProblem: the scale of a loss."""
        return {"scale": trained.scale}

    def stored(self, solution: LossProgram) -> dict[str, Any]:
        """See StudyProblem."""
        return solution.canonical.to_dict()

    def leading(
        self, tally: Tally[LossProgram], finalists: int, simpler: int, say: Callable[[str], None]
    ) -> Leading[LossProgram]:
        """Run phase II: the validation check of all accepted losses, then screening where rewards cannot be compared.

        Args:
            tally: the accepted losses and their scores in Phase I.
            finalists: how many of the best losses go on to Phase III.
            simpler: how many more, out of the Pareto front of score and complexity.
            say: called with sentences about the progress.
        """
        rules, programs = self._rules, list(tally.accepted.values())
        checked = check_directions(programs, self.space, rules.check, finalists, rules.search_epsilon)
        say(
            f"Phase II, validation check: {checked.n_passed} of {len(programs)} accepted losses push predictions "
            f"towards labels on {rules.check.min_positive_rate:.0%} of simulated pairs"
        )
        scores: Mapping[str, float] = tally.scores
        starts_move = isinstance(self._environment, AlternatingEnvironment)
        if starts_move and len(checked.passed) > finalists:
            scores = screen(self.task, checked.passed, self.space, rules.seed, self.comparable, rules.search_epsilon)
        chosen = leading(
            sorted(checked.passed, key=lambda one: one[0].complexity),
            lambda one: scores.get(one[0].key, -math.inf),
            lambda one: self.complexity(one[0]),
            finalists,
            simpler,
        )
        first, more = (tuple(self.contender(p, asdict(direction)) for p, direction in part) for part in chosen)
        return Leading(first, more, checked.n_passed)

    def convergence(
        self, trained: Sequence[Loss], seed: int, keep: int | None = None, ways: Sequence[Any] | None = None
    ) -> LossConvergence:
        """See StudyProblem; a way is SGD settings, or None for those of the task."""
        rules, usual = self._rules, self.task.settings.sgd
        sgd = None if ways is None else [read(SgdSettings | None, way) or usual for way in ways]
        return LossConvergence(self.task, trained, seed, rules.early_stopping, rules.threshold_from, keep, sgd)

    def read_kept(self, stored: Any) -> Weights | None:
        """See StudyProblem: parameters of a recommender."""
        return read_weights(self.task, stored)

    def short_score(self, trained: Loss, seed: int) -> float:
        """See StudyProblem."""
        environment = FromScratchEnvironment(self.task, seed, proxy_size=1, epochs=self._rules.short_epochs)
        return environment.measure([trained], seed)[0].score

    def trained(self, entry: Mapping[str, Any]) -> Loss:
        """See StudyProblem."""
        epsilon = read(float | None, entry["epsilon"])
        if entry["program"] is None:
            return self.comparable(make_loss(read(str, entry["name"]), self.space, epsilon))
        return self.comparable(ProgramLoss(LossProgram.from_dict(entry["program"]), self.space, epsilon))

    def described(self) -> dict[str, Any]:
        """See StudyProblem: the data set."""
        return described_data(self.task.dataset)
