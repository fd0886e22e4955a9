"""Spread work over CPU cores with threads; the work has to release Python's global interpreter lock (GIL)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")


class Cores:
    """A pool of threads, the calling one included.

    Args:
        n: number of threads, at least 1.
    """

    def __init__(self, n: int) -> None:
        self._n = n
        self._helpers: ThreadPoolExecutor | None = None

    def map(self, function: Callable[[int], T], n: int) -> list[T]:
        """Return [function(0), ..., function(n - 1)], computed in parallel.

        Args:
            function: called once for each number; a thread that has finished takes the next number.
            n: number of calls.
        """
        waiting, results = iter(range(n)), dict[int, T]()

        def work() -> None:
            for k in waiting:
                results[k] = function(k)

        helping = [self._pool().submit(work) for _ in range(min(self._n, n) - 1)]
        try:
            work()
        finally:
            for _ in waiting:  # empty by now, unless this thread was interrupted and the others should stop
                pass
            for helper in helping:
                helper.result()
        return [results[k] for k in range(n)]

    def together(self, function: Callable[[int], object], dismiss: Callable[[], None]) -> None:
        """Call function(0), ..., function(threads - 1) at the same time, for calls that wait for each other.

        Args:
            function: called once on every thread.
            dismiss: called where one of them fails or is interrupted; it lets those go that wait for it.
        """

        def member(k: int) -> None:
            try:
                function(k)
            except BaseException:
                dismiss()
                raise

        helping = list[Future[None]]()
        try:
            helping += [self._pool().submit(member, k) for k in range(1, self._n)]
            member(0)
        except BaseException:
            dismiss()  # again, for an interruption before
            raise
        finally:
            wait(helping)
        for helper in helping:
            helper.result()

    def _pool(self) -> ThreadPoolExecutor:
        if self._helpers is None:
            self._helpers = ThreadPoolExecutor(self._n - 1)
        return self._helpers
