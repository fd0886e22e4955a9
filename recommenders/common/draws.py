"""The random draws of training passes."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Training:
    """Given to a forward pass while training: draws are the same for all K copies."""

    rng: torch.Generator
