"""The interface of losses, and losses that are programs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from core.common.errors import UserError
from core.programs.compile import LossFn, compile_loss, prediction_gradient
from core.programs.encoded import EncodedProgram
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace


class Loss(ABC):
    """A per-example loss of the prediction y_hat = sigmoid(logit) and the label y.

    Losses take the logit instead of y_hat, so that closed forms stay exact where the sigmoid saturates.
    """

    @property
    def scale(self) -> float:
        """The factor by which value and gradient are multiplied."""
        return 1.0

    def scaled(self, factor: float) -> Loss:
        """Return the same loss multiplied by a factor.

        Raises:
            UserError: this kind of loss has no scale, or the scale would not be a finite number above 0.
        """
        if factor != 1:
            raise UserError(f"{type(self).__name__}: has no scale, so it cannot be multiplied by {factor:g}")
        return self

    @abstractmethod
    def value(self, logit: Tensor, y: Tensor) -> Tensor:
        """Return the loss of every example.

        Args:
            logit: [..., B].
            y: labels [..., B].

        Returns:
            [..., B].
        """

    @abstractmethod
    def gradient(self, logit: Tensor, y: Tensor) -> Tensor:
        """Return d loss / d logit of every example, detached from autograd.

        Args:
            logit: [..., B].
            y: labels [..., B].

        Returns:
            [..., B].
        """

    @property
    def encoded(self) -> EncodedProgram | None:
        """The loss as bytecode, which compiled code runs instead of `gradient`; None leaves that to torch."""
        return None


def check_scale(scale: float) -> None:
    """Check that a scale is a finite number above 0.

    Raises:
        UserError: it is not.
    """
    if not 0 < scale < float("inf"):
        raise UserError(f"scale of a loss: expected a finite number above 0, got {scale}")


@dataclass(frozen=True)
class ProgramLoss(Loss):
    """A program as a loss, times a scale.

    The scale is applied after the last clamp, so value and gradient are exactly `scale` times those of the program.

    Raises:
        UserError: the scale is not a finite number above 0.
    """

    program: LossProgram
    space: OperatorSpace
    """Gives the clamp rule and xi."""
    epsilon: float | None = None
    """The smoothing term; None: the space's xi."""
    scale: float = 1.0
    """Factor of value and gradient."""

    def __post_init__(self) -> None:
        """Check the scale."""
        check_scale(self.scale)

    def scaled(self, factor: float) -> ProgramLoss:
        """See Loss."""
        return self if factor == 1 else replace(self, scale=self.scale * factor)

    @property
    def smoothing(self) -> float:
        """The smoothing term: `epsilon`, or the space's xi."""
        return self.space.xi if self.epsilon is None else self.epsilon

    @cached_property
    def function(self) -> LossFn:
        """The compiled loss: (y_hat [..., B], y [..., B]) -> loss [..., B]."""
        return compile_loss(self.program, self.space, self.epsilon, self.scale)

    @cached_property
    def encoded(self) -> EncodedProgram:
        """See Loss."""
        program, space = self.program.canonical, self.space
        return EncodedProgram.of_lines(program.inputs, program.lines, self.smoothing, space.clamp, space.xi, self.scale)

    def value(self, logit: Tensor, y: Tensor) -> Tensor:
        """See Loss."""
        return self.function(torch.sigmoid(logit), y)

    def gradient(self, logit: Tensor, y: Tensor) -> Tensor:
        """See Loss; by autograd. `core.losses.batched` evaluates many programs at once."""
        y_hat = torch.sigmoid(logit).detach()
        return prediction_gradient(self.function, y_hat, y) * (y_hat * (1 - y_hat))
