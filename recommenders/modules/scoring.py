"""One trained copy of a recommender as a torch module: for predicting, storing and exporting."""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor, nn

from core.common.errors import UserError
from recommenders.models.recommender import Recommender, Weights, gather
from recommenders.modules.building import states_of
from recommenders.modules.module import ModuleRecommender


class ScoringModule(nn.Module):
    """Maps user ids [B] and item ids [B] to predictions y_hat [B].

    Its parameters and buffers are the weights, so `.to()` moves it and `state_dict` stores it. torch.export supports it
    with a dynamic number of examples; for a `ModuleRecommender`, this depends on the user's module.

    Args:
        recommender: the model.
        weights: of one copy, with a leading K = 1; copied.

    Raises:
        UserError: the weights are those of several copies.
    """

    def __init__(self, recommender: Recommender, weights: Weights) -> None:
        super().__init__()
        if {len(weight) for weight in weights.values()} != {1}:
            raise UserError("scoring: expected the weights of one copy, with a leading 1, got several copies")
        is_module = isinstance(recommender, ModuleRecommender)
        self.model = _Module(recommender, weights) if is_module else _Gathering(recommender, weights)  # type: ignore[arg-type]

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        """Return predictions y_hat [B].

        Args:
            user: ids from 0 [B], int64.
            item: ids from 0 [B], int64.
        """
        y_hat: Tensor = self.model(user, item)
        return y_hat


class _Gathering(nn.Module):
    """A recommender that gets gathered rows."""

    def __init__(self, recommender: Recommender, weights: Weights) -> None:
        super().__init__()
        self._recommender, self._names = recommender, {name: name.replace(".", "_") for name in weights}
        for name, weight in weights.items():
            is_buffer, value = name in recommender.buffers, weight.detach().clone()
            if is_buffer:
                self.register_buffer(self._names[name], value)
            else:
                self.register_parameter(self._names[name], nn.Parameter(value))

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        weights = {name: getattr(self, own) for name, own in self._names.items()}
        logit = self._recommender.logit(gather(self._recommender, weights, user, item), None)
        return torch.sigmoid(logit[0])


class _Module(nn.Module):
    """The user's torch module with trained weights, always in evaluation mode."""

    def __init__(self, recommender: ModuleRecommender, weights: Weights) -> None:
        super().__init__()
        plan, source = recommender.plan, recommender.source
        self._is_probability, self._twice = plan.is_probability, not plan.lone[0]
        self.module = source.build(recommender.n_users, recommender.n_items, dict(recommender.settings), 0).eval()
        with torch.no_grad():
            for name, state in states_of(self.module).items():
                whole = weights[name][0] if state.is_floating_point() else weights[name][0].round()
                state.copy_(whole)

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation mode."""
        return super().train(False)

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        n = user.shape[0]
        if self._twice:  # it does not take a single example
            user, item = torch.cat([user, user]), torch.cat([item, item])
        output: Tensor = self.module(user, item).reshape(-1)[:n]
        return output if self._is_probability else torch.sigmoid(output)
