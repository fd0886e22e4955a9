"""What a person sees in the terminal while a study runs: progress on stderr, stdout stays for the report."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from core.common.secrets import masked
from core.phases.metric import Metric
from core.phases.tally import Tally
from core.search.effectiveness import TrainingCurve
from core.search.search import Step
from studies.study.history import StudyCallback

_LINE_EVERY = 10.0  # seconds between lines where there is no terminal to draw on


def new_console(*, stderr: bool = False, width: int | None = None, quiet: bool = False) -> Console:
    """A terminal on which text stays what it is: names and paths may hold brackets, which rich takes for markup."""
    return Console(stderr=stderr, width=width, quiet=quiet, markup=False)


def for_tables(out: Console, least: int) -> Console:
    """`out`, or a console of at least so many columns where that is no terminal, which has its own."""
    return out if out.is_terminal else new_console(width=max(out.width, least))


def warning_to(console: Console) -> Callable[[str], None]:
    """Tells a problem in a line of its own."""
    return lambda text: console.print(f"warning: {masked(text)}", highlight=False, soft_wrap=True)


def print_lines(lines: Sequence[str], console: Console) -> None:
    """Print what was read, before anything is done with it."""
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)


def draws(console: Console) -> bool:
    """Whether a live bar can be seen there: on a terminal, and in a notebook that has widgets."""
    is_notebook = console.is_jupyter and find_spec("ipywidgets") is not None
    return not console.quiet and (console.is_terminal or is_notebook)


def live_bars(console: Console) -> Progress:
    """Bars with a description, a field `state` and a clock, which leave no trace; nothing where they cannot be seen."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[state]}", markup=False),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not draws(console),
    )


class LiveBars:
    """What draws live bars while a block lasts.

    Args:
        console: where to draw, normally stderr.
    """

    def __init__(self, console: Console) -> None:
        self._console, self._live = console, draws(console)
        self._progress = live_bars(console)

    def __enter__(self) -> Self:
        """Start drawing."""
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the terminal as it was."""
        self._progress.stop()

    def _heading(self, text: str) -> None:
        """A line that says what begins."""
        self._console.print(text, style="bold" if self._live else None, highlight=False, soft_wrap=True)


class LiveProgress(LiveBars, StudyCallback):
    """A live bar on a terminal or in a notebook; elsewhere (a file, CI) a line now and then.

    Args:
        console: where to draw, normally stderr.
        metric: what scores are made of.
        trainings: the budget of Phase I.
        clock: seconds.
        complexity: what the complexity of a candidate counts.
        are_whole: whether trainings to convergence come whole, one after the other; then these are counted.
    """

    def __init__(
        self,
        console: Console,
        metric: Metric,
        trainings: int,
        clock: Callable[[], float] = time.monotonic,
        complexity: str = "operators",
        are_whole: bool = False,
    ) -> None:
        super().__init__(console)
        self._metric, self._trainings, self._clock, self._complexity = metric, trainings, clock, complexity
        self._last_line = -_LINE_EVERY
        self._are_whole = are_whole
        self._bar = self._progress.add_task("", total=None, state="", visible=False)

    def on_phase(self, text: str) -> None:
        """See StudyCallback."""
        self._heading(text)
        self._progress.reset(self._bar, description="Working", total=None, state="", visible=self._live)
        self._last_line = self._clock()

    def on_step(self, step: Step, tally: Tally, candidate_epochs: int) -> None:
        """See StudyCallback."""
        best = self._metric.value(tally.best_score)
        state = (
            f"{tally.trained}/{self._trainings} trained of {tally.sampled} sampled, {len(tally.accepted)} accepted, "
            f"best validation {self._metric.name} {best:.4f}"
        )
        front = self._front(tally)
        shown = state + f"\n{front}" * bool(front)
        self._progress.update(
            self._bar, description="Searching", completed=tally.trained, total=self._trainings, state=shown
        )
        self._line(state + f"; {front}" * bool(front))

    def _front(self, tally: Tally) -> str:
        """What is reached with which complexity; nothing as long as no candidate was accepted."""
        reached = [f"{one.complexity}: {self._metric.value(one.score):.4f}" for one in tally.front]
        return f"by {self._complexity} {', '.join(reached)}" if reached else ""

    def on_epoch(self, curves: Sequence[TrainingCurve]) -> None:
        """See StudyCallback."""
        epoch = max(p.epochs for p in curves)
        active = sum(p.epochs == epoch for p in curves)
        best = self._metric.value(max(p.best_score for p in curves))
        done = len(curves) - active
        state = f"epoch {epoch}, {active} in training"
        if self._are_whole:
            done = sum(p.epochs > 0 for p in curves)
            state = f"{done} of {len(curves)} trained"
        state += f", best validation {self._metric.name} {best:.4f}"
        self._progress.update(self._bar, description="Training", completed=done, total=len(curves), state=state)
        self._line(state)

    def on_trained(self, done: float, total: int) -> None:
        """Show how many trainings are done, parts of one included, where others than this process train.

        Args:
            done: so many.
            total: of so many.
        """
        state = f"{done:.1f} of {total} trained"
        self._progress.update(self._bar, description="Training", completed=done, total=total, state=state)
        self._line(state)

    def on_result(self, result: dict[str, Any]) -> None:
        """See StudyCallback; the report is printed elsewhere."""
        self._progress.update(self._bar, visible=False)

    def _line(self, state: str) -> None:
        if not self._live and self._clock() - self._last_line >= _LINE_EVERY:
            self._console.print("  " + state, highlight=False, soft_wrap=True)
            self._last_line = self._clock()
