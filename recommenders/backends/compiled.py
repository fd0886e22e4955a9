"""The compiled back end: an epoch of one copy after the other in machine code, spread over CPU cores.

A copy's epoch is computed by one call on one core, so its result depends neither on the other copies nor on
the number of threads. Losses that compiled code does not know are trained by torch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from core.losses.loss import Loss
from core.programs.tape import Tape
from recommenders.backends.base import Backend, TrainEpoch
from recommenders.backends.batches import Epoch
from recommenders.backends.cores import Cores
from recommenders.backends.kernel import Arrays, Examples, Kernel, Program, Step
from recommenders.backends.places import alone
from recommenders.backends.population import Population
from recommenders.models.recommender import Weights


class CompiledBackend(Backend):
    """See the module.

    Args:
        kernel: the recommender's.
        dtype: float32, or float64 for checks.
        threads: cores to spread copies over.
        torch_backend: for losses that compiled code does not know.
    """

    def __init__(self, kernel: Kernel, dtype: torch.dtype, threads: int, torch_backend: Backend) -> None:
        self._kernel, self._cores, self._torch = kernel, Cores(threads), torch_backend
        self._type = torch.zeros(0, dtype=dtype).numpy().dtype.type

    def prepare(self, losses: Sequence[Loss]) -> TrainEpoch:
        """See Backend."""
        tapes = [loss.tape for loss in losses]
        programs = {k: self._program(tape) for k, tape in enumerate(tapes) if tape is not None}
        others = [k for k in range(len(losses)) if k not in programs]
        train_others = self._torch.prepare([losses[k] for k in others]) if others else None

        def train_epoch(population: Population, epoch: Epoch, users: Tensor, items: Tensor) -> Tensor:
            y_hat = np.empty((len(population), len(users)), self._type)
            if train_others is not None:
                selected = population.select(others)
                y_hat[others] = train_others(selected, epoch, users, items).numpy()
                population.put_back(others, selected)
            self._train(population, programs, epoch, (users.numpy(), items.numpy(), y_hat))
            return torch.from_numpy(y_hat)

        return train_epoch

    def _program(self, tape: Tape) -> Program:
        return Program(tape.lines, tape.rule, tape.constants.astype(self._type))

    def _train(
        self,
        population: Population,
        programs: dict[int, Program],
        epoch: Epoch,
        then: tuple[np.ndarray, np.ndarray, np.ndarray],
    ) -> None:
        """Copy k by program k; `then` has users and items to predict, and where to."""
        all_ = epoch.examples
        first = (all_.first_user.numpy(), all_.first_item.numpy())
        columns = (all_.user.numpy(), all_.item.numpy(), all_.label.numpy(), *first)
        examples = Examples(*columns, alone(*first, epoch.batch_size), epoch.batch_size)
        draws, numbers, copies = self._kernel.draws(epoch), list(programs), _copies(population.weights)
        users, items, y_hat = then

        def train(i: int) -> None:
            k = numbers[i]
            rate, decay, clip = population.learning_rate[k], population.weight_decay[k], population.clip[k]
            step = Step(*(self._type(x) for x in (rate, 1 - rate * decay, clip)))
            self._kernel.train_epoch(copies[k], examples, programs[k], step, draws)
            if len(users):
                y_hat[k] = self._kernel.predict(copies[k], users, items)

        with self._kernel.session():
            self._cores.map(train, len(numbers))

    def predict(self, weights: Weights, users: Tensor, items: Tensor) -> Tensor:
        """See Backend."""
        user, item, copies = users.numpy(), items.numpy(), _copies(weights)
        with self._kernel.session():
            y_hats = self._cores.map(lambda k: self._kernel.predict(copies[k], user, item), len(copies))
        return torch.from_numpy(np.stack(y_hats))


def _copies(weights: Weights) -> list[Arrays]:
    """The parameters of every copy; they share memory with `weights`."""
    arrays = {name: weight.numpy() for name, weight in weights.items()}
    n = len(next(iter(arrays.values())))
    return [{name: array[k, ...] for name, array in arrays.items()} for k in range(n)]
