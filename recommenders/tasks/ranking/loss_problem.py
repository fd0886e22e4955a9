"""The problem of a set-wise loss that trains a model on rankings: each shape is judged with its constants tuned."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from types import MappingProxyType
from typing import Any

from core.common.errors import UserError
from core.common.restoring import read
from core.common.seeding import derive_seed
from core.export.set_loss import SET_FORMS
from core.losses.setwise.registry import parse_ranking_loss
from core.losses.setwise.set_loss import SetLoss
from core.phases.contender import Contender, Variant
from core.phases.problem import StudyProblem
from core.phases.terms import Terms
from core.problems.set_screen import SetScreen
from core.programs.sets.formula import is_formula
from core.programs.sets.shape import Shape
from core.programs.sets.space import ShapeSpace
from core.search.problem import Finding, Measurement
from core.search.trial import Verdict
from recommenders.backends.ranking.base import VectorTask
from recommenders.common.machine import Machine
from recommenders.data.implicit import described, summarise
from recommenders.tasks.ranking.anchors import parse_anchor
from recommenders.tasks.ranking.convergence import RankingConvergence
from recommenders.tasks.ranking.metrics import RankingMetric, find_ranking_metric
from recommenders.tasks.ranking.ranks import rank_items
from recommenders.tasks.ranking.training import RankingPlan
from recommenders.tasks.ranking.tuning import RATE, Allowed, ConstantTuner, OpenLoss, TunedLoss, TuningPlan

#: What found losses are compared with unless said otherwise.
USUAL = ("BPR", "SL", "BSL", "CCL")
_VERDICTS: Mapping[str, str] = MappingProxyType(
    {
        Verdict.ACCEPTED.value: "Trained with tuned constants, and the reward passed the reward filter.",
        Verdict.REJECTED.value: "Trained with tuned constants, and the reward fell below the reward filter.",
        Verdict.ZERO_GRADIENT.value: "Not trained: on simulated scores it does not pull positives, or push negatives.",
        Verdict.DUPLICATE.value: "Not trained: its gradient is that of an earlier one, but for a factor.",
        Verdict.NON_FINITE.value: "Its values, gradients or trained vectors are not finite numbers.",
        Verdict.WRONG_DIRECTION.value: "Not trained: it pulls positives down or negatives up on simulated scores.",
    }
)
RANKING_TERMS = Terms(
    one="loss",
    many="losses",
    complexity="parts",
    constant="constants",
    verdicts=dict(_VERDICTS),
)


class RankingLossProblem(StudyProblem[Shape]):
    """Shapes of set-wise losses, each measured by a model that it trains with tuned constants, from a fresh start.

    Args:
        task: the model, its data, and how a step is taken.
        plan: of trainings to convergence.
        machine: what is trained on.
        tuning: how constants are tuned.
        space: the shapes.
        seed: of the study.
        search_users: so many users, drawn at random, are what Phase I sees; None: all of them.

    Raises:
        UserError: the data have no validation part.
    """

    terms = RANKING_TERMS

    def __init__(
        self,
        task: VectorTask,
        plan: RankingPlan,
        machine: Machine,
        tuning: TuningPlan,
        space: ShapeSpace,
        seed: int,
        search_users: int | None = None,
    ) -> None:
        if not len(task.data.validation):
            raise UserError(
                f"data set {task.data.name}: expected items in the validation part, by which losses are chosen, "
                "got none"
            )
        self.task, self._plan, self._machine, self._tuning, self._space = task, plan, machine, tuning, space
        self._seed, self.device = seed, machine.device.type
        self._screen, self._start = SetScreen(seed=derive_seed(seed, "screen")), math.nan
        users = task.data.n_users if search_users is None else search_users
        self._searched = replace(task, data=task.data.of_users(users, derive_seed(seed, "search")))
        self._tuner = ConstantTuner(self._searched, plan, machine, tuning, derive_seed(seed, "search"))
        self._tuned: dict[str, TunedLoss] = {}

    @property
    def space(self) -> ShapeSpace:
        """See Problem."""
        return self._space

    @property
    def metric(self) -> RankingMetric:
        """See StudyProblem."""
        return self._plan.metric

    @property
    def metrics(self) -> tuple[RankingMetric, ...]:
        """See StudyProblem."""
        return tuple(find_ranking_metric(name) for name in self._plan.metrics)

    @property
    def known_names(self) -> tuple[str, ...]:
        """See StudyProblem."""
        return USUAL

    @property
    def longest(self) -> int:
        """See StudyProblem."""
        return self._plan.early_stopping.max_epochs

    def known(self, text: str) -> Contender[Shape]:
        """See StudyProblem: a loss by name, or a formula; constants without a number are tuned."""
        line = text.strip()
        loss = parse_ranking_loss(line)
        name = str(loss) if is_formula(line) else line
        return Contender(name, None, (Variant(OpenLoss(name)),))

    def contender(self, solution: Shape, notes: Mapping[str, Any]) -> Contender[Shape]:
        """See StudyProblem."""
        return Contender(str(solution), solution, (Variant(OpenLoss(str(solution), solution)),), notes)

    def trained(self, entry: Mapping[str, Any]) -> OpenLoss:
        """See StudyProblem."""
        if entry["program"] is None:
            loss: OpenLoss = self.known(read(str, entry["name"])).variants[0].trained
            return loss
        shape = self._space.parse(read(str, entry["program"]["formula"]))
        return OpenLoss(str(shape), shape)

    def simplified(self, trained: OpenLoss) -> Shape | None:
        """See StudyProblem: the shape as it is."""
        return trained.shape

    def score(self) -> float:
        """See Problem: that of popularity, the same for every user."""
        if math.isnan(self._start):
            data = self._searched.data
            self._start = self.metric.mean(rank_items(parse_anchor("popularity").fit(data, 0), data, "validation"))
        return self._start

    def examine(self, candidates: Sequence[Shape]) -> list[Finding]:
        """See Problem: what gradients on simulated scores say."""
        return self._screen.examine(candidates)

    @property
    def n_entries(self) -> int:
        """See Problem."""
        return self._screen.n_entries

    def measure(self, candidates: Sequence[Shape], seed: int) -> list[Measurement]:
        """See Problem: every shape with its constants tuned, and all on the same draws."""
        began, losses = time.perf_counter(), [OpenLoss(str(shape), shape) for shape in candidates]
        new = list({one.line: one for one in losses if one.line not in self._tuned}.values())
        tuned = self._tuner.tuned_all(new, self._allowed)
        self._tuned |= {one.line: found for one, found in zip(new, tuned, strict=True)}
        seconds = (time.perf_counter() - began) / max(1, len(losses))
        return [Measurement(self._tuned[one.line].score, self._tuned[one.line].epochs, seconds) for one in losses]

    def tuned(self, loss: OpenLoss) -> TunedLoss:
        """Return a loss with its constants: the same whenever it is asked for."""
        if loss.line not in self._tuned:
            self._tuned[loss.line] = self._tuner.tuned(loss, self._allowed(loss))
        return self._tuned[loss.line]

    def _allowed(self, loss: OpenLoss) -> Allowed:
        """Return what tells which constants of a loss pass the screen; what is known is not screened."""
        return (lambda values: True) if loss.shape is None else (lambda values: self._passes(loss, values))

    def _passes(self, loss: OpenLoss, values: Mapping[str, float]) -> bool:
        made = loss.with_constants(values)
        assert isinstance(made, SetLoss)
        assert made.expression is not None, "a shape is an expression"
        return self._screen.look(made.expression).verdict is None

    def adopt(self, index: int) -> bool:
        """See Problem; every training begins afresh."""
        return False

    def restart(self, seed: int) -> bool:
        """See Problem; every training begins afresh."""
        return False

    def state_dict(self) -> dict[str, Any]:
        """See Problem."""
        return {"screen": self._screen.state_dict(), "tuned": self.tuned_losses()}

    def tuned_losses(self) -> dict[str, dict[str, Any]]:
        """Return every loss that was tuned, by its line, in plain data."""
        return {line: asdict(one) for line, one in self._tuned.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See Problem."""
        self._screen.load_state_dict(state["screen"])
        self.load_tuned(state["tuned"])

    def load_tuned(self, stored: Mapping[str, Any]) -> None:
        """Restore what `tuned_losses` returned.

        Raises:
            Exception: it is no such thing; nothing in it is executed.
        """
        self._tuned |= {line: read(TunedLoss, one) for line, one in read(dict[str, Any], stored).items()}

    def convergence(
        self, trained: Sequence[OpenLoss], seed: int, keep: int | None = None, ways: Sequence[Any] | None = None
    ) -> RankingConvergence:
        """See StudyProblem; constants are tuned before the first epoch of a loss."""
        return RankingConvergence(self.task, trained, self._plan, self._machine, seed, self)

    def short_score(self, trained: OpenLoss, seed: int) -> float:
        """See StudyProblem: with tuned constants, as long as the last round of tuning."""
        tuned = self.tuned(trained)
        return self._tuner.score(OpenLoss(tuned.line), {RATE: tuned.learning_rate}, self._tuning.epochs, seed)

    def details(self, trained: OpenLoss) -> dict[str, Any]:
        """See StudyProblem: the loss with its constants, and its push-to-pull ratio in three stages of a training."""
        tuned = self.tuned(trained)
        loss = parse_ranking_loss(tuned.line)
        expression = loss.expression if isinstance(loss, SetLoss) else None
        ratios = None
        if expression is not None and not loss.needs:
            ratios = [one if math.isfinite(one) else None for one in self._screen.look(expression).push_to_pull]
        return {"loss": tuned.line, "learning_rate": tuned.learning_rate, "push_to_pull": ratios}

    @property
    def export_names(self) -> tuple[str, ...]:
        """See StudyProblem."""
        return tuple(file for _, file in SET_FORMS.values())

    def exports(self, trained: OpenLoss) -> Mapping[str, str]:
        """See StudyProblem: a torch module, LaTeX and JSON, with tuned constants."""
        tuned = self.tuned(trained)
        loss = parse_ranking_loss(tuned.line)
        assert isinstance(loss, SetLoss)
        assert loss.expression is not None, "what is searched is an expression"
        expression, data = loss.expression, self.task.data.name
        about = [f"Found on {data}, where it was trained with the learning rate {tuned.learning_rate:g}."]
        return {file: write(expression, about) for write, file in SET_FORMS.values()}

    def described(self) -> dict[str, Any]:
        """See StudyProblem: the data set."""
        return described(self.task.data)

    def data_digest(self) -> str:
        """See StudyProblem."""
        return self.task.data.digest()

    def lines(self) -> list[str]:
        """See StudyProblem: the summary of the data set."""
        return summarise(self.task.data).lines()
