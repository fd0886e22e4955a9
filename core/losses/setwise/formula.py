"""A set-wise loss that a formula describes, found by a search or written by a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch

from core.common.errors import UserError
from core.common.region import Range
from core.losses.setwise.ranking_loss import RankingLoss
from core.losses.setwise.set_loss import LossAndGradients, SetLoss, SetScores
from core.programs.sets.by_torch import evaluate_by_torch
from core.programs.sets.expression import Expression
from core.programs.sets.formula import check_loss, formula_of, parse_formula
from core.programs.sets.matching import numbers_of
from core.programs.sets.regions import BALANCE, middle_of, numbers_at, point_of, tuned_ranges
from core.programs.sets.threshold import threshold_of


@dataclass(frozen=True)
class FormulaLoss(SetLoss):
    """See SetLoss. Constants without a number have the middle of the region in which they are tuned.

    Args:
        text: a formula, see `core.programs.sets.formula`.

    Raises:
        FormulaError, UserError: it is none, or not that of a loss of a positive and its negatives.
    """

    name: ClassVar[str] = "formula"
    formula: ClassVar[str] = ""
    source: ClassVar[str] = "as it is written"
    published: ClassVar[str] = ""
    scores: ClassVar[str] = "any"  # type: ignore[assignment]

    text: str

    def __post_init__(self) -> None:
        """Read the formula, which is kept as it is printed."""
        object.__setattr__(self, "text", formula_of(check_loss(parse_formula(self.text))))

    def __str__(self) -> str:
        """Return the formula."""
        return self.text

    @cached_property
    def shape(self) -> Expression:
        """The loss, in which constants may have no number."""
        return parse_formula(self.text)

    @cached_property
    def expression(self) -> Expression:
        """See SetLoss."""
        return self.shape.bound(numbers_at(self.shape, self.coordinates))

    @cached_property
    def threshold(self) -> float | None:
        """See SetLoss."""
        return threshold_of(self.expression)

    @property
    def ranges(self) -> Mapping[str, Range]:
        """See RankingLoss: those of its constants without a number, see `core.programs.sets.regions`."""
        return tuned_ranges(self.shape)

    @property
    def coordinates(self) -> Mapping[str, float]:
        """See RankingLoss."""
        return middle_of(self.shape)

    def coordinates_as(self, other: RankingLoss) -> Mapping[str, float] | None:
        """See RankingLoss."""
        numbers = self.numbers_as(other)
        return None if numbers is None else point_of(self.shape, numbers)

    def numbers_as(self, other: RankingLoss) -> Mapping[str, float] | None:
        """Return the numbers for its constants that make it another loss; None if none do.

        Args:
            other: with a number for each of its constants.
        """
        return numbers_of(self.shape, other.shape) if isinstance(other, FormulaLoss) else None

    def explained(self, name: str, point: Mapping[str, float]) -> str:
        """See RankingLoss: which weights a balance stands for."""
        if (weight := name.removesuffix(BALANCE)) == name:
            return ""
        low, high, got = (
            numbers_at(self.shape, {**point, name: at})[weight] for at in (*self.ranges[name][:2], point[name])
        )
        return f": beside the other constants {weight} may be from {low:g} to {high:g}, and is {got:g}"

    def moved(self, values: Mapping[str, float]) -> FormulaLoss:
        """See RankingLoss: constants get numbers, and are tuned no more.

        Args:
            values: by the names of coordinates, or of constants.

        Raises:
            UserError: a name that it does not have.
        """
        if unknown := sorted(values.keys() - {*self.shape.slots, *self.ranges}):
            raise UserError(f"loss {self.text}: expected {', '.join(self.ranges)}, got {', '.join(unknown)}")
        return FormulaLoss(formula_of(self.shape.bound(numbers_at(self.shape, values))))

    def evaluate(self, scores: SetScores) -> LossAndGradients:
        """See SetLoss."""
        p = scores.positive[:, None].clone().requires_grad_()
        n = scores.negatives.clone().requires_grad_()
        inputs = {"p": p, "n": n, "count": n.new_tensor(float(n.shape[1]))}
        with torch.enable_grad():
            value = evaluate_by_torch(self.expression, inputs)
            of_p, of_n = torch.autograd.grad(value.sum(), (p, n), materialize_grads=True)
        return LossAndGradients(value[:, 0].detach(), of_p[:, 0], of_n)
