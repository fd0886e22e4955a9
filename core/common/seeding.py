"""Seeds by content: the same names give the same seed, whatever runs before or beside."""

from __future__ import annotations

import hashlib

import numpy as np
import torch


def derive_seed(*parts: str | int) -> int:
    """A seed in [0, 2**63) out of names and numbers, such as (study_seed, "batches", epoch)."""
    text = "\x1f".join(f"{type(part).__name__}:{_escaped(str(part))}" for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def _escaped(part: str) -> str:
    """The text without the character that separates parts."""
    return part.replace("\\", "\\\\").replace("\x1f", "\\u")


def numpy_rng(*parts: str | int) -> np.random.Generator:
    """A NumPy generator of its own for these parts."""
    return np.random.default_rng(derive_seed(*parts))


def torch_rng(*parts: str | int, device: torch.device | str = "cpu") -> torch.Generator:
    """A torch generator of its own for these parts."""
    return torch.Generator(device=device).manual_seed(derive_seed(*parts))
