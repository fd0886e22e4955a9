"""Use a `torch.nn.Module` that gives vectors to users and items as a model of vectors.

The class is constructed as `Class(n_users, n_items, **settings)`. Its methods `user_vectors(ids)` and
`item_vectors(ids)` map ids int64 [n], counted from 0, to vectors [n, D]. All parameters that require a gradient are
trained; buffers and other parameters stay as the constructor made them with a seed of 0. A model that needs the items
of users is a class derived from VectorModel instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.func import functional_call

from core.common.errors import UserError, format_value
from core.common.loading import user_errors_from
from recommenders.data.implicit.user_items import UserItems
from recommenders.models.recommender import RowKind, Weights
from recommenders.models.vectors.model import VectorModel
from recommenders.modules.building import ModuleClass, trained_of

#: Layers that do one thing in training and another in ranking, while a model of vectors has one pass for both.
_REFUSED = (nn.Dropout, nn.AlphaDropout, nn.BatchNorm1d)
_PREFIX = "module."


class _Both(nn.Module):
    """Calls both methods in a forward pass, since that is what torch calls with other parameters."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, users: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        return self.module.user_vectors(users), self.module.item_vectors(items)  # type: ignore[operator]


@dataclass(frozen=True)
class _Sized:
    """A module of a number of users and items."""

    both: _Both
    n_users: int
    n_items: int
    tables: Mapping[str, RowKind]


@dataclass(frozen=True)
class ModuleVectors(VectorModel):
    """A torch module class as a model of vectors. It makes its own sizes and initial parameters."""

    source: ModuleClass = field(kw_only=True)
    """Builds the modules."""
    settings: tuple[tuple[str, Any], ...] = field(default=(), kw_only=True)
    """The other arguments of the constructor."""

    @property
    def tables(self) -> Mapping[str, RowKind]:  # type: ignore[override]
        """See VectorModel: nn.Embedding layers with a row for each user, or one for each item; others are dense."""
        return self._known(_Sized).tables

    def on(self, train: UserItems, n_items: int) -> Self:
        """See VectorModel.

        Raises:
            UserError: the module fails, gives no such vectors, or has layers that are refused.
        """
        module = self.source.build(train.n_users, n_items, dict(self.settings), 0).eval()
        kinds: dict[int, RowKind] = {train.n_users: "user", n_items: "item"}
        tables: dict[str, RowKind] = {}
        for name, layer in module.named_modules():
            if isinstance(layer, _REFUSED):
                raise UserError(
                    f"{self.source.label}: expected no {type(layer).__name__}, as vectors are the same in training and "
                    f"in ranking, got {name}; leave it out (the setting dropout drops elements of users' vectors)"
                )
            if isinstance(layer, nn.Embedding) and len(kinds) == 2 and layer.num_embeddings in kinds:
                tables[f"{name}.weight" if name else "weight"] = kinds[layer.num_embeddings]
        trained = trained_of(module)
        tables = {name: kind for name, kind in tables.items() if name in trained}
        sized = self._knowing(_Sized(_Both(module), train.n_users, n_items, tables))
        sized.check()
        return sized

    def check(self) -> None:
        """Check the vectors of the first and the last user and item.

        Raises:
            UserError: they are not what they should be.
        """
        sized = self._known(_Sized)
        weights: Weights = {name: one for name, one in sized.both.module.named_parameters() if one.requires_grad}
        users, items = (torch.tensor([n - 1, 0]) for n in (sized.n_users, sized.n_items))
        found = self.vectors(weights, users, items) if weights else (users, items)
        if not any(one.requires_grad for one in found):
            raise UserError(
                f"{self.source.label}: expected vectors that depend on parameters, got constants: there is nothing to "
                "train"
            )
        if found[0].shape[1] != found[1].shape[1]:
            raise UserError(
                f"{self.source.label}: expected vectors of users and items of the same length, got "
                f"{found[0].shape[1]} and {found[1].shape[1]}"
            )

    def initial(self, n_users: int, n_items: int, seed: int) -> Weights:
        """See VectorModel."""
        module = self.source.build(n_users, n_items, dict(self.settings), seed)
        trained = trained_of(module)
        made = {name: one for name, one in module.named_parameters() if name in trained}
        return {name: one.detach().to(torch.float32, copy=True) for name, one in made.items()}

    def vectors(
        self, weights: Weights, users: Tensor | None, items: Tensor | None, positives: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """See VectorModel.

        Raises:
            UserError: a method of the module fails, or gives something else.
        """
        sized, like = self._known(_Sized), next(iter(weights.values()))
        sized.both.to(like.device, like.dtype)
        ids = [torch.arange(n, device=like.device) for n in (sized.n_users, sized.n_items)]
        ids = [every if some is None else some for every, some in zip(ids, (users, items), strict=True)]
        with user_errors_from(f"{self.source.label}: its vectors"):
            named = {f"{_PREFIX}{name}": one for name, one in weights.items()}
            found: tuple[Tensor, Tensor] = functional_call(sized.both, named, tuple(ids))
        for kind, vectors, own in zip(("user", "item"), found, ids, strict=True):
            got = (vectors.dtype, vectors.dim(), len(vectors)) if isinstance(vectors, Tensor) and vectors.dim() else ()
            if got != (like.dtype, 2, len(own)):
                text = (
                    f"{vectors.dtype} {list(vectors.shape)}" if isinstance(vectors, Tensor) else format_value(vectors)
                )
                raise UserError(
                    f"{self.source.label}: {kind}_vectors: expected {like.dtype} [{len(own)}, D] for {len(own)} ids, "
                    f"got {text}"
                )
        return found
