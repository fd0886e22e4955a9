"""Optimisers over whole tables in torch: what torch.optim has, with a state of tensors alone."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from recommenders.backends.ranking.optimisers import SGD, Adagrad, Adam, Optimiser, RowWiseAdam, SparseAdam


class TorchOptimiser:
    """Updates parameters in place.

    Args:
        settings: of the optimiser.
        parameters: by name.
        tables: those whose rows a lazy optimiser leaves alone where they have no gradient.
    """

    def __init__(self, settings: Optimiser, parameters: Mapping[str, Tensor], tables: frozenset[str]) -> None:
        self._settings, self._parameters, self._tables = settings, parameters, tables
        kept = (
            () if isinstance(settings, SGD) else ("squares",) if isinstance(settings, Adagrad) else ("mean", "squares")
        )
        self.state = {
            f"{name}.{one}": torch.zeros_like(parameter) for name, parameter in parameters.items() for one in kept
        }
        """The moments of gradients, by name of the parameter and of the moment."""

    @torch.no_grad()
    def step(self, gradients: Mapping[str, Tensor], learning_rate: float, number: int) -> None:
        """Take a step.

        Args:
            gradients: of all parameters, by name.
            learning_rate: of this step.
            number: of the step, from 1.
        """
        for name, gradient in gradients.items():
            parameter = self._parameters[name]
            if isinstance(self._settings, SGD):
                parameter.sub_(gradient, alpha=learning_rate)
            elif isinstance(self._settings, Adagrad):
                squares = self.state[f"{name}.squares"].addcmul_(gradient, gradient)
                parameter.addcdiv_(gradient, squares.sqrt().add_(self._settings.epsilon), value=-learning_rate)
            elif isinstance(self._settings, SparseAdam) and name in self._tables:
                self._lazy(name, gradient, learning_rate, number)
            elif isinstance(self._settings, Adam):
                self._adam(name, gradient, learning_rate, number)

    def _adam(self, name: str, gradient: Tensor, rate: float, t: int) -> None:
        own = self._settings
        assert isinstance(own, Adam)
        mean = self.state[f"{name}.mean"].lerp_(gradient, 1 - own.beta1)
        squares = self.state[f"{name}.squares"].mul_(own.beta2).addcmul_(gradient, gradient, value=1 - own.beta2)
        root = squares.sqrt().div_((1 - own.beta2**t) ** 0.5).add_(own.epsilon)
        self._parameters[name].addcdiv_(mean, root, value=-rate / (1 - own.beta1**t))

    def _lazy(self, name: str, gradient: Tensor, rate: float, t: int) -> None:
        own = self._settings
        assert isinstance(own, Adam)
        rows = gradient.ne(0).any(dim=1).nonzero()[:, 0]
        part, mean, squares = gradient[rows], self.state[f"{name}.mean"], self.state[f"{name}.squares"]
        mean[rows] = mean[rows].lerp_(part, 1 - own.beta1)
        square = part.square()
        if isinstance(own, RowWiseAdam):
            square = square.mean(dim=1, keepdim=True).expand_as(square)
        squares[rows] = squares[rows].lerp_(square, 1 - own.beta2)
        rate = rate * (1 - own.beta2**t) ** 0.5 / (1 - own.beta1**t)
        self._parameters[name][rows] -= rate * mean[rows] / squares[rows].sqrt_().add_(own.epsilon)
