"""How runs are written to MLflow: what studies, comparisons and tunings share."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.common.errors import first_line
from studies.common.processes import this_process
from studies.common.signals import ends_uncovered

if TYPE_CHECKING:
    from mlflow import MlflowClient

BATCH = 900  # metrics a request; MLflow takes 1,000
LONGEST_TEXT = 5_000  # characters; MLflow takes 6,000
LONGEST_NAME = 250  # characters of a run's name
#: The step of metrics that have one value: with it MLflow draws a bar for each run, otherwise a dot.
SINGLE = 0


def now() -> int:
    """Milliseconds since 1970, as MLflow counts."""
    return int(time.time() * 1000)


def status_after(kind: type[BaseException] | None) -> str:
    """How a run ended that this error left, if any: FINISHED, FAILED, or KILLED by a person or the system."""
    return "FINISHED" if kind is None else "FAILED" if issubclass(kind, Exception) else "KILLED"


def was_written(what: str, write: Callable[[], object], warn: Callable[[str], None], then: str = "") -> bool:
    """Whether it could be written; nothing ends because its tracker did.

    Args:
        what: for the warning.
        write: does it.
        warn: told in a sentence why it could not be written, and `then`.
        then: what comes of it, if there is something to say.
    """
    try:
        with ends_uncovered():
            write()
    except Exception as error:  # whatever a server, a database or the network may raise
        warn(f"MLflow: could not write {what}: {first_line(error)[:200]}{then}")
        return False
    return True


def take_up(client: MlflowClient, run_id: str) -> None:
    """A run from before is running again, in this process."""
    client.update_run(run_id, status="RUNNING")
    client.set_tag(run_id, "process", this_process())


def params_of(settings: Mapping[str, object]) -> list[Any]:
    """Settings as MLflow's parameters."""
    from mlflow.entities import Param

    return [Param(name, str(value)[:LONGEST_TEXT]) for name, value in settings.items()]


def columns_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Rows with the same names, at least one, as MLflow's tables want them."""
    return {name: [row[name] for row in rows] for name in rows[0]}
