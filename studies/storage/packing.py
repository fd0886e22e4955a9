"""States as bytes, and back: nested dicts and lists with tensors, without pickling.

The tensors go into the safetensors format, and the tree around them, as JSON, is one of them. Reading executes
nothing and takes memory in proportion to the bytes, whoever wrote them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load, save
from torch import Tensor

from core.common.errors import UserError, first_line

_TREE = "tree"
#: Marks a dict that stands for something which JSON does not have.
_MARK = "$"


def pack(state: Any) -> bytes:
    """Dicts, lists, tuples, texts, numbers, truths, None and tensors as bytes.

    Raises:
        TypeError: anything else.
    """
    arrays: dict[str, np.ndarray] = {}
    tree = json.dumps(_to_json(state, arrays), allow_nan=False, separators=(",", ":"))
    return bytes(save({**arrays, _TREE: np.frombuffer(tree.encode(), dtype=np.uint8)}))


def unpack(content: bytes) -> Any:
    """What `pack` was given; tensors are on the CPU.

    Raises:
        UserError: these bytes are not what `pack` makes.
    """
    try:
        arrays = load(content)
        return _from_json(json.loads(arrays.pop(_TREE).tobytes()), arrays)
    except (SafetensorError, LookupError, TypeError, ValueError, OverflowError, RecursionError) as error:
        problem = f"{type(error).__name__} {first_line(error)}"[:200]
        raise UserError(f"stored state: expected one that was packed here, got {problem}") from None


def _to_json(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    kind = type(value)
    if kind in (str, int, bool) or value is None:
        return value
    if kind is float:
        return value if math.isfinite(value) else {_MARK: "float", "is": repr(value)}
    if kind is list:
        return [_to_json(inner, arrays) for inner in value]
    if kind is tuple:
        return {_MARK: "tuple", "is": [_to_json(inner, arrays) for inner in value]}
    if isinstance(value, Mapping):
        if all(type(name) is str for name in value) and _MARK not in value:
            return {name: _to_json(inner, arrays) for name, inner in value.items()}
        pairs = [[_to_json(name, arrays), _to_json(inner, arrays)] for name, inner in value.items()]
        return {_MARK: "dict", "is": pairs}
    if isinstance(value, Tensor):
        name = str(len(arrays))
        arrays[name] = value.detach().cpu().contiguous().numpy()
        return {_MARK: "tensor", "is": name}
    raise TypeError(f"state: expected dicts, lists, texts, numbers and tensors, got {kind.__name__}")


def _from_json(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, list):
        return [_from_json(inner, arrays) for inner in value]
    if not isinstance(value, dict):
        return value
    mark = value.get(_MARK)
    if mark is None:
        return {name: _from_json(inner, arrays) for name, inner in value.items()}
    content = value["is"]
    if mark == "float":
        return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[content]
    if mark == "tuple":
        return tuple(_from_json(inner, arrays) for inner in content)
    if mark == "dict":
        return {_from_json(name, arrays): _from_json(inner, arrays) for name, inner in content}
    if mark == "tensor":
        return torch.from_numpy(arrays[content].copy())  # what was read may not be written to
    raise ValueError(f"an unknown mark {str(mark)[:40]!r}")
