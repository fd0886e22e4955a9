"""The problem of searching a loss: which program trains the recommender best (paper, section 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.losses.loss import Loss, ProgramLoss
from core.problems.evaluator import Evaluator
from core.problems.no_proxy import NoProxyTest
from core.problems.proxy import ProxyBatch, ProxyTest
from core.problems.scale import GradientNormaliser
from core.problems.validation import ValidationCheck
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from core.search.problem import Finding, Measurement, Problem
from core.search.trial import Verdict


class LossProblem(Problem[LossProgram]):
    """Programs that pass the proxy test, measured by the recommenders that they train.

    Args:
        space: the space of programs.
        evaluator: trains recommenders; its state is the start of this problem.
        proxy: the proxy test, or its stand-in; renewed whenever the start changes.
        proxy_batch: the batch of the proxy test; None: the evaluator's batch at the current start.
        check_first: the validation check, if it is to run before training too (the paper runs it only afterwards).
        reference: the loss to whose gradient norm candidates are scaled for training, see `core.problems.scale`; None:
            no scaling. Proxy test and validation check always see unscaled candidates.
        epsilon: the smoothing term of candidates; None: the space's xi.
    """

    def __init__(
        self,
        space: OperatorSpace,
        evaluator: Evaluator,
        proxy: ProxyTest | NoProxyTest,
        proxy_batch: ProxyBatch | None = None,
        check_first: ValidationCheck | None = None,
        reference: Loss | None = None,
        epsilon: float | None = None,
    ) -> None:
        self._space, self._evaluator, self._proxy, self._proxy_batch = space, evaluator, proxy, proxy_batch
        self._check_first, self._reference, self._epsilon = check_first, reference, epsilon
        self._losses: dict[LossProgram, ProgramLoss] = {}  # to be measured, made once
        self._begin()

    def _begin(self) -> None:
        """Forget everything that depended on the previous start."""
        self._proxy.renew(self._evaluator.proxy_batch() if self._proxy_batch is None else self._proxy_batch)
        self._normaliser: GradientNormaliser | None = None  # of where candidates start now, once it was asked for

    @property
    def space(self) -> OperatorSpace:
        """See Problem."""
        return self._space

    def score(self) -> float:
        """See Problem."""
        return self._evaluator.score()

    def examine(self, candidates: Sequence[LossProgram]) -> list[Finding]:
        """See Problem: runs the proxy test, and the validation check if it is to come first."""
        losses = [self._loss(program) for program in candidates]
        findings = self._proxy.examine(losses)
        fresh = [i for i, finding in enumerate(findings) if finding.verdict is None]
        passes = [True] * len(fresh)
        if self._check_first is not None:
            passes = self._check_first.passes([losses[i] for i in fresh]).tolist()
        for i, passed in zip(fresh, passes, strict=True):
            if passed:
                self._losses[losses[i].program] = losses[i]
            else:
                findings[i] = Finding(Verdict.WRONG_DIRECTION, findings[i].entry)
        return findings

    def _loss(self, program: LossProgram) -> ProgramLoss:
        return ProgramLoss(program, self._space, self._epsilon)

    @property
    def n_entries(self) -> int:
        """See Problem."""
        return self._proxy.n_entries

    def measure(self, candidates: Sequence[LossProgram], seed: int) -> list[Measurement]:
        """See Problem."""
        losses: list[Loss] = [self._losses.get(one) or self._loss(one) for one in candidates]
        self._losses.clear()
        return self._evaluator.measure(self._scaled(losses), seed)

    def _scaled(self, losses: list[Loss]) -> list[Loss]:
        """Return the losses scaled for training; the scale depends on the current start."""
        if self._reference is None:
            return losses
        if self._normaliser is None:
            self._normaliser = GradientNormaliser(self._reference, self._evaluator.proxy_batch())
        return self._normaliser.scaled(losses)

    def adopt(self, index: int) -> bool:
        """See Problem."""
        is_new = self._evaluator.adopt(index)
        if is_new:
            self._begin()
        return is_new

    def restart(self, seed: int) -> bool:
        """See Problem."""
        is_new = self._evaluator.restart(seed)
        if is_new:
            self._begin()
        return is_new

    def state_dict(self) -> dict[str, Any]:
        """See Problem."""
        return {"evaluator": self._evaluator.state_dict(), "proxy": self._proxy.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See Problem."""
        self._normaliser = None
        self._losses.clear()
        self._evaluator.load_state_dict(state["evaluator"])
        self._proxy.load_state_dict(state["proxy"])
