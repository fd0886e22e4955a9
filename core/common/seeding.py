"""Seeds derived from content: the same names give the same seed, whatever runs before or beside."""

from __future__ import annotations

import hashlib

import numpy as np
import torch


def derive_seed(*parts: str | int) -> int:
    """Return a seed in [0, 2**63) for names and numbers, such as (study_seed, "batches", epoch)."""
    text = "\x1f".join(f"{type(part).__name__}:{_escaped(str(part))}" for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def _escaped(part: str) -> str:
    """The text without the character that separates parts."""
    return part.replace("\\", "\\\\").replace("\x1f", "\\u")


def numpy_rng(*parts: str | int) -> np.random.Generator:
    """Return a NumPy generator seeded by these names and numbers."""
    return np.random.default_rng(derive_seed(*parts))


def torch_rng(*parts: str | int, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a torch generator on a device, seeded by these names and numbers."""
    return torch.Generator(device=device).manual_seed(derive_seed(*parts))
