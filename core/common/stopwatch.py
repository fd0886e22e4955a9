"""Measure where time goes."""

from __future__ import annotations

from collections.abc import Callable


class Stopwatch:
    """Sums up the seconds spent inside its `with` blocks."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._sum, self._since = clock, 0.0, 0.0

    def __enter__(self) -> None:
        self._since = self._clock()

    def __exit__(self, *error: object) -> None:
        self._sum += self._clock() - self._since

    def taken(self) -> float:
        """Return the seconds spent in blocks since the last call, and start again from 0."""
        seconds, self._sum = self._sum, 0.0
        return seconds
