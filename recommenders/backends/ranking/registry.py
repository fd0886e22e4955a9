"""The registry of back ends for vectors, in the order in which tasks are offered. To add one: a folder and a row."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from core.common.errors import UserError, unknown_name
from recommenders.backends.ranking.base import Recipe, VectorTask, VectorTrainer
from recommenders.backends.ranking.compiled.trainer import CompiledTrainer
from recommenders.backends.ranking.torch_trainer import TorchTrainer
from recommenders.common.machine import AUTO, Machine
from recommenders.models.vectors.model import VectorModel
from recommenders.models.vectors.registry import VECTOR_MODELS

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


def check_vector_backend_takes(model: VectorModel, recipe: Recipe, machine: Machine) -> None:
    """Check that the back end that the machine names trains a model with a recipe, before data are read.

    Args:
        model: the model.
        recipe: how it is trained, for the kind of loss (`Recipe.of`).
        machine: the device, and the name of the back end.

    Raises:
        UserError: there is no such back end, or it does not train this.
    """
    check_vector_backend(machine.backend)
    if machine.backend == AUTO or (kind := VECTOR_BACKENDS[machine.backend]).takes(model, recipe, machine):
        return
    kinds = "a loss of scores" if recipe.has_negatives else "a loss of vectors"
    names = [name for name, one in VECTOR_MODELS.items() if one is type(model)]
    decay = f" and weight decay of {recipe.decay_of}" if recipe.weight_decay else ""
    raise UserError(
        f"--backend {machine.backend}: it trains {kind.trains}, got {(names or [type(model).__name__])[0]} with {kinds}"
        f"{decay} on {machine.device}; --backend auto takes one that can"
    )


def make_trainer(task: VectorTask, machine: Machine, seed: int) -> VectorTrainer[Any]:
    """Make a trainer of the first back end that takes the task, or with the one that the machine names.

    Args:
        task: the model, its data, and how it is trained, for the kind of loss (`VectorTask.of`).
        machine: the device, and the name of the back end.
        seed: of the initial parameters and of all draws.

    Raises:
        UserError: there is no such back end, or it does not take the task.
    """
    return find_trainer(task, machine)(task, machine, seed)


def find_trainer(task: VectorTask, machine: Machine) -> type[VectorTrainer[Any]]:
    """Return the kind of trainer that `make_trainer` makes.

    Args:
        task: see there.
        machine: see there.

    Raises:
        UserError: see there.
    """
    check_vector_backend_takes(task.model, task.recipe, machine)
    offered = VECTOR_BACKENDS if machine.backend == AUTO else [machine.backend]
    first = next(name for name in offered if VECTOR_BACKENDS[name].takes(task.model, task.recipe, machine))
    return VECTOR_BACKENDS[first]
