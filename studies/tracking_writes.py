"""How runs are written to MLflow: what single studies and comparisons share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

BATCH = 900  # metrics a request; MLflow takes 1,000
LONGEST_TEXT = 5_000  # characters; MLflow takes 6,000
#: The step of metrics that have one value: with it MLflow draws a bar for each run, otherwise a dot.
SINGLE = 0


def status_after(kind: type[BaseException] | None) -> str:
    """How a run ended that this error left, if any: FINISHED, FAILED, or KILLED by a person or the system."""
    return "FINISHED" if kind is None else "FAILED" if issubclass(kind, Exception) else "KILLED"


def params_of(settings: Mapping[str, object]) -> list[Any]:
    """Settings as MLflow's parameters."""
    from mlflow.entities import Param

    return [Param(name, str(value)[:LONGEST_TEXT]) for name, value in settings.items()]


def columns_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Rows with the same names, at least one, as MLflow's tables want them."""
    return {name: [row[name] for row in rows] for name in rows[0]}
