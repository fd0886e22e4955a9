"""Another process, with its own hashes and generators, and what may be handed to it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from io import BytesIO
from multiprocessing import get_context
from typing import Any, TypeVar

import torch

T = TypeVar("T")

_SERVER = get_context("forkserver")  # libraries that it has loaded beforehand need not be loaded again


def elsewhere(function: Callable[..., T], *args: object) -> T:
    """Return what the function returns, or raise what it raises, in another process."""
    # A forked process has none of torch's threads, but would wait for them: what was loaded may have begun some.
    with ProcessPoolExecutor(1, mp_context=_SERVER, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        return pool.submit(function, *args).result()


def packed(state: Any) -> bytes:
    """Return a state as it is stored: dicts, lists, texts, numbers and tensors, without pickled code."""
    buffer = BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def unpacked(stored: bytes) -> Any:
    """Return the state that was stored; refuses what would have to be unpickled."""
    return torch.load(BytesIO(stored), weights_only=True)
