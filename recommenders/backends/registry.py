"""The registry of back ends, in the order in which losses are offered. To add one, add a folder here and a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from torch import Tensor

from core.common.errors import UserError, format_value
from core.common.loading import find_class, source_digest, user_errors_from
from core.common.specification import Specification
from core.losses.loss import Loss
from recommenders.backends.base import Backend, TrainEpoch
from recommenders.backends.batches import Epoch
from recommenders.backends.compiled.backend import CompiledBackend
from recommenders.backends.model_copies import ModelCopies
from recommenders.backends.stacked import StackedBackend
from recommenders.common.machine import AUTO, Machine
from recommenders.models.recommender import Recommender, Weights

#: name -> back end. The last one takes every recommender, device and loss.
BACKENDS: Mapping[str, type[Backend]] = MappingProxyType({"compiled": CompiledBackend, "torch": StackedBackend})


@dataclass(frozen=True)
class BackendSpec(Specification):
    """See Specification."""

    kind: ClassVar[str] = "backend"
    example: ClassVar[str] = "torch"
    takes_classes: ClassVar[bool] = True


def check_backend(name: str) -> None:
    """Check that a name has the form of a back end's. A class package.module:Class is only imported when it is used.

    Raises:
        UserError: the name is neither auto, nor a key of BACKENDS, nor package.module:Class.
    """
    if name == AUTO or name in BACKENDS:
        return
    spec = BackendSpec.parse(name)
    if ":" not in spec.name:
        raise UserError(f"--backend: expected {', '.join([AUTO, *BACKENDS])} or package.module:Class, got {name!r}")
    if spec.settings:
        raise UserError(f"--backend {spec}: {spec.name} has no settings")


def backends_for(recommender: Recommender, machine: Machine) -> tuple[Backend, ...]:
    """Return the back ends that can train a recommender, in the order in which its losses are offered to them.

    If the machine names a back end of BACKENDS, those before it are left out; if it names a class
    package.module:Class, this one comes first.

    Args:
        recommender: the model.
        machine: the device, and the name of the back end.

    Raises:
        UserError: there is no such back end, or it cannot train this recommender on this machine.
    """
    check_backend(machine.backend)
    rows = list(BACKENDS)
    wanted = machine.backend
    if wanted in BACKENDS:
        rows = rows[rows.index(wanted) :]
    made = {name: BACKENDS[name].for_task(recommender, machine) for name in rows}
    if wanted not in (AUTO, *BACKENDS):
        made = {wanted: _own(wanted, recommender, machine)} | made
    if wanted != AUTO and made[wanted] is None:
        raise UserError(
            f"--backend {wanted}: it cannot train {type(recommender).__name__} on {machine.device}; --backend auto "
            "takes one that can"
        )
    return tuple(one for one in made.values() if one is not None)


def backend_source(name: str) -> str | None:
    """Return a digest of the file that defines a class package.module:Class; None for auto and names of BACKENDS.

    Raises:
        UserError: see `backends_for`.
    """
    check_backend(name)
    return None if name == AUTO or name in BACKENDS else source_digest(_class_of(name))


def _is_backend(thing: object) -> bool:
    return isinstance(thing, type) and issubclass(thing, Backend) and thing is not Backend


def _class_of(name: str) -> type[Backend]:
    return find_class(BackendSpec.parse(name), _is_backend, "recommenders.backends.base.Backend")


def _own(name: str, recommender: Recommender, machine: Machine) -> Backend | None:
    kind = _class_of(name)
    with user_errors_from(f"backend {name}: its for_task", exits=True):
        made: object = kind.for_task(recommender, machine)
    if made is not None and not isinstance(made, Backend):
        raise UserError(f"backend {name}: its for_task: expected a back end or None, got {format_value(made)}")
    return None if made is None else _Own(name, made)


class _Own(Backend):
    """Wraps the user's back end, so that any error in it becomes a one-line UserError."""

    def __init__(self, name: str, inner: Backend) -> None:
        self._label, self._inner, self.in_torch = f"backend {name}", inner, inner.in_torch

    @classmethod
    def for_task(cls, recommender: Recommender, machine: Machine) -> Backend | None:
        """See Backend; never used, since this class only wraps back ends."""
        return None

    def takes(self, loss: Loss) -> bool:
        """See Backend."""
        with user_errors_from(f"{self._label}: its takes"):
            return bool(self._inner.takes(loss))

    def prepare(self, losses: Sequence[Loss]) -> TrainEpoch:
        """See Backend."""
        with user_errors_from(f"{self._label}: its prepare"):
            train = self._inner.prepare(losses)

        def train_epoch(models: ModelCopies, epoch: Epoch, users: Tensor, items: Tensor) -> Tensor:
            with user_errors_from(f"{self._label}: its training"):
                return train(models, epoch, users, items)

        return train_epoch

    def predict(self, weights: Weights, users: Tensor, items: Tensor) -> Tensor:
        """See Backend."""
        with user_errors_from(f"{self._label}: its predict"):
            return self._inner.predict(weights, users, items)
