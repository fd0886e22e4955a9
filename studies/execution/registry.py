"""Executors by name. To add one: a class in a file of its own and a row here, or package.module:Class from outside."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

from core.common.errors import unknown_name
from core.common.extras import needs
from core.common.loading import find_class, user_errors_from
from core.common.specification import Specification, kinds_of_arguments, read_values
from studies.execution.executor import Executor, Work
from studies.execution.inline import InlineExecutor
from studies.execution.processes import ProcessExecutor
from studies.execution.ray_executor import RayExecutor


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
