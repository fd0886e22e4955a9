"""A run of MLflow's as plain data: commands make it of their results, `studies.tracking.uploader` sends it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

RUNNING, FINISHED = "RUNNING", "FINISHED"
#: The step of metrics that have one value: with it MLflow draws a bar for each run, otherwise a dot.
SINGLE = 0

#: A file or folder to copy, the content of a JSON file, or the rows of a table, at least one, with equal names.
Artifact: TypeAlias = Path | Mapping[str, Any] | Sequence[Mapping[str, Any]]


def now() -> int:
    """Milliseconds since 1970, as MLflow counts."""
    return int(time.time() * 1000)


def allowed(metric: str) -> str:
    """Return the name of a metric as MLflow takes it: recall@20 is recall_at_20."""
    return metric.replace("@", "_at_")


@dataclass(frozen=True)
class Point:
    """Values of some metrics at one step."""

    step: int
    values: Mapping[str, float | None]
    """By the names of the metrics, as `allowed`; what is not finite is left out, MLflow cannot draw it."""
    time: int = field(default_factory=now)
    """Milliseconds since 1970."""

    def __post_init__(self) -> None:
        """Name metrics as MLflow takes them."""
        object.__setattr__(self, "values", {allowed(name): value for name, value in self.values.items()})


@dataclass(frozen=True)
class RunRecord:
    """A run and those below it."""

    name: str
    group: tuple[str, str]
    """A tag that all runs of one command share, and its value."""
    key: Mapping[str, str]
    """The tags by which the run is found again within its group."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """The other ones."""
    params: Mapping[str, object] = field(default_factory=dict)
    """A param of a run that is there already stays as it is, MLflow changes none."""
    points: Sequence[Point] = ()
    """In order; later records of the same run only add some at the end."""
    artifacts: Mapping[str, Artifact] = field(default_factory=dict)
    children: Sequence[RunRecord] = ()
    status: str = FINISHED
    """RUNNING, or how it ended."""
    start: int | None = None
    """Milliseconds since 1970; None: when it is sent first."""
    end: int | None = None
    """Milliseconds since 1970; None: when it is sent whole."""

    def __post_init__(self) -> None:
        """Without a key, one run would be taken for another."""
        if not self.key:
            raise ValueError(f"run {self.name!r}: expected the tags by which it is found again, got none")

    @property
    def identity(self) -> tuple[tuple[str, str], ...]:
        """What tells it from every other run."""
        return (self.group, *self.key.items())
