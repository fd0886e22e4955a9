"""Executors by name. To add one: a class in a file of its own and a row here, or package.module:Class from outside.

What all commands that compute tasks are told about the machine is here, too. Its annotations are objects and not
strings, see `studies.study.settings`.
"""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

import torch
from cyclopts import Parameter

from core.common.errors import UserError, unknown_name
from core.common.extras import needs
from core.common.loading import find_class, user_errors_from
from core.common.specification import Specification, kinds_of_arguments, read_values
from recommenders.common.machine import pick_device
from studies.execution.executor import Executor, InlineExecutor, Work
from studies.execution.processes import ProcessExecutor
from studies.execution.ray_executor import RayExecutor
from studies.study.settings import check_machine
from studies.study.settings_training import listed


@dataclass(frozen=True)
class ExecutorSpec(Specification):
    """See Specification."""

    kind: ClassVar[str] = "executor"
    example: ClassVar[str] = "processes"
    takes_classes: ClassVar[bool] = True
    signs: ClassVar[str] = "._-+,/@:"


@dataclass(frozen=True)
class ExecutorEntry:
    """A row of the registry."""

    make: type[Executor]
    about: str
    """What it is, for --help."""
    packages: tuple[str, ...] = ()
    """Of extras, which it needs."""
    is_here: bool = True
    """Whether tasks are computed on the machine of the command."""


EXECUTORS: Mapping[str, ExecutorEntry] = MappingProxyType(
    {
        "processes": ExecutorEntry(ProcessExecutor, "processes of this machine"),
        "inline": ExecutorEntry(InlineExecutor, "in the command's own process, one after the other, for debugging"),
        "ray": ExecutorEntry(RayExecutor, "a Ray cluster, see docs/scaling.md", ("ray",), is_here=False),
    }
)
#: Goes on where --help lists the names.
YOUR_OWN = " Or package.module:Class, see docs/add-an-executor.md. With settings as in processes:tries=3."


def check_executor(text: str) -> tuple[type[Executor], dict[str, Any]]:
    """What a line such as `processes:tries=3` asks for: the class, and its settings.

    Raises:
        UserError: an unknown name or setting, a value that cannot be, a class that is no executor, or an extra that is
            not installed.
    """
    spec = ExecutorSpec.parse(text)
    if ":" in spec.name:
        kind: type[Executor] = find_class(spec, _is_executor, "Executor")
    elif spec.name in EXECUTORS:
        kind = EXECUTORS[spec.name].make
        needs(f"executor {spec.name}", *EXECUTORS[spec.name].packages)
    else:
        raise unknown_name("executor", spec.name, EXECUTORS)
    return kind, read_values(spec, kinds_of_arguments(kind, after=1))  # the work


def make_executor(text: str, work: Work) -> Executor:
    """Make the executor that a line asks for.

    Args:
        text: see `check_executor`.
        work: how tasks are computed.

    Raises:
        UserError: see `check_executor`; a value that the executor refuses, or one that is missing.
    """
    kind, values = check_executor(text)
    with user_errors_from(f"executor {text}: its constructor", exits=True):
        return kind(work, **values)


def _is_executor(thing: object) -> bool:
    return isinstance(thing, type) and issubclass(thing, Executor) and not inspect.isabstract(thing)


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
