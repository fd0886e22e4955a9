"""Intercept a module's embedding lookups: observe them, or answer them with rows that were gathered before.

A module looks up rows in whole tables, for example with `embedding(user)`. The trainer passes rows that it has already
gathered, one for each example, in place of a table; the lookup then returns these rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from core.common.errors import UserError
from recommenders.models.recommender import RowKind

#: Functions whose result holds the ids of their first argument, perhaps in another shape or type.
_SAME_IDS = {
    getattr(Tensor, name)
    for name in ("long", "int", "to", "view", "reshape", "squeeze", "unsqueeze", "flatten", "contiguous", "clone")
} | {torch.squeeze, torch.unsqueeze, torch.reshape, torch.flatten, torch.clone}
_WIDE = (torch.int64, torch.int32)


class Lookups(TorchFunctionMode):
    """Answers `embedding(ids, table)`, `table[ids]` and `index_select(table, 0, ids)` of gathered tables.

    Args:
        ids: users [B] and items [B] of the examples.
        gathered: (rows of the examples [B, ...], kind): tensors that are passed in place of tables of this kind.
        watched: whole tensors whose uses are recorded in `readers`.
    """

    def __init__(
        self, ids: Mapping[RowKind, Tensor], gathered: Sequence[tuple[Tensor, RowKind]], watched: Sequence[Tensor] = ()
    ) -> None:
        super().__init__()
        self._ids: dict[int, tuple[Tensor, RowKind]] = {id(one): (one, kind) for kind, one in ids.items()}
        self._n = {kind: one.numel() for kind, one in ids.items()}
        self._gathered = {id(rows): kind for rows, kind in gathered}
        self.readers: dict[int, set[str]] = {id(tensor): set() for tensor in watched}
        """`id` of a watched tensor -> its uses: "user" or "item" for lookups by these ids, "other" for other uses."""
        self.sigmoid: tuple[Tensor, Tensor] | None = None
        """Argument and result of the last sigmoid."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """See TorchFunctionMode."""
        kwargs = kwargs or {}
        table, index = _lookup(func, args, kwargs)
        ids, kind = self._ids.get(id(index), (None, None))
        if ids is not None and self._gathered.get(id(table)) == kind:
            return table.view(*ids.shape, *table.shape[1:])  # a new tensor, so that other uses of the table are noticed
        if any(id(one) in self._gathered for one in args):
            raise UserError("uses a table in another way than in its trial call; forward has to do the same every time")
        if self.readers:
            self._note(table, kind, (args, kwargs))
        result = func(*args, **kwargs)
        if func in _SAME_IDS and args and id(args[0]) in self._ids:
            self._follow(result, self._ids[id(args[0])][1])
        elif func in _SIGMOIDS and args:
            self.sigmoid = (args[0], result)
        return result

    def _note(self, table: Any, kind: str | None, arguments: Any) -> None:
        for one in _tensors(arguments):
            if id(one) in self.readers:
                self.readers[id(one)].add(kind if kind is not None and one is table else "other")

    def _follow(self, result: Any, kind: RowKind) -> None:
        """Treat the result as ids, if it holds the same ids in another shape or type."""
        if isinstance(result, Tensor) and result.dtype in _WIDE and result.numel() == self._n[kind]:
            self._ids[id(result)] = (result, kind)


_SIGMOIDS = {torch.sigmoid, Tensor.sigmoid, functional.sigmoid, torch.special.expit}


_OPTIONS = ("padding_idx", "max_norm", "norm_type", "scale_grad_by_freq", "sparse")


def _lookup(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return the table and the ids of a plain lookup; (None, None) for other calls."""
    if func is functional.embedding and len(args) >= 2:
        options = {**dict(zip(_OPTIONS, args[2:], strict=False)), **kwargs}
        special = [options.get("padding_idx") is not None, options.get("max_norm") is not None]
        if not any([*special, options.get("scale_grad_by_freq"), options.get("sparse")]):
            return args[1], args[0]
    elif func is Tensor.__getitem__:
        index = args[1]
        return args[0], index[0] if isinstance(index, tuple) and len(index) == 1 else index
    elif func in (torch.index_select, Tensor.index_select) and len(args) == 3 and args[1] == 0:
        return args[0], args[2]
    return None, None


def _tensors(value: Any) -> list[Tensor]:
    """Return all tensors in nested arguments."""
    if isinstance(value, Tensor):
        return [value]
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, tuple | list) else ()
    return [tensor for one in inner for tensor in _tensors(one)]
