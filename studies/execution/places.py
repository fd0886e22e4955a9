"""What all commands that compute tasks are told about the machine.

The annotations are objects and not strings, see `studies.study.settings`.
"""

from dataclasses import dataclass
from typing import Annotated

import torch
from cyclopts import Parameter

from core.common.errors import UserError
from studies.execution.registry import EXECUTORS, YOUR_OWN, check_executor
from studies.study.loss import pick_device
from studies.study.settings import check_machine
from studies.study.settings_training import listed


@dataclass(frozen=True, kw_only=True)
class WorkPlaces:
    """What computes tasks, and on how much of the machine. These do not change what is computed.

    Raises:
        UserError: a number out of range.
    """

    executor: Annotated[str, Parameter(help=listed("What computes", EXECUTORS) + YOUR_OWN)] = "processes"
    jobs: Annotated[int | None, Parameter(show_default=False)] = None
    """Processes at a time. Unless given: one for each GPU that is trained on, or else one for each CPU core."""
    threads: int = 1
    """CPU cores of each."""
    memory: float | None = None
    """GiB that the parameters of recommenders in training may take in all, instead of half of what is free."""
    resume: bool = True
    """Go on from what is there; --no-resume moves it into a folder beside and begins anew."""
    accept_other_code: Annotated[bool, Parameter(negative="")] = False
    """Use what other code than today's made where it is there; unless given, all of that is computed anew."""
    checkpoint_every: float = 30.0
    """Seconds between the checkpoints of what is unfinished, and more where writing one takes long; 0: after every step
    and epoch."""

    def __post_init__(self) -> None:
        """Check the numbers, and that there is such an executor."""
        jobs = 1 if self.jobs is None else self.jobs
        check_machine(self.memory, self.checkpoint_every, jobs=jobs, threads=self.threads)
        check_executor(self.executor)

    def device_here(self, name: str) -> torch.device | None:
        """Return the device that tasks are computed on, before anything is done; None where that is no matter of here.

        Args:
            name: of the device, as it was given.

        Raises:
            UserError: it is to be here, and is not.
        """
        is_here = check_executor(self.executor)[0] in {row.make for row in EXECUTORS.values() if row.is_here}
        return pick_device(name) if is_here else None


@dataclass(frozen=True, kw_only=True)
class SpreadPlaces:
    """What else trains in Phase III. It does not change what is computed.

    Raises:
        UserError: a number out of range, or no such executor.
    """

    executor: Annotated[str | None, Parameter(help=listed("What trains in Phase III", EXECUTORS) + YOUR_OWN)] = None
    jobs: Annotated[int | None, Parameter(show_default=False)] = None
    """With --executor: trainings at a time, of a CPU core or a GPU each. Unless given: one for each there is."""

    def __post_init__(self) -> None:
        """Check them."""
        if self.executor is not None:
            check_executor(self.executor)
        if self.jobs is not None:
            check_machine(None, 0.0, jobs=self.jobs)
            if self.executor is None:
                raise UserError("--jobs: of --executor, which is not given; give --threads to use fewer cores")
