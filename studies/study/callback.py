"""Callbacks of a study: the terminal, MLflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.phases.tally import Tally
from core.search.effectiveness import TrainingCurve
from core.search.search import Step


class StudyCallback:
    """Told what happens in a study; does nothing about what it does not name. Must not change anything in it."""

    def on_step(self, step: Step, tally: Tally, candidate_epochs: int) -> None:
        """Phase I finished a step; `candidate_epochs` have been trained so far."""

    def on_phase(self, text: str) -> None:
        """Something begins or was decided; a sentence for a person."""

    def on_epoch(self, curves: Sequence[TrainingCurve]) -> None:
        """Phase III trained one more epoch."""

    def on_result(self, result: dict[str, Any]) -> None:
        """The study is done; `result` is what result.json holds."""

    def state_dict(self) -> dict[str, Any]:
        """What must be there again where a study goes on from a checkpoint."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""


class CallbackList(StudyCallback):
    """Several callbacks as one.

    Args:
        callbacks: told everything in this order.
    """

    def __init__(self, callbacks: Sequence[StudyCallback]) -> None:
        self._callbacks = callbacks

    def on_step(self, step: Step, tally: Tally, candidate_epochs: int) -> None:
        """See StudyCallback."""
        for callback in self._callbacks:
            callback.on_step(step, tally, candidate_epochs)

    def on_phase(self, text: str) -> None:
        """See StudyCallback."""
        for callback in self._callbacks:
            callback.on_phase(text)

    def on_epoch(self, curves: Sequence[TrainingCurve]) -> None:
        """See StudyCallback."""
        for callback in self._callbacks:
            callback.on_epoch(curves)

    def on_result(self, result: dict[str, Any]) -> None:
        """See StudyCallback."""
        for callback in self._callbacks:
            callback.on_result(result)

    def state_dict(self) -> dict[str, Any]:
        """See StudyCallback; by the names of their classes, since others may watch when the study goes on."""
        return {type(callback).__name__: callback.state_dict() for callback in self._callbacks}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See StudyCallback."""
        for callback in self._callbacks:
            callback.load_state_dict(state.get(type(callback).__name__, {}))
