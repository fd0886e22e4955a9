"""An executor without processes, for debugging and tests."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

import torch

from core.common.errors import UserError
from studies.execution.executor import Executor, OnProgress, Work
from studies.execution.task import Result, Task, grouped, label_of


class InlineExecutor(Executor):
    """Computes one group after the other in this process, where a debugger can stop.

    Args:
        work: how tasks are computed; it has one worker here.
    """

    def __init__(self, work: Work) -> None:
        self._work = replace(work, jobs=1)

    def run(self, tasks: Sequence[Task], on_progress: OnProgress) -> Generator[tuple[Task, Result]]:
        """See Executor; a defect is raised as it is, with the label as a note."""
        compute = self._work.begin()
        for group in grouped(tasks):

            def report(share: float, group: Sequence[Task] = group) -> None:
                for task in group:
                    on_progress(task, share)

            threads = torch.get_num_threads()
            try:
                results = compute(group, report)
            except UserError as error:
                raise UserError(f"{label_of(group)}: {error}") from None
            except Exception as error:
                error.add_note(f"while computing {label_of(group)}")
                raise
            finally:
                torch.set_num_threads(threads)
            yield from zip(group, results, strict=True)

    def close(self) -> None:
        """See Executor; there is nothing to end."""
