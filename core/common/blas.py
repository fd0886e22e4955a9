"""Limit BLAS to one thread: more would use cores that other work has, and round otherwise than one does."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import TYPE_CHECKING

import scipy.linalg.cython_blas  # noqa: F401  (loads the BLAS that compiled code calls, so that threadpoolctl finds it)

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController


@cache
def _controller() -> ThreadpoolController:
    from threadpoolctl import ThreadpoolController  # it changes the environment as it is loaded

    return ThreadpoolController()


def blas_on_one_core() -> AbstractContextManager[object]:
    """Return a context manager within which linear algebra runs in the calling thread only."""
    limit: AbstractContextManager[object] = _controller().limit(limits=1, user_api="blas")
    return limit
