"""What a person sees while parts are computed: on stderr, stdout stays for the summary."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.progress import TaskID

from studies.execution.laboratory import Watcher
from studies.execution.part import Part
from studies.study.console import LiveBars

_LINE_EVERY = 30.0  # seconds between lines about unfinished parts where there is no terminal to draw on


class PartsProgress(LiveBars, Watcher):
    """Live bars on a terminal; elsewhere (a file, CI) a line for every part.

    Args:
        console: where to draw, normally stderr.
        told: what came of a part, in a few words.
        clock: seconds.
    """

    def __init__(
        self,
        console: Console,
        told: Callable[[Part, Mapping[str, Any]], str] = lambda part, found: "done",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(console)
        self._told, self._clock = told, clock
        self._bars: dict[str, TaskID] = {}
        self._shares: dict[str, float] = {}
        self._all: TaskID | None = None
        self._total, self._quiet, self._next_line = 0, 0, 0.0

    def on_stage(self, text: str, parts: Sequence[Part], done: int) -> None:
        """See Watcher."""
        there = f" ({done} of {len(parts)} parts are there from before)" if done else ""
        self._heading(text + there)
        if self._all is not None:
            self._progress.remove_task(self._all)
        self._all = self._progress.add_task("All parts", total=len(parts), state="")
        self._total, self._shares, self._quiet = len(parts), {}, done
        self._next_line = self._clock() + _LINE_EVERY

    def on_progress(self, part: Part, share: float) -> None:
        """See Watcher."""
        self._shares[part.file] = share
        if part.file not in self._bars:
            self._bars[part.file] = self._progress.add_task(part.label, total=1.0, state="")
        self._progress.update(self._bars[part.file], completed=share)
        self._update()
        if not self._live and self._clock() >= self._next_line:
            self._say(f"{self._done:.1f} of {self._total} parts")

    def on_part(self, part: Part, found: Mapping[str, Any]) -> None:
        """See Watcher."""
        self._shares[part.file] = 1.0
        bar = self._bars.pop(part.file, None)
        if bar is not None:
            self._progress.remove_task(bar)
        self._update()
        if self._quiet:  # from before
            self._quiet -= 1
        else:
            self._say(f"{self._done:.1f} of {self._total} parts; {part.label}: {self._told(part, found)}")

    @property
    def _done(self) -> float:
        return sum(self._shares.values())

    def _update(self) -> None:
        if self._all is not None:
            self._progress.update(self._all, completed=self._done, state=f"{self._done:.1f}/{self._total}")

    def _say(self, text: str) -> None:
        self._console.print("  " + text, highlight=False, soft_wrap=True)
        self._next_line = self._clock() + _LINE_EVERY
