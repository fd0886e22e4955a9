"""The contract tests of evaluators. Inherit them and define `make`, for a small evaluator in float64."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import pytest
import torch

from core.losses.loss import ProgramLoss
from core.problems.evaluator import Evaluator
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from core.testing.process import packed, unpacked

CROSS_ENTROPY = "-(y*log(y_hat)) + -((1 + -y)*log(1 + -y_hat))"
SQUARES = "(y_hat + -y)^2"
WRONG_WAY = "-((y_hat + -y)^2)"
FORMULAS = (CROSS_ENTROPY, SQUARES, WRONG_WAY, "y_hat")
#: Formulas and smoothing terms with values or gradients that break training; a clip may keep the weights finite.
BLOWN_UP = (
    ("(y_hat/y)*y", 0.0),  # 0/0 at y = 0
    ("(1/((1/(y_hat))*(1/(y_hat))))^2/(y)", 0.0),  # 1/0
    ("((1/(y_hat*y + eps))^2)^2", 1e-90),  # overflows to infinity
    ("-(y*1/(y_hat)) + y_hat^2", 1e-12),  # finite, and very steep the wrong way
)


def loss(formula: str, epsilon: float | None = None) -> ProgramLoss:
    """Return the loss of a formula, without a clamp.

    Args:
        formula: the program.
        epsilon: the smoothing term; None: the default of OperatorSpace.
    """
    return ProgramLoss(LossProgram.parse(formula), OperatorSpace(clamp="none"), epsilon)


def scores(evaluator: Evaluator, formulas: Sequence[str], seed: int = 1) -> list[float]:
    """Return the validation scores after training with each formula.

    Args:
        evaluator: trains.
        formulas: the losses.
        seed: of the batches.
    """
    return [measurement.score for measurement in evaluator.measure([loss(f) for f in formulas], seed)]


def close(values: float | Sequence[float]) -> Any:
    """Return something that compares equal to these values up to rounding."""
    return pytest.approx(values, rel=0, abs=1e-6)


class EvaluatorContract(ABC):
    """The tests that every evaluator has to pass."""

    @abstractmethod
    def make(self, seed: int = 0) -> Evaluator:
        """Return an evaluator without weight decay, whose score is continuous in the weights, such as -RMSE."""

    def test_there_is_a_measurement_for_every_loss(self) -> None:
        measurements = self.make().measure([loss(f) for f in FORMULAS], seed=1)
        assert len(measurements) == len(FORMULAS)
        assert all(math.isfinite(m.score) and m.cost > 0 and m.seconds >= 0 for m in measurements)

    def test_losses_that_differ_get_different_scores(self) -> None:
        assert len(set(scores(self.make(), FORMULAS))) == len(FORMULAS)

    def test_the_right_direction_scores_better_than_the_start_and_the_wrong_one_worse(self) -> None:
        evaluator = self.make()
        right, wrong = scores(evaluator, [SQUARES, WRONG_WAY])
        assert right > evaluator.score() > wrong

    def test_a_loss_without_gradient_leaves_the_score_where_it_was(self) -> None:
        evaluator = self.make()
        assert scores(evaluator, ["y^2", SQUARES])[0] == close(evaluator.score())

    def test_measuring_twice_with_the_same_seed_gives_the_same_scores(self) -> None:
        evaluator = self.make()
        first = scores(evaluator, FORMULAS, seed=3)
        scores(evaluator, FORMULAS[::-1], seed=4)
        assert scores(evaluator, FORMULAS, seed=3) == first

    def test_equal_evaluators_agree(self) -> None:
        assert scores(self.make(5), FORMULAS) == scores(self.make(5), FORMULAS)
        assert self.make(5).score() == self.make(5).score() != self.make(6).score()

    def test_a_score_does_not_depend_on_the_other_losses(self) -> None:
        evaluator = self.make()
        together = scores(evaluator, FORMULAS)
        assert [scores(evaluator, [f])[0] for f in FORMULAS] == close(together)

    def test_a_score_does_not_depend_on_the_order_of_losses(self) -> None:
        evaluator, order = self.make(), [2, 0, 3, 1]
        together = scores(evaluator, FORMULAS)
        assert scores(evaluator, [FORMULAS[i] for i in order]) == close([together[i] for i in order])

    def test_equal_losses_get_equal_scores(self) -> None:
        first, _, again, same_function = scores(self.make(), [SQUARES, "y_hat", SQUARES, "(-y + y_hat)*(y_hat + -y)"])
        assert again == close(first)
        assert same_function == close(first)

    def test_measuring_does_not_change_the_start(self) -> None:
        evaluator = self.make()
        before, proxy_batch = evaluator.score(), evaluator.proxy_batch()
        scores(evaluator, FORMULAS)
        assert evaluator.score() == before
        assert torch.equal(evaluator.proxy_batch().gram, proxy_batch.gram)
        assert torch.equal(evaluator.proxy_batch().y_hat, proxy_batch.y_hat)

    @pytest.mark.parametrize("index", range(len(FORMULAS)))
    def test_adopting_makes_a_copy_the_start_or_changes_nothing(self, index: int) -> None:
        evaluator = self.make()
        before, proxy_batch = evaluator.score(), evaluator.proxy_batch()
        measured = scores(evaluator, FORMULAS)
        moved = evaluator.adopt(index)
        assert evaluator.score() == (close(measured[index]) if moved else before)
        assert torch.equal(evaluator.proxy_batch().gram, proxy_batch.gram) != moved
        assert torch.equal(evaluator.proxy_batch().y, proxy_batch.y)

    def test_candidates_go_on_from_the_adopted_copy(self) -> None:
        evaluator = self.make()
        first = scores(evaluator, [SQUARES, "y_hat"])
        moved = evaluator.adopt(0)
        stays = scores(evaluator, ["y^2"])[0]
        assert stays == close(first[0] if moved else self.make().score())

    def test_restarting_gives_a_fresh_start_or_changes_nothing(self) -> None:
        evaluator = self.make()
        before = evaluator.score()
        scores(evaluator, FORMULAS)
        evaluator.adopt(0)
        adopted = evaluator.score()
        if evaluator.restart(9):
            assert evaluator.score() == close(self.make(9).score())
            assert evaluator.score() != adopted
        else:
            assert evaluator.score() == adopted == before

    def test_the_proxy_batch_is_a_batch_of_predictions_labels_and_their_gram_matrix(self) -> None:
        proxy_batch = self.make().proxy_batch()
        n = len(proxy_batch.y)
        assert proxy_batch.y_hat.shape == (n,)
        assert proxy_batch.gram.shape == (n, n)
        assert {proxy_batch.y_hat.dtype, proxy_batch.y.dtype, proxy_batch.gram.dtype} == {torch.float64}
        assert ((proxy_batch.y_hat > 0) & (proxy_batch.y_hat < 1)).all()
        assert set(proxy_batch.y.tolist()) <= {0.0, 1.0}
        assert torch.equal(proxy_batch.gram, proxy_batch.gram.T)
        assert torch.linalg.eigvalsh(proxy_batch.gram).min() > -1e-9
        assert (proxy_batch.gram.diagonal() > 0).all()

    @pytest.mark.parametrize(("formula", "epsilon"), BLOWN_UP)
    def test_a_loss_that_blows_up_raises_nothing_and_hurts_no_other(self, formula: str, epsilon: float) -> None:
        evaluator = self.make()
        expected = scores(evaluator, [SQUARES])[0]
        broken, fine = (m.score for m in evaluator.measure([loss(formula, epsilon), loss(SQUARES)], seed=1))
        assert math.isnan(broken) or math.isfinite(broken)
        assert fine == close(expected)

    @pytest.mark.parametrize("index", [None, 0, 3])
    def test_goes_on_exactly_from_a_stored_state(self, index: int | None) -> None:
        evaluator, other = self.make(5), self.make(5)
        if index is not None:
            scores(evaluator, FORMULAS)
            evaluator.adopt(index)
        state = unpacked(packed(evaluator.state_dict()))
        scores(other, FORMULAS, seed=2)
        other.adopt(1)
        other.restart(6)
        other.load_state_dict(state)
        assert other.score() == evaluator.score()
        assert torch.equal(other.proxy_batch().gram, evaluator.proxy_batch().gram)
        assert scores(other, FORMULAS, seed=7) == scores(evaluator, FORMULAS, seed=7)

    def test_a_state_once_taken_does_not_change(self) -> None:
        evaluator = self.make()
        state, score = evaluator.state_dict(), evaluator.score()
        scores(evaluator, FORMULAS)
        evaluator.adopt(0)
        scores(evaluator, FORMULAS, seed=2)
        other = self.make()
        other.load_state_dict(state)
        assert other.score() == score
