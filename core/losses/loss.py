"""What a recommender is trained by."""

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

    Losses take the logit, and not y_hat, so that those with a closed form stay exact where the
    sigmoid saturates.
    """

    @property
    def scale(self) -> float:
        """What value and gradient are multiplied by; it is part of the loss."""
        return 1.0

    def scaled(self, factor: float) -> Loss:
        """The same loss so many times as large.

        Raises:
            UserError: a kind of loss that has no scale, or a scale that is no finite number above 0.
        """
        if factor != 1:
            raise UserError(f"{type(self).__name__}: expected a loss that has a scale, to be multiplied by {factor:g}")
        return self

    @abstractmethod
    def value(self, logit: Tensor, y: Tensor) -> Tensor:
        """The loss of every example: [..., B] and [..., B] -> [..., B]."""

    @abstractmethod
    def gradient(self, logit: Tensor, y: Tensor) -> Tensor:
        """Give d value / d logit of every example, same shapes; no gradient flows through it."""

    @property
    def encoded(self) -> EncodedProgram | None:
        """What compiled code runs instead of `gradient`; None, unless a loss has it, leaves that to torch."""
        return None


def check_scale(scale: float) -> None:
    """Refuse a scale that is no finite number above 0.

    Raises:
        UserError: it is none.
    """
    if not 0 < scale < float("inf"):
        raise UserError(f"scale of a loss: expected a finite number above 0, got {scale}")


@dataclass(frozen=True)
class ProgramLoss(Loss):
    """A program run in a space with a smoothing term (None: the space's xi), times a number.

    The scale comes after the last clamp, so value and gradient are exactly so many times those of the program.

    Raises:
        UserError: a scale that is no finite number above 0.
    """

    program: LossProgram
    space: OperatorSpace
    epsilon: float | None = None
    scale: float = 1.0

    def __post_init__(self) -> None:
        """Check the scale."""
        check_scale(self.scale)

    def scaled(self, factor: float) -> ProgramLoss:
        """See Loss."""
        return self if factor == 1 else replace(self, scale=self.scale * factor)

    @property
    def smoothing(self) -> float:
        """The smoothing term in force."""
        return self.space.xi if self.epsilon is None else self.epsilon

    @cached_property
    def function(self) -> LossFn:
        """(y_hat, y) -> per-example loss."""
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
        """See Loss; through autograd. `core.losses.batched` does many programs at once."""
        y_hat = torch.sigmoid(logit).detach()
        return prediction_gradient(self.function, y_hat, y) * (y_hat * (1 - y_hat))
