"""The contract tests of recommenders. Inherit them and define `make`, for a small recommender."""

from abc import ABC, abstractmethod

import pytest
import torch

from core.common.seeding import torch_rng
from core.losses.closed_forms import BCE, FOCAL, HINGE, MSE
from recommenders.backends.batches import EpochBatches
from recommenders.backends.model_copies import ModelCopies
from recommenders.backends.registry import BACKENDS
from recommenders.common.draws import Training
from recommenders.common.machine import Machine
from recommenders.models.recommender import Recommender, Weights
from recommenders.testing.plain import random_interactions

#: Numbers of copies, examples, users and items: all different, so that mixed-up dimensions are noticed.
K, B, N_USERS, N_ITEMS = 3, 5, 7, 4

evaluating_and_training = pytest.mark.parametrize("trains", [False, True], ids=["evaluating", "training"])


def training(trains: bool) -> Training | None:
    """Return the argument `training` of a forward pass."""
    return Training(torch_rng("contract", "dropout")) if trains else None


def gathered(recommender: Recommender, k: int = K, b: int = B) -> Weights:
    """Return gathered weights for a forward pass, float64 and different for all copies and rows.

    Args:
        recommender: the model.
        k: number of copies.
        b: number of examples.
    """
    weights = {}
    for name, initial in recommender.initial(N_USERS, N_ITEMS, seed=0).items():
        value = initial.double()
        if name in recommender.tables:
            value = value[torch.arange(b) % (N_USERS if recommender.tables[name] == "user" else N_ITEMS)]
        if name in fixed_tables(recommender):
            weights[name] = value.expand(k, *value.shape).clone()
            continue
        noise = torch.rand(k, *value.shape, generator=torch_rng("contract", name), dtype=torch.float64)
        weights[name] = value + noise / 2  # positive noise, since variances have to stay positive
    return weights


def fixed_tables(recommender: Recommender) -> set[str]:
    """Return the tables that never change, such as features of items; they are equal in all copies."""
    return set(recommender.tables) & recommender.buffers


def clones(weights: Weights) -> Weights:
    """Return clones of all weights, which share no memory with them."""
    return {name: weight.clone() for name, weight in weights.items()}


def logit_gradient(k: int = K, b: int = B) -> torch.Tensor:
    """Return a random gradient d objective / d logit [k, b].

    Args:
        k: number of copies.
        b: number of examples.
    """
    return torch.randn(k, b, generator=torch_rng("contract", "slope"), dtype=torch.float64)


