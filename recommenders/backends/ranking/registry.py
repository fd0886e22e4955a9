"""The registry of back ends for vectors, in the order in which tasks are offered. To add one: a folder and a row."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from core.common.errors import UserError, unknown_name
from recommenders.backends.ranking.base import VectorTask, VectorTrainer
from recommenders.backends.ranking.compiled.trainer import CompiledTrainer
from recommenders.backends.ranking.torch_trainer import TorchTrainer
from recommenders.common.machine import AUTO, Machine

#: name -> back end. The last one takes every task.
VECTOR_BACKENDS: Mapping[str, type[VectorTrainer[Any]]] = MappingProxyType(
    {"compiled": CompiledTrainer, "torch": TorchTrainer}
)


def check_vector_backend(name: str) -> None:
    """Check that there is a back end of this name.

    Raises:
        UserError: there is none.
    """
    if name not in (AUTO, *VECTOR_BACKENDS):
        raise unknown_name("backend", name, (AUTO, *VECTOR_BACKENDS))


def make_trainer(task: VectorTask, machine: Machine, seed: int) -> VectorTrainer[Any]:
    """Make a trainer of the first back end that takes the task, or with the one that the machine names.

    Args:
        task: the model, its data, and how it is trained, for the kind of loss (`VectorTask.of`).
        machine: the device, and the name of the back end.
        seed: of the initial parameters and of all draws.

    Raises:
        UserError: there is no such back end, or it does not take the task.
    """
    check_vector_backend(machine.backend)
    offered = VECTOR_BACKENDS if machine.backend == AUTO else [machine.backend]
    for name in offered:
        if VECTOR_BACKENDS[name].takes(task, machine):
            return VECTOR_BACKENDS[name](task, machine, seed)
    raise UserError(
        f"--backend {machine.backend}: it cannot train {type(task.model).__name__} this way on {machine.device}; "
        "--backend auto takes one that can"
    )
