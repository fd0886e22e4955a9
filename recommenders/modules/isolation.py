"""Let the user's code draw from a given generator, and leave the global generators unchanged."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def drawing_from(rng: torch.Generator, *, everywhere: bool = True) -> Iterator[None]:
    """Make torch's global generators draw from `rng` within the `with` block; `rng` advances.

    Afterwards the global generators have their previous states. Does not synchronise with the device.

    Args:
        rng: on the device where most draws are made.
        everywhere: whether to seed NumPy's and Python's global generators too.
    """
    own = _global(rng.device)
    others = [] if own is torch.default_generator else [torch.default_generator]
    before = [(generator, generator.get_state()) for generator in (own, *others)]
    elsewhere = (np.random.get_state(), random.getstate()) if everywhere else None
    try:
        for generator in others:  # a GPU's generator counts its draws
            generator.manual_seed((rng.initial_seed() + rng.get_offset()) % 2**63)
        own.set_state(rng.get_state())
        if everywhere:
            seed = int(torch.randint(2**31, (), device="cpu"))
            np.random.seed(seed)
            random.seed(seed)
        yield
    finally:
        rng.set_state(own.get_state())
        for generator, state in before:
            generator.set_state(state)
        if elsewhere is not None:
            np.random.set_state(elsewhere[0])
            random.setstate(elsewhere[1])


def _global(device: torch.device) -> torch.Generator:
    if device.type != "cuda":
        return torch.default_generator
    generator: torch.Generator = torch.cuda.default_generators[device.index or 0]
    return generator


def elsewhere_now() -> bytes:
    """Return the states of NumPy's and Python's global generators."""
    _, keys, place, *rest = np.random.get_state()
    return repr((np.asarray(keys).tobytes(), place, rest, random.getstate())).encode()
