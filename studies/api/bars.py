"""Progress in a notebook or a script, by tqdm."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from types import TracebackType
from typing import Any, Self

from core.common.extras import lacking
from core.search.effectiveness import Progress
from core.search.search import Step
from recommenders.tasks.metrics import Metric
from studies.study.funnel import Tally
from studies.study.observer import Observer


def _bar_class() -> Any:
    """A bar of widgets where a notebook can show one, else of text."""
    get_shell = getattr(sys.modules.get("IPython"), "get_ipython", None)
    is_notebook = get_shell is not None and type(get_shell()).__name__ == "ZMQInteractiveShell"
    if is_notebook and find_spec("ipywidgets") is not None:
        from tqdm.notebook import tqdm
    else:
        from tqdm import tqdm
    # The usual lock fixes how the process may start others, and a thread stays that looks after slow bars.
    own = type("Bar", (tqdm,), {"monitor_interval": 0})
    own.set_lock(threading.RLock())  # type: ignore[attr-defined]
    return own


_CONVERGING = "Training to convergence"


class Bars(Observer):
    """A bar for Phase I and one for every round of Phase III.

    Args:
        metric: what scores are made of.
        trainings: the budget of Phase I.
        shown: whether there is anything to see.
    """

    def __init__(self, metric: Metric, trainings: int, shown: bool = True) -> None:
        without = lacking("bars of progress", "tqdm") if shown else None
        if without is not None:
            warnings.warn(without, stacklevel=4)  # at the call of search_loss, which is wrapped
        self._metric, self._trainings, self._shown = metric, trainings, shown and without is None
        self._bar: Any = None

    def __enter__(self) -> Self:
        """Bars are open until the block ends."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the last bar as it is."""
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = None

    def _at(self, what: str, done: int, total: int, state: str) -> None:
        if not self._shown:
            return
        if self._bar is None:
            self._bar = _bar_class()(total=total, desc=what, unit="loss")
        self._bar.set_postfix_str(state, refresh=False)
        self._bar.update(done - self._bar.n)

    def on_phase(self, text: str) -> None:
        """See Observer."""
        self._finish()
        self._close()

    def _finish(self) -> None:
        """The last epoch ends all trainings that were left; a search may end before its budget."""
        if self._bar is not None and self._bar.desc.startswith(_CONVERGING):
            self._bar.update(self._bar.total - self._bar.n)

    def on_step(self, step: Step, tally: Tally, candidate_epochs: int) -> None:
        """See Observer."""
        state = f"best validation {self._metric.name} {self._metric.value(tally.best_score):.4f}"
        self._at("Searching", tally.trained, self._trainings, state)

    def on_epoch(self, progress: Sequence[Progress]) -> None:
        """See Observer."""
        epoch = max(one.epochs for one in progress)
        converged = sum(one.epochs < epoch for one in progress)
        best = self._metric.value(max(one.best_score for one in progress))
        state = f"epoch {epoch}, best validation {self._metric.name} {best:.4f}"
        self._at(_CONVERGING, converged, len(progress), state)

    def on_result(self, result: dict[str, Any]) -> None:
        """See Observer."""
        self._finish()
        self._close()
