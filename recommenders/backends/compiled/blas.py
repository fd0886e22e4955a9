"""Keeping BLAS from using cores that have other work."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache

import scipy.linalg.cython_blas  # noqa: F401  (the BLAS that compiled code calls, loaded so that it is found)
from threadpoolctl import ThreadpoolController


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


def blas_on_one_core() -> AbstractContextManager[object]:
    """While it lasts, a product of matrices is computed by the thread that asks for it."""
    limit: AbstractContextManager[object] = _controller().limit(limits=1, user_api="blas")
    return limit