class RecommenderContract(ABC):
    """The tests that every recommender has to pass."""

    @abstractmethod
    def make(self) -> Recommender:
        """Return a small recommender, for N_USERS and N_ITEMS if it depends on these numbers."""

    #: Weights whose size depends on the numbers of users and items, but that are not tables: the recommender reads all.
    whole: frozenset[str] = frozenset()
    #: Weights that start with the same numbers whatever the seed, or that training never changes.
    constant: frozenset[str] = frozenset()

    def trained_tables(self) -> set[str]:
        """Return the tables that have gradients."""
        return set(self.make().tables) - self.make().buffers

    def test_tables_have_a_row_for_each_user_or_item_and_nothing_else_has(self) -> None:
        recommender = self.make()
        small = recommender.initial(N_USERS, N_ITEMS, 0)
        large = recommender.sized(2 * N_USERS, 3 * N_ITEMS).initial(2 * N_USERS, 3 * N_ITEMS, 0)
        assert small.keys() == large.keys()
        assert set(recommender.tables) <= set(small)
        for name, weight in small.items():
            kind = recommender.tables.get(name)
            if kind is None:
                assert (weight.shape == large[name].shape) == (name not in self.whole)
            else:
                assert weight.shape[1:] == large[name].shape[1:]
                assert (len(weight), len(large[name])) == {
                    "user": (N_USERS, 2 * N_USERS),
                    "item": (N_ITEMS, 3 * N_ITEMS),
                }[kind]

    def test_there_is_a_table_of_users_and_one_of_items(self) -> None:
        assert set(self.make().tables.values()) == {"user", "item"}

    def test_buffers_are_parameters_too(self) -> None:
        recommender = self.make()
        assert recommender.buffers < set(recommender.initial(N_USERS, N_ITEMS, 0))

    def test_initial_weights_are_finite_float32_on_the_cpu(self) -> None:
        for weight in self.make().initial(N_USERS, N_ITEMS, 0).values():
            assert (weight.dtype, weight.device.type) == (torch.float32, "cpu")
            assert weight.isfinite().all()

    def test_initial_weights_are_drawn_from_the_seed(self) -> None:
        recommender = self.make()
        first, again, other = (recommender.initial(N_USERS, N_ITEMS, seed) for seed in (1, 1, 2))
        assert all(torch.equal(first[name], again[name]) for name in first)
        assert not any(torch.equal(first[name], other[name]) for name in self.trained_tables() - self.constant)
        assert any(not torch.equal(first[name], other[name]) for name in first)

    def test_rows_of_a_table_differ(self) -> None:
        weights = self.make().initial(N_USERS, N_ITEMS, 0)
        for name in self.trained_tables() - self.constant:
            assert len(weights[name].unique(dim=0)) == len(weights[name]), name

    @evaluating_and_training
    def test_logits_have_a_row_for_each_copy_and_a_column_for_each_example(self, trains: bool) -> None:
        recommender = self.make()
        logit = recommender.logit(gathered(recommender), training(trains))
        assert logit.shape == (K, B)
        assert logit.dtype == torch.float64
        assert logit.isfinite().all()

    @evaluating_and_training
    def test_vjp_begins_with_the_logits(self, trains: bool) -> None:
        recommender, weights = self.make(), gathered(self.make())
        logit, _ = recommender.vjp(clones(weights), training(trains))
        assert torch.equal(logit, recommender.logit(clones(weights), training(trains)))
        assert not logit.requires_grad

    @evaluating_and_training
    def test_vjp_equals_autograd_for_every_trained_weight(self, trains: bool) -> None:
        recommender, weights = self.make(), gathered(self.make())
        inputs = {n: w.clone().requires_grad_() for n, w in weights.items() if n not in recommender.buffers}
        logit = recommender.logit(clones(weights) | inputs, training(trains))
        expected = torch.autograd.grad((logit * logit_gradient()).sum(), list(inputs.values()))
        with torch.no_grad():  # as the trainer calls it
            _, pullback = recommender.vjp(clones(weights), training(trains))
            gradients = pullback(logit_gradient())
        assert gradients.keys() == inputs.keys()
        for name, gradient in zip(inputs, expected, strict=True):
            assert gradients[name].shape == weights[name].shape, name
            assert torch.allclose(gradients[name], gradient, rtol=1e-9, atol=1e-12), name

    def test_vjp_equals_finite_differences_when_evaluating(self) -> None:
        recommender, weights, step = self.make(), gathered(self.make()), 1e-6
        gradients = recommender.vjp(clones(weights), None)[1](logit_gradient())
        for name, gradient in gradients.items():
            direction = torch.randn(gradient.shape, generator=torch_rng("contract", "direction", name)).double()
            ahead, behind = (
                (
                    recommender.logit(weights | {name: weights[name] + side * step * direction}, None)
                    * logit_gradient()
                ).sum()
                for side in (1, -1)
            )
            change_along = (gradient * direction).sum().item()
            assert change_along == pytest.approx(((ahead - behind) / (2 * step)).item(), rel=1e-5, abs=1e-7), name

    @evaluating_and_training
    def test_permuting_the_copies_permutes_logits_and_gradients(self, trains: bool) -> None:
        recommender, weights, order = self.make(), gathered(self.make()), [2, 0, 1]
        permuted = {name: weight[order] for name, weight in weights.items()}
        logit, pullback = recommender.vjp(weights, training(trains))
        permuted_logit, permuted_pullback = recommender.vjp(permuted, training(trains))
        assert torch.allclose(permuted_logit, logit[order], rtol=1e-12)
        gradients, permuted_gradients = pullback(logit_gradient()), permuted_pullback(logit_gradient()[order])
        for name, gradient in gradients.items():
            assert torch.allclose(permuted_gradients[name], gradient[order], rtol=1e-9, atol=1e-12), name

    @evaluating_and_training
    def test_a_copy_alone_is_what_it_is_among_others(self, trains: bool) -> None:
        recommender, weights = self.make(), gathered(self.make())
        alone = {name: weight[1:2].clone() for name, weight in weights.items()}
        among_others = recommender.logit(weights, training(trains))
        assert torch.allclose(recommender.logit(alone, training(trains))[0], among_others[1], rtol=1e-12)
        for name in weights:  # buffers too
            assert torch.allclose(alone[name][0], weights[name][1], rtol=1e-12), name

    @evaluating_and_training
    def test_a_copy_that_is_broken_does_not_touch_the_others(self, trains: bool) -> None:
        recommender, weights = self.make(), gathered(self.make())
        broken = clones(weights)
        for name in broken.keys() - fixed_tables(recommender):
            broken[name][0] = torch.nan
        logit = recommender.logit(broken, training(trains))
        assert logit[0].isnan().all()
        assert torch.allclose(logit[1:], recommender.logit(weights, training(trains))[1:], rtol=1e-12)

    def test_evaluating_is_deterministic_and_changes_nothing(self) -> None:
        recommender, weights = self.make(), gathered(self.make())
        before = clones(weights)
        assert torch.equal(recommender.logit(weights, None), recommender.logit(weights, None))
        assert all(torch.equal(weights[name], before[name]) for name in weights)

    def test_examples_are_evaluated_one_by_one(self) -> None:
        recommender, weights = self.make(), gathered(self.make())
        third = {name: w[:, 2:3] if name in recommender.tables else w for name, w in weights.items()}
        expected = recommender.logit(weights, None)[:, 2:3]
        assert torch.allclose(recommender.logit(third, None), expected, rtol=1e-12)

    def test_training_is_the_same_for_the_same_draws_and_changes_buffers_only(self) -> None:
        recommender, weights = self.make(), gathered(self.make())
        first, second = clones(weights), clones(weights)
        assert torch.equal(recommender.logit(first, training(True)), recommender.logit(second, training(True)))
        for name, weight in weights.items():
            assert torch.equal(first[name], second[name])
            changes = name in recommender.buffers - fixed_tables(recommender) - self.constant
            assert torch.equal(first[name], weight) == (not changes), name

    def test_every_weight_of_a_table_reaches_the_logit(self) -> None:
        recommender = self.make()
        _, pullback = recommender.vjp(gathered(recommender), None)
        gradients = pullback(logit_gradient())
        for name in self.trained_tables():
            assert (gradients[name] != 0).any(), name

    def test_all_back_ends_that_train_it_end_as_torch_does(self) -> None:
        recommender, dtype = self.make(), torch.float64
        rows, losses = random_interactions(N_USERS, N_ITEMS, 60, seed=1), [BCE, MSE, HINGE, FOCAL]
        epochs = EpochBatches(rows, 16, torch.device("cpu"), dtype)
        users, items = torch.as_tensor(rows.user), torch.as_tensor(rows.item)
        machine, ends = Machine(torch.device("cpu"), dtype), {}
        for name, kind in BACKENDS.items():
            backend = kind.for_task(recommender, machine)
            if backend is None:
                continue
            start = recommender.initial(N_USERS, N_ITEMS, 0)
            models = ModelCopies.of(start, [0.3] * 4, [0.1] * 4, [0.1] * 4, machine)
            train = backend.prepare(losses)
            for number in range(2):
                train(models, epochs(0, number), users, items)
            ends[name] = models.weights | {"y_hat": backend.predict(models.weights, users, items)}
        for name, end in ends.items():
            for one, weight in end.items():
                assert torch.allclose(weight, ends["torch"][one], rtol=1e-9, atol=1e-9), (name, one)
