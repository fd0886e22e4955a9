"""The contract tests of back ends. Inherit them and set `backend`: see docs/add-a-backend.md."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from core.common.seeding import numpy_rng
from core.losses.closed_forms import BCE, FOCAL, HINGE, MSE, mse
from core.losses.loss import Loss, ProgramLoss
from core.programs.program import LossProgram
from core.programs.space import HANDCRAFTED_SPACE, OperatorSpace
from recommenders.backends.base import Backend
from recommenders.backends.batches import Epoch, EpochBatches
from recommenders.backends.model_copies import ModelCopies
from recommenders.common.machine import Machine
from recommenders.data.dataset import Interactions
from recommenders.models.mf import MF
from recommenders.models.recommender import Recommender, Weights, gather
from recommenders.tasks.losses import make_loss
from recommenders.testing import plain

#: More than occur in the examples, since rows of tables that do not occur decay too.
N_USERS, N_ITEMS = 8, 7
#: Learning rate, weight decay and clip of a copy.
Sgd = tuple[float, float, float]
#: Losses, the same losses in plain torch, and the SGD settings for each.
LOSSES = (*(make_loss(name, HANDCRAFTED_SPACE, 0.1) for name in ("BCE", "SumR", "MaxR")), MSE)
VALUES = (plain.bce, plain.sum_of_reciprocals(0.1), plain.max_of_ratios(0.1), mse)
SGD: Sequence[Sgd] = ((0.5, 0.1, 0.03), (0.05, 0.0, 50.0), (0.2, 0.3, 0.2), (0.3, 1.9, 0.01))


class WithoutEncoding(Loss):
    """A loss with value and gradient only, without bytecode."""

    def value(self, logit: Tensor, y: Tensor) -> Tensor:
        """See Loss."""
        return (logit - y).square() / 2

    def gradient(self, logit: Tensor, y: Tensor) -> Tensor:
        """See Loss."""
        return logit - y


class BackendContract(ABC):
    """The tests that every back end has to pass, for one recommender on one device."""

    backend: type[Backend]
    #: The model; small, so that tests are quick.
    recommender: Recommender = MF(embedding_size=3)
    device: torch.device = torch.device("cpu")
    #: Whether a copy has the same bits whatever the other copies are; if not, it has to be equal up to rounding.
    exact: bool = True

    def made(self, dtype: torch.dtype = torch.float64) -> Backend:
        """Return the back end."""
        made = self.backend.for_task(self.recommender, Machine(self.device, dtype))
        assert isinstance(made, Backend), f"expected a back end for {self.recommender}, got {made!r}"
        return made

    def epoch(
        self, rows: Interactions, batch_size: int, seed: int = 3, number: int = 0, dtype: torch.dtype = torch.float64
    ) -> Epoch:
        """Return an epoch.

        Args:
            rows: the training examples.
            batch_size: examples per batch.
            seed: of the order.
            number: number of the epoch.
            dtype: of the labels.
        """
        return EpochBatches(rows, batch_size, self.device, dtype)(seed, number)

    def start(self) -> Weights:
        """Return the initial parameters of one copy, without a leading K."""
        return self.recommender.initial(N_USERS, N_ITEMS, 3)

    def copies(self, sgd: Sequence[Sgd], dtype: torch.dtype = torch.float64) -> ModelCopies:
        """Make a copy of the initial parameters for each of K SGD settings.

        Args:
            sgd: SGD settings [K].
            dtype: of the copies.
        """
        rates, decays, clips = zip(*sgd, strict=True)
        return ModelCopies.of(self.start(), rates, decays, clips, Machine(self.device, dtype))

    def pairs(self, n: int = 10) -> tuple[Tensor, Tensor]:
        """Return users [n] and items [n] to predict for."""
        numbers = torch.arange(n, device=self.device)
        return numbers % N_USERS, numbers % N_ITEMS

    def taken(self, losses: Sequence[Loss] = LOSSES) -> list[int]:
        """Return the indices of the losses that the back end takes."""
        made = self.made()
        return [k for k, loss in enumerate(losses) if made.takes(loss)]

    def plainly(self, rows: Interactions, value: plain.Value, sgd: Sgd, batch_size: int, epochs: int = 1) -> Weights:
        """Return the parameters after training by the plain loop of `recommenders.testing.plain`.

        Args:
            rows: the training examples.
            value: the loss.
            sgd: SGD settings.
            batch_size: examples per batch.
            epochs: number of epochs.
        """
        start, (rate, decay, clip) = {name: weight.to(self.device) for name, weight in self.start().items()}, sgd
        model, how = (
            plain.PlainModel(self.recommender, start),
            {"learning_rate": rate, "weight_decay": decay, "clip": clip},
        )
        for number in range(epochs):
            plain.train_epoch(
                model, rows, value, batch_size=batch_size, seed=3, epoch=number, device=self.device, **how
            )
        return {name: weight.cpu() for name, weight in model.weights().items()}

    def assert_near(self, models: ModelCopies, place: int, weights: Weights) -> None:
        """Assert that a copy has the expected parameters, to 1e-9.

        Args:
            models: K copies.
            place: index of the copy.
            weights: the expected parameters, without a leading K.
        """
        for name, expected in weights.items():
            got = models.weights[name][place].cpu()
            difference = ((got - expected).abs() / expected.abs().clamp(min=1)).max().item()
            assert difference < 1e-9, f"{name}: {difference:g} from that of a plain loop"

    def assert_same(self, one: Tensor, other: Tensor, what: object) -> None:
        """Assert that two tensors are equal, NaN included; up to rounding if the back end is not `exact`.

        Args:
            one: a tensor.
            other: another tensor of the same shape.
            what: the message if they differ.
        """
        one, other = one.nan_to_num(nan=1e30), other.nan_to_num(nan=1e30)
        rounding = 1e-12 if one.dtype == torch.float64 else 1e-4
        assert torch.equal(one, other) if self.exact else torch.allclose(one, other, rounding, rounding), what

    def test_it_takes_a_loss(self) -> None:
        assert self.taken(), "expected a back end that takes one of BCE, SumR, MaxR and MSE, got one that takes none"

    @pytest.mark.parametrize(("n", "batch_size", "epochs"), [(45, 16, 1), (45, 45, 1), (33, 10, 1), (60, 25, 3)])
    def test_an_epoch_is_that_of_a_plain_loop(self, n: int, batch_size: int, epochs: int) -> None:
        """With rows that occur several times in a batch, once, and never."""
        rows, taken = plain.random_interactions(N_USERS - 1, N_ITEMS - 1, n, seed=n), self.taken()
        models = self.copies([SGD[k] for k in taken])
        train = self.made().prepare([LOSSES[k] for k in taken])
        for number in range(epochs):
            train(models, self.epoch(rows, batch_size, number=number), *self.pairs())
        for place, k in enumerate(taken):
            self.assert_near(models, place, self.plainly(rows, VALUES[k], SGD[k], batch_size, epochs))

    def test_a_strong_decay_over_many_steps_stays_exact(self) -> None:
        """(1 - 0.99)^200 is no float64."""
        rows, k = plain.random_interactions(6, 5, 800, seed=3), self.taken()[0]
        sgd = [(0.05, decay, 1.0) for decay in (0.0, 10.0, 19.8)]
        models = self.copies(sgd)
        self.made().prepare([LOSSES[k]] * 3)(models, self.epoch(rows, 4), *self.pairs(0))
        for place, one in enumerate(sgd):
            self.assert_near(models, place, self.plainly(rows, VALUES[k], one, 4))

    def test_without_a_gradient_a_copy_only_decays(self) -> None:
        loss = ProgramLoss(LossProgram.parse("y"), OperatorSpace())
        if not self.made().takes(loss):
            pytest.skip("it does not take the loss")
        rows, sgd = plain.random_interactions(6, 5, 30, seed=1), [(0.3, 0.2, 1.0), (0.1, 0.0, 1.0)]
        models, start = self.copies(sgd), self.start()
        self.made().prepare([loss] * 2)(models, self.epoch(rows, 8), *self.pairs(0))
        for name in start.keys() - self.recommender.buffers:
            for k, (rate, decay, _) in enumerate(sgd):
                expected = start[name].double() * (1 - rate * decay) ** 4
                assert torch.allclose(models.weights[name][k].cpu(), expected, rtol=1e-12), name

    def test_what_it_takes_it_trains_by(self) -> None:
        """What it does not take is left to the next back end."""
        space, rows, sgd = OperatorSpace(), plain.random_interactions(6, 5, 40, seed=3), (0.1, 0.1, 0.5)
        sampled = [ProgramLoss(one, space) for one in space.decode(space.sample(30, numpy_rng("takes")))]
        losses = [BCE, MSE, HINGE, FOCAL, BCE.scaled(3.0), WithoutEncoding(), *sampled]
        taken = self.taken(losses)
        assert taken == self.taken(losses)
        models, train = self.copies([sgd] * len(taken)), self.made().prepare([losses[k] for k in taken])
        train(models, self.epoch(rows, 16), *self.pairs())
        for place, k in enumerate(taken):
            self.assert_near(models, place, self.plainly(rows, plain.by_gradient(losses[k]), sgd, 16))

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_a_copy_does_not_depend_on_its_neighbours(self, dtype: torch.dtype) -> None:
        space, made = OperatorSpace(), self.made(dtype)
        sampled = [ProgramLoss(one, space) for one in space.decode(space.sample(28, numpy_rng("neighbours")))]
        losses = [one for one in (*sampled, BCE, HINGE, FOCAL, *LOSSES[1:]) if made.takes(one)]
        sgd = [(0.05 * (1 + k % 5), 0.2 * (1 + k % 5), 0.5) for k in range(len(losses))]
        rows = plain.random_interactions(6, 5, 133, seed=3)

        def trained(which: Sequence[int]) -> tuple[ModelCopies, Tensor]:
            models = self.copies([sgd[k] for k in which], dtype)
            train = self.made(dtype).prepare([losses[k] for k in which])
            return models, train(models, self.epoch(rows, 25, dtype=dtype), *self.pairs(30))

        together, y_hat = trained(range(len(losses)))
        for which in ([0], [len(losses) - 1, 0], list(range(len(losses)))[::-3]):
            some, of_some = trained(which)
            for place, k in enumerate(which):
                self.assert_same(of_some[place], y_hat[k], (k, which))
                for name, weight in some.weights.items():
                    self.assert_same(weight[place], together.weights[name][k], (name, k, which))

    def test_a_broken_copy_leaves_the_others_alone(self) -> None:
        rows, loss = plain.random_interactions(6, 5, 40, seed=3), LOSSES[self.taken()[0]]
        both, alone = (self.copies([(0.1, 0.1, 0.5)] * k) for k in (2, 1))
        for name in both.weights.keys() - self.recommender.buffers:
            both.weights[name][0] = torch.nan
        for models in (both, alone):
            self.made().prepare([loss] * len(models))(models, self.epoch(rows, 16), *self.pairs(0))
        for name in both.weights.keys() - self.recommender.buffers:
            assert both.weights[name][0].isnan().any(), name
            self.assert_same(both.weights[name][1], alone.weights[name][0], name)

    @pytest.mark.parametrize("n", [0, 1, 10, 700])
    def test_predictions_are_the_sigmoid_of_the_logit(self, n: int) -> None:
        rows, (users, items), loss = plain.random_interactions(6, 5, 40, seed=3), self.pairs(n), LOSSES[self.taken()[0]]
        models = self.copies(SGD[:2])
        trained = self.made().prepare([loss] * 2)(models, self.epoch(rows, 16), users, items)
        again = self.made().predict(models.weights, users, items)
        logit = self.recommender.logit(gather(self.recommender, models.weights, users, items), None)
        for y_hat in (trained, again):
            assert (y_hat.shape, y_hat.dtype, y_hat.device) == ((2, n), torch.float64, users.device)
            assert torch.allclose(y_hat, torch.sigmoid(logit), rtol=1e-12)

    def test_nothing_is_changed_but_the_models(self) -> None:
        rows, loss = plain.random_interactions(6, 5, 40, seed=3), LOSSES[self.taken()[0]]
        models, start, epoch, (users, items) = (
            self.copies(SGD[:1]),
            self.start(),
            self.epoch(rows, 16),
            self.pairs(),
        )
        tensors = [*vars(epoch.examples).values(), users, items, *start.values()]
        before, drawn = [one.clone() for one in tensors], (torch.get_rng_state(), repr(np.random.get_state()))
        settings = (models.learning_rate, models.weight_decay, models.clip)
        self.made().prepare([loss])(models, epoch, users, items)
        trained = {name: weight.clone() for name, weight in models.weights.items()}
        self.made().predict(models.weights, users, items)
        assert all(torch.equal(*pair) for pair in zip(tensors, before, strict=True))
        assert all(torch.equal(weight, trained[name]) for name, weight in models.weights.items())
        assert settings == (models.learning_rate, models.weight_decay, models.clip)
        assert torch.equal(drawn[0], torch.get_rng_state()), "it draws from torch's global generator"
        assert drawn[1] == repr(np.random.get_state()), "it draws from NumPy's global generator"

    def test_training_is_the_same_for_the_same_seed_and_number_only(self) -> None:
        rows, train = plain.random_interactions(6, 5, 40, seed=3), self.made().prepare([LOSSES[self.taken()[0]]])

        def trained(seed: int, number: int) -> list[Tensor]:
            models = self.copies([(0.1, 0.0, 0.5)])
            train(models, self.epoch(rows, 16, seed, number), *self.pairs(0))
            return list(models.weights.values())

        def same(one: Sequence[Tensor], other: Sequence[Tensor]) -> bool:
            return all(torch.equal(*pair) for pair in zip(one, other, strict=True))

        assert same(trained(1, 0), trained(1, 0))
        assert not same(trained(1, 0), trained(1, 1))
        assert not same(trained(1, 0), trained(2, 0))
