"""Phase II of a study: choose the accepted losses that go on to Phase III."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
#: A program and the result of its validation check.
Directed = tuple[LossProgram, Direction]


@dataclass(frozen=True)
class Checked:
    """The result of the validation check of all accepted programs."""

    passed: tuple[Directed, ...]
    """The programs that passed; if none did, those with the highest rates. Of equal gradients only the simplest."""
    n_passed: int
    """How many programs passed, including those with equal gradients."""


def check_directions(
    programs: Sequence[LossProgram],
    space: OperatorSpace,
    check: ValidationCheck,
    at_most: int,
    epsilon: float | None = None,
) -> Checked:
    """Run the validation check on every accepted program.

    Args:
        programs: accepted in Phase I.
        space: gives the clamp rule and xi.
        check: the validation check.
        at_most: how many programs to return if none passes.
        epsilon: the smoothing term that they were searched with; None: the space's xi.
    """
    directions = {p: check.direction(ProgramLoss(p, space, epsilon).function) for p in programs}
    passed = [p for p in programs if directions[p].positive_rate >= check.min_positive_rate]
    nearest = sorted(programs, key=lambda p: -directions[p].positive_rate)
    chosen = distinct(passed, space) if passed else distinct(nearest, space)[:at_most]
    return Checked(tuple((p, directions[p]) for p in chosen), len(passed))


def distinct(programs: Sequence[LossProgram], space: OperatorSpace) -> list[LossProgram]:
    """Return the programs with distinct gradients, in order; of equal gradients the simplest program, then the first.

    Phase I does not ensure this, since it forgets gradients whenever the recommender changes.

    Args:
        programs: the programs.
        space: gives the clamp rule and xi.
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
    epsilon: float | None = None,
) -> dict[str, float]:
    """Train every program for three epochs from the same fresh recommender.

    Rewards of Phase I cannot be compared with each other, since they were measured on different states of the
    recommender.

    Args:
        task: what to train.
        checked: programs with the results of their validation check.
        space: gives the clamp rule and xi.
        seed: of the study.
        comparable: scales a loss for training, see `core.problems.scale`.
        epsilon: the smoothing term that they were searched with; None: the space's xi.

    Returns:
        Key of a program -> validation score, higher is better; -inf if training broke down.
    """
    environment = FromScratchEnvironment(task, derive_seed(seed, "screening"), proxy_size=1, epochs=_SCREENING_EPOCHS)
    scores: list[float] = []
    for start in range(0, len(checked), 32):
        losses = [comparable(ProgramLoss(program, space, epsilon)) for program, _ in checked[start : start + 32]]
        scores += [m.score if math.isfinite(m.score) else -math.inf for m in environment.measure(losses, seed)]
    return {program.key: score for (program, _), score in zip(checked, scores, strict=True)}
