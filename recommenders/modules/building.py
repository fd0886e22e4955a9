"""Build modules of the user's own class."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from core.common.errors import UserError
from core.common.loading import user_errors_from
from core.common.seeding import torch_rng
from recommenders.modules.isolation import drawing_from


@dataclass(frozen=True)
class ModuleClass:
    """A torch module class that is constructed as `Class(n_users, n_items, **settings)`.

    Raises:
        UserError: the constructor does not take n_users and n_items.
    """

    kind: type[nn.Module]
    label: str
    """Name in messages."""

    def __post_init__(self) -> None:
        """Check the constructor."""
        first = [p for p in self._signature.values() if p.kind is not p.VAR_KEYWORD]
        if len(first) < 2 and not any(p.kind is p.VAR_POSITIONAL for p in first):
            raise UserError(
                f"{self.label}: expected a constructor that takes n_users and n_items, got "
                f"{self.kind.__name__}({', '.join(self._signature)})"
            )

    @property
    def _signature(self) -> Mapping[str, inspect.Parameter]:
        with user_errors_from(f"{self.label}: reading its constructor"):
            return inspect.signature(self.kind).parameters

    @property
    def _by_name(self) -> bool:
        """Whether to pass n_users and n_items by name, as the constructor's order may differ."""
        return {"n_users", "n_items"} <= set(self._signature)

    def settings(self) -> dict[str, Any]:
        """Return the type of every setting, by its annotation or else its default; `Any` without both."""
        named = [p for p in self._signature.values() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        own = [p for p in named if p.name not in ("n_users", "n_items")] if self._by_name else named[2:]
        try:
            hints = get_type_hints(self.kind.__init__)
        except Exception:  # annotations may name what is imported for type checkers only
            hints = {}
        return {p.name: hints.get(p.name, _type_of(p.default)) for p in own}

    @property
    def takes_any(self) -> bool:
        """Whether the constructor takes any settings (`**kwargs`)."""
        return any(p.kind is p.VAR_KEYWORD for p in self._signature.values())

    def required(self) -> list[str]:
        """Return the names of settings without a default."""
        return [name for name in self.settings() if self._signature[name].default is inspect.Parameter.empty]

    def build(self, n_users: int, n_items: int, settings: Mapping[str, Any], seed: int) -> nn.Module:
        """Build a module; equal seeds give equal modules.

        Args:
            n_users: number of users.
            n_items: number of items.
            settings: the other arguments of the constructor.
            seed: of all random draws of the constructor.

        Raises:
            UserError: the constructor raised an error.
        """
        sizes = () if self._by_name else (n_users, n_items)
        named = {"n_users": n_users, "n_items": n_items} if self._by_name else {}
        with drawing_from(torch_rng(seed, "initial")), user_errors_from(f"{self.label}: its constructor", exits=True):
            module = self.kind(*sizes, **named, **settings)
            if any(is_lazy(p) for p in (*module.parameters(), *module.buffers())):
                nobody = torch.zeros(2, dtype=torch.int64)
                module.eval()(nobody, nobody)  # lazy layers get their sizes from a first pass
        for inner in module.modules():
            if isinstance(inner, nn.Embedding | nn.EmbeddingBag):
                inner.sparse = False  # the same gradient as a dense tensor, which vmap needs
        return module


def _type_of(default: Any) -> Any:
    if isinstance(default, tuple | list) and default:
        return tuple[type(default[0]), ...] if isinstance(default, tuple) else list[type(default[0])]  # type: ignore[misc]
    return type(default) if isinstance(default, bool | int | float | str | tuple | list) else Any


#: The largest integer up to which float32 is exact: integer states and ids are stored as floats.
MOST = 2**24


def states_of(module: nn.Module) -> dict[str, Tensor]:
    """Return parameters and buffers by name, shared ones once, without the buffers that `kept_by` returns."""
    buffers = {name: buffer for name, buffer in module.named_buffers() if _travels(buffer)}
    return dict(module.named_parameters()) | buffers


def kept_by(module: nn.Module) -> frozenset[str]:
    """Return the buffers that cannot be stored as dense floats, such as a sparse graph; all copies share them."""
    return frozenset(name for name, buffer in module.named_buffers() if not _travels(buffer))


def _travels(buffer: Tensor) -> bool:
    if buffer.layout != torch.strided or buffer.is_complex():
        return False
    return buffer.dtype.is_floating_point or not bool(
        (buffer.abs() > MOST).any() if buffer.dtype != torch.bool else False
    )


def trained_of(module: nn.Module) -> frozenset[str]:
    """Return the names of the parameters that require a gradient."""
    return frozenset(name for name, parameter in module.named_parameters() if parameter.requires_grad)
