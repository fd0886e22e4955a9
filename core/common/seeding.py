"""Derive seeds from content: the same names and numbers give the same seed, whatever else runs before or beside."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def derive_seed(*parts: str | int) -> int:
    """Return a seed in [0, 2**63) derived from names and numbers, such as (study_seed, "batches", epoch)."""
    text = "\x1f".join(f"{type(part).__name__}:{_escaped(str(part))}" for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def _escaped(part: str) -> str:
    """Return the text with the character that separates parts escaped."""
    return part.replace("\\", "\\\\").replace("\x1f", "\\u")


def numpy_rng(*parts: str | int) -> np.random.Generator:
    """Return a NumPy generator seeded by names and numbers, see `derive_seed`."""
    return np.random.default_rng(derive_seed(*parts))


def torch_rng(*parts: str | int, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a torch generator seeded by names and numbers.

    Args:
        parts: names and numbers, see `derive_seed`.
        device: where the generator draws.
    """
    return torch.Generator(device=device).manual_seed(derive_seed(*parts))


@contextmanager
def own_random(rng: random.Random) -> Iterator[None]:
    """Use a generator as Python's global one within the `with` block; it advances by what the block draws."""
    outside = random.getstate()
    random.setstate(rng.getstate())
    try:
        yield
    finally:
        rng.setstate(random.getstate())
        random.setstate(outside)
