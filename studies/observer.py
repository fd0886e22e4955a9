"""Who watches a study: the terminal, MLflow."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from core.effectiveness import Progress
from core.search import Step
from studies.funnel import Tally


class Observer(ABC):
    """Told what happens in a study. Must not change anything in it."""

    @abstractmethod
    def on_step(self, step: Step, tally: Tally, candidate_epochs: int) -> None:
        """Phase I finished a step; `candidate_epochs` have been trained so far."""

    @abstractmethod
    def on_phase(self, text: str) -> None:
        """Something begins or was decided; a sentence for a person."""

    @abstractmethod
    def on_epoch(self, progress: Sequence[Progress]) -> None:
        """Phase III trained one more epoch."""

    @abstractmethod
    def on_result(self, result: dict[str, Any]) -> None:
        """The study is done; `result` is what result.json holds."""
