"""A function in another process, with its own hashes and generators, without waiting for libraries to load."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

_SERVER = get_context("forkserver")  # see tests/conftest.py


def elsewhere(function: Callable, *args: object) -> object:
    """What the function returns, or raises, in another process."""
    with ProcessPoolExecutor(1, mp_context=_SERVER) as pool:
        return pool.submit(function, *args).result()
