"""Which groups of tasks travel together: many short ones at once, long ones alone, and whose worker died by itself."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

#: Seconds that a batch should take: long beside the time that it takes to send one, and short for a person who waits.
_SECONDS = 1.0
#: So many groups decide how long the next ones are taken to be.
_RECENT = 20
#: What is left is cut into so many batches for each worker at least, so that all of them end at about the same time.
_SHARES = 2


@dataclass(frozen=True)
class Batch:
    """Groups that one worker computes, one after the other."""

    numbers: tuple[int, ...]
    """Of the groups."""
    tries: int = 1
    """How often they were begun, this time included."""


class Batches:
    """Groups that wait for a worker, in their order.

    Args:
        numbers: of the groups.
        tries: how often a group is begun whose worker dies.
    """

    def __init__(self, numbers: Iterable[int], tries: int) -> None:
        self._fresh, self._again, self._tries = deque(numbers), deque[Batch](), tries
        self._seconds = deque[float](maxlen=_RECENT)

    def next(self, workers: int) -> Batch | None:
        """Take what is to be computed next; None if nothing waits.

        Args:
            workers: how many there are.
        """
        if self._again:
            return self._again.popleft()
        if not self._fresh:
            return None
        return Batch(tuple(self._fresh.popleft() for _ in range(self._size(workers))))

    def took(self, seconds: float) -> None:
        """Learn how long a group took."""
        self._seconds.append(seconds)

    def put_back(self, batch: Batch) -> None:
        """Have a batch computed by somebody else: it was not begun."""
        self._again.appendleft(batch)

    def died(self, batch: Batch) -> list[int]:
        """Have the groups of a batch computed again, each alone, since nobody knows which one it was.

        Returns:
            Those that were begun too often, which are not.
        """
        if batch.tries >= self._tries:
            return list(batch.numbers)
        self._again.extend(Batch((number,), batch.tries + 1) for number in batch.numbers)
        return []

    def _size(self, workers: int) -> int:
        """How many groups the next batch has: what fits into its time if all are as long as the longest of late."""
        longest = max(self._seconds, default=_SECONDS)
        fitting = int(_SECONDS / longest) if longest > 0 else len(self._fresh)
        share = -(-len(self._fresh) // (_SHARES * max(1, workers)))
        return max(1, min(fitting, share))
