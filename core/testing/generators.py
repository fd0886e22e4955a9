"""Check that the global random generators of Python, NumPy and torch are not used."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def untouched_generators(seed: int) -> Iterator[None]:
    """Seed the global generators, and fail if the `with` block draws from them."""
    _seed(seed)
    expected = _draws()
    _seed(seed)
    yield
    assert _draws() == expected, "a global generator was drawn from"


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def _draws() -> list[float]:
    return [random.random(), np.random.random(), torch.rand(1).item()]
