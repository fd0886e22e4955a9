"""Train copies with the compiled kernel of their recommender, spread over CPU cores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from core.losses.loss import Loss
from recommenders.backends.base import Backend, TrainEpoch
from recommenders.backends.batches import Epoch
from recommenders.backends.compiled.cores import Cores
from recommenders.backends.compiled.kernel import Arrays, Examples, Kernel, Step
from recommenders.backends.compiled.kernels import kernel_of
from recommenders.backends.first_occurrence import unique_in_batch
from recommenders.backends.model_copies import ModelCopies
from recommenders.common.machine import Machine
from recommenders.models.recommender import Recommender, Weights


class CompiledBackend(Backend):
    """The compiled back end; takes the losses that can be encoded as bytecode.

    Args:
        kernel: of the recommender.
        dtype: float32, or float64 for tests.
        threads: number of cores to spread copies over.
    """

    in_torch = False

    def __init__(self, kernel: Kernel, dtype: torch.dtype, threads: int) -> None:
        self._kernel, self._cores = kernel, Cores(threads)
        self._type = torch.zeros(0, dtype=dtype).numpy().dtype.type

    @classmethod
    def for_task(cls, recommender: Recommender, machine: Machine) -> CompiledBackend | None:
        """See Backend; supports recommenders with a kernel, on a CPU."""
        kernel = kernel_of(recommender) if machine.device.type == "cpu" else None
        return None if kernel is None else cls(kernel, machine.dtype, machine.threads)

    def takes(self, loss: Loss) -> bool:
        """See Backend."""
        return loss.encoded is not None

    def prepare(self, losses: Sequence[Loss]) -> TrainEpoch:
        """See Backend."""
        encoded = [loss.encoded.astype(self._type) for loss in losses if loss.encoded is not None]
        assert len(encoded) == len(losses), "it trains by losses that it takes"

        def train_epoch(models: ModelCopies, epoch: Epoch, users: Tensor, items: Tensor) -> Tensor:
            examples, draws, copies = _examples(epoch), self._kernel.draws(epoch), _copies(models.weights)
            user, item = users.numpy(), items.numpy()
            y_hat = np.empty((len(models), len(users)), self._type)

            def train(k: int) -> None:
                rate, decay, clip = models.learning_rate[k], models.weight_decay[k], models.clip[k]
                step = Step(*(self._type(x) for x in (rate, 1 - rate * decay, clip)))
                self._kernel.train_epoch(copies[k], examples, encoded[k], step, draws)
                if len(users):
                    y_hat[k] = self._kernel.predict(copies[k], user, item)

            with self._kernel.session():
                self._cores.map(train, len(models))
            return torch.from_numpy(y_hat)

        return train_epoch

    def predict(self, weights: Weights, users: Tensor, items: Tensor) -> Tensor:
        """See Backend."""
        user, item, copies = users.numpy(), items.numpy(), _copies(weights)
        with self._kernel.session():
            y_hats = self._cores.map(lambda k: self._kernel.predict(copies[k], user, item), len(copies))
        return torch.from_numpy(np.stack(y_hats))


def _examples(epoch: Epoch) -> Examples:
    all_ = epoch.examples
    first = (all_.first_user.numpy(), all_.first_item.numpy())
    columns = (all_.user.numpy(), all_.item.numpy(), all_.label.numpy(), *first)
    return Examples(*columns, unique_in_batch(*first, epoch.batch_size), epoch.batch_size)


def _copies(weights: Weights) -> list[Arrays]:
    """Return the parameters of every copy as views of `weights`."""
    arrays = {name: weight.numpy() for name, weight in weights.items()}
    n = len(next(iter(arrays.values())))
    return [{name: array[k, ...] for name, array in arrays.items()} for k in range(n)]
