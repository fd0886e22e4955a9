"""Phase II of a study: which accepted losses go on to Phase III."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from core.analysis.front import pareto_front
from core.analysis.simplify import simplified
from core.common.seeding import derive_seed
from core.losses.loss import Loss, ProgramLoss
from core.problems.proxy import ProxyTest, prediction_proxy_batch
from core.problems.validation import Direction, ValidationCheck
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from core.search.trial import Verdict
from recommenders.tasks.environments import FromScratchEnvironment
from recommenders.tasks.task import RecommendationTask

_SCREENING_EPOCHS = 3
#: A program and what the validation check found.
Directed = tuple[LossProgram, Direction]


@dataclass(frozen=True)
class Checked:
    """What Phase II made of the accepted programs."""

    passed: tuple[Directed, ...]
    """Those that pass, or, where none does, those that come nearest; of equal gradients the simplest."""
    n_passed: int
    """How many really passed, equal ones included."""


def check_directions(
    programs: Sequence[LossProgram], space: OperatorSpace, check: ValidationCheck, at_most: int
) -> Checked:
    """Phase II: the validation check of every accepted program.

    Args:
        programs: accepted in Phase I.
        space: how their operators behave.
        check: the check.
        at_most: how many to return where none passes.
    """
    directions = {p: check.direction(ProgramLoss(p, space).function) for p in programs}
    passed = [p for p in programs if directions[p].positive_rate >= check.min_positive_rate]
    nearest = sorted(programs, key=lambda p: -directions[p].positive_rate)
    chosen = distinct(passed, space) if passed else distinct(nearest, space)[:at_most]
    return Checked(tuple((p, directions[p]) for p in chosen), len(passed))


def distinct(programs: Sequence[LossProgram], space: OperatorSpace) -> list[LossProgram]:
    """The programs, in order, without those whose gradient a simpler one has (or an equally simple earlier one).

    Phase I cannot tell: it forgets gradients whenever the recommender changes.
    """
    simplest_first = sorted(programs, key=lambda p: p.complexity)
    proxy = ProxyTest()
    proxy.renew(prediction_proxy_batch(0))
    findings = proxy.examine([ProgramLoss(p, space) for p in simplest_first])
    kept = {p for p, f in zip(simplest_first, findings, strict=True) if f.verdict is not Verdict.DUPLICATE}
    return [p for p in programs if p in kept]


def screen(
    task: RecommendationTask,
    checked: Sequence[Directed],
    space: OperatorSpace,
    seed: int,
    comparable: Callable[[Loss], Loss] = lambda loss: loss,
) -> dict[str, float]:
    """Key -> validation score of every loss after three epochs from one fresh start, higher is better.

    Rewards of Phase I cannot be compared to choose who goes on, each was measured on another state of the recommender.

    Args:
        task: what to train.
        checked: from Phase II.
        space: how their operators behave.
        seed: of the study.
        comparable: the loss as it is trained, at a scale of its own (`core.problems.scale`).
    """
    environment = FromScratchEnvironment(task, derive_seed(seed, "screening"), proxy_size=1, epochs=_SCREENING_EPOCHS)
    scores: list[float] = []
    for start in range(0, len(checked), 32):
        losses = [comparable(ProgramLoss(program, space)) for program, _ in checked[start : start + 32]]
        scores += [m.score if math.isfinite(m.score) else -math.inf for m in environment.measure(losses, seed)]
    return {program.key: score for (program, _), score in zip(checked, scores, strict=True)}


def leading(
    checked: Sequence[Directed], scores: Mapping[str, float], space: OperatorSpace, at_most: int, simpler: int
) -> tuple[list[Directed], list[Directed]]:
    """The losses that go on to Phase III: those with the best scores, and the best of those that are simpler.

    Args:
        checked: from Phase II.
        scores: key -> validation score, higher is better, from equal starts.
        space: how their operators behave.
        at_most: how many of the best.
        simpler: how many more, out of the Pareto front of score and simplified complexity.
    """

    def score(one: Directed) -> float:
        return scores.get(one[0].key, -math.inf)

    def complexity(one: Directed) -> int:
        return simplified(ProgramLoss(one[0], space)).complexity

    order = sorted(checked, key=lambda one: (-score(one), one[0].complexity))
    front = [one for one in pareto_front(order, complexity, score) if one not in order[:at_most]]
    return order[:at_most], front[::-1][:simpler]
