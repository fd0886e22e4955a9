"""The random draws of training passes."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Training:
    """Passed to a forward pass in training mode; all K copies share the draws of `rng`."""

    rng: torch.Generator
