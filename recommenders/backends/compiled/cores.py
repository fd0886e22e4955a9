"""Work spread over CPU cores by threads; what they run must release Python's global lock."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Cores:
    """Some CPU cores.

    Args:
        n: how many, at least 1.
    """

    def __init__(self, n: int) -> None:
        self._n = n
        self._helpers: ThreadPoolExecutor | None = None

    def map(self, function: Callable[[int], T], n: int) -> list[T]:
        """function(0) to function(n - 1), several at a time: every core takes the next one when it is done."""
        waiting, results = iter(range(n)), dict[int, T]()

        def work() -> None:
            for k in waiting:
                results[k] = function(k)

        if self._helpers is None and self._n > 1:
            self._helpers = ThreadPoolExecutor(self._n - 1)
        helping = [self._helpers.submit(work) for _ in range(min(self._n, n) - 1)] if self._helpers else []
        try:
            work()
        finally:
            for _ in waiting:  # none is left, or this thread was interrupted and the others should stop
                pass
            for helper in helping:
                helper.result()
        return [results[k] for k in range(n)]
