"""Use any `torch.nn.Module` that maps (user, item) to a prediction as a recommender, with K copies trained at once.

The class is constructed as `Class(n_users, n_items, **settings)`. Its `forward(user, item)` maps ids int64 [B], counted
from 0, to logits [B] or [B, 1], or to probabilities if it has a class attribute `output = "probability"`. Between calls
it may keep state in buffers only. `recommenders.modules.planning` finds out how to compute K copies of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from core.common.errors import UserError
from core.common.loading import user_errors_from
from recommenders.common.draws import Training
from recommenders.models.recommender import Pullback, Recommender, RowKind, Weights, autograd_vjp
from recommenders.modules.building import ModuleClass, states_of
from recommenders.modules.module_pass import IDS, Plan, forward
from recommenders.modules.planning import make_plan


@dataclass(frozen=True)
class ModuleRecommender(Recommender):
    """A torch module class as a recommender."""

    source: ModuleClass
    """Builds the modules."""
    settings: tuple[tuple[str, Any], ...] = ()
    """The other arguments of the constructor."""
    n_users: int = 13
    """Number of users, see `sized`."""
    n_items: int = 17
    """Number of items, see `sized`."""

    @cached_property
    def plan(self) -> Plan:
        """The plan for computing the copies."""
        module = self.source.build(self.n_users, self.n_items, dict(self.settings), 0)
        return make_plan(self.source.label, module, self.n_users, self.n_items)

    @cached_property
    def tables(self) -> Mapping[str, RowKind]:  # type: ignore[override]
        """See Recommender: the tables that the module only looks up by id, and the ids themselves."""
        return {**self.plan.gathered, **IDS}

    @cached_property
    def buffers(self) -> frozenset[str]:  # type: ignore[override]
        """See Recommender: the buffers of the module, its parameters without gradient, and the ids."""
        return self.plan.buffers

    def sized(self, n_users: int, n_items: int) -> Recommender:
        """See Recommender."""
        same = (n_users, n_items) == (self.n_users, self.n_items)
        return self if same else replace(self, n_users=n_users, n_items=n_items)

    def initial(self, n_users: int, n_items: int, seed: int) -> Weights:
        """See Recommender.

        Raises:
            UserError: the module was planned for other numbers of users and items, and depends on them.
        """
        made = states_of(self.source.build(n_users, n_items, dict(self.settings), seed))
        expected = states_of(self.plan.template)
        same = {name: state.shape for name, state in made.items() if name not in self.plan.gathered}
        if same != {name: state.shape for name, state in expected.items() if name not in self.plan.gathered}:
            raise UserError(
                f"{self.source.label}: made for {self.n_users} users and {self.n_items} items, asked for "
                f"{n_users} and {n_items}: use sized({n_users}, {n_items})"
            )
        weights = {name: state.detach().to(torch.float32, copy=True) for name, state in made.items()}
        sizes = {"user": n_users, "item": n_items}
        return weights | {name: torch.arange(sizes[kind], dtype=torch.float32) for name, kind in IDS.items()}

    def logit(self, weights: Weights, training: Training | None) -> Tensor:
        """See Recommender."""
        return forward(self.plan, weights, training)

    def vjp(self, weights: Weights, training: Training | None) -> tuple[Tensor, Pullback]:
        """See Recommender."""
        logit, back = autograd_vjp(self, weights, training)

        def pullback(gradient: Tensor) -> Weights:
            with user_errors_from(f"{self.source.label}: the gradient of its forward"):
                return back(gradient)

        return logit, pullback
