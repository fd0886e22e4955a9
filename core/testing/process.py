"""Run a function in another process, and store states as checkpoints do."""

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
    """Call a function in another process; return its result or raise its error.

    Args:
        function: can be pickled.
        args: its arguments; can be pickled.
    """
    # A forked process has none of torch's threads, but would wait for them: what was loaded may have begun some.
    with ProcessPoolExecutor(1, mp_context=_SERVER, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        return pool.submit(function, *args).result()


def packed(state: Any) -> bytes:
    """Return a state of dicts, lists, strings, numbers and tensors as bytes."""
    buffer = BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def unpacked(stored: bytes) -> Any:
    """Return the state that `packed` stored; fails if anything in it would have to be unpickled."""
    return torch.load(BytesIO(stored), weights_only=True)
