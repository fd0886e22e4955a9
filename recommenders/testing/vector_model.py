"""The contract tests of models of vectors. Inherit them and define `make`, for a model of small vectors."""

from abc import ABC, abstractmethod

import pytest
import torch

from core.common.seeding import torch_rng
from core.losses.setwise.softmax import SL
from recommenders.backends.ranking.base import Recipe, VectorTask
from recommenders.backends.ranking.torch_trainer import TorchTrainer
from recommenders.common.machine import Machine
from recommenders.data.implicit import ImplicitDataset, load_implicit
from recommenders.data.implicit.samplers import Uniform
from recommenders.models.recommender import Weights
from recommenders.models.vectors.model import VectorModel
from recommenders.tasks.ranking import ScoreFunction, VectorScores, find_ranking_metric, rank_items


def double(weights: Weights) -> Weights:
    """Return weights as float64 leaves of autograd."""
    return {name: one.double().requires_grad_() for name, one in weights.items()}


def objective(vectors: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """Return a number [] that depends on every element of both vectors."""
    slopes = [torch.randn(one.shape, generator=torch_rng("contract", len(one)), dtype=one.dtype) for one in vectors]
    return (vectors[0] * slopes[0]).sum() + (vectors[1] * slopes[1]).sum()


def recall(scores: VectorScores | ScoreFunction, data: ImplicitDataset) -> float:
    """Return recall@20 on the test part.

    Args:
        scores: of all users and items.
        data: what is ranked.
    """
    return find_ranking_metric("recall@20").mean(rank_items(scores, data))


class VectorModelContract(ABC):
    """The tests that every model of vectors has to pass, on the data set `synthetic`."""

    #: Of six epochs of training, after which it has to rank items better than popularity does.
    learning_rate: float = 0.03
    #: Parameters that start with the same numbers whatever the seed.
    constant: frozenset[str] = frozenset()

    @abstractmethod
    def make(self) -> VectorModel:
        """Return the model."""

    @pytest.fixture
    def data(self) -> ImplicitDataset:
        """Return the data set."""
        return load_implicit("synthetic")

    @pytest.fixture
    def model(self, data: ImplicitDataset) -> VectorModel:
        """Return the model of the data set."""
        return self.make().on(data.train, data.n_items)

    @pytest.fixture
    def weights(self, model: VectorModel, data: ImplicitDataset) -> Weights:
        """Return initial weights as float64 leaves of autograd.

        Args:
            model: of the data set.
            data: the data set.
        """
        return double(model.initial(data.n_users, data.n_items, seed=3))

    def test_initial_weights_depend_on_the_seed_only(self, model: VectorModel, data: ImplicitDataset) -> None:
        first, again, other = (model.initial(data.n_users, data.n_items, seed) for seed in (1, 1, 2))
        for name, one in first.items():
            assert (one.dtype, one.device.type) == (torch.float32, "cpu")
            assert one.isfinite().all()
            assert torch.equal(one, again[name])
            assert torch.equal(one, other[name]) == (name in self.constant), name

    def test_tables_have_a_row_for_each_user_or_item(
        self, model: VectorModel, weights: Weights, data: ImplicitDataset
    ) -> None:
        rows = {"user": data.n_users, "item": data.n_items}
        for name, kind in model.tables.items():
            assert len(weights[name]) == rows[kind], name

    def test_all_users_and_items_have_finite_vectors(
        self, model: VectorModel, weights: Weights, data: ImplicitDataset
    ) -> None:
        users, items = model.vectors(weights, None, None)
        assert (len(users), len(items)) == (data.n_users, data.n_items)
        assert users.shape[1:] == items.shape[1:]
        for one in (users, items):
            assert (one.dtype, one.dim()) == (torch.float64, 2)
            assert one.isfinite().all()
            assert len(one.unique(dim=0)) == len(one)

    def test_vectors_that_are_asked_for_by_id_are_those_of_all(self, model: VectorModel, weights: Weights) -> None:
        everyone, everything = model.vectors(weights, None, None)
        users, items = torch.tensor([7, 0, 7, len(everyone) - 1]), torch.tensor([2, len(everything) - 1, 2])
        found = model.vectors(weights, users, items)
        assert torch.allclose(found[0], everyone[users], rtol=1e-9, atol=1e-12)
        assert torch.allclose(found[1], everything[items], rtol=1e-9, atol=1e-12)
        for many, none in ((None, users[:0]), (items[:0], None)):  # also of nobody
            both = model.vectors(weights, none, many)
            assert {len(one) for one in both} >= {0}

    def test_vectors_are_the_same_whenever_computed_and_change_nothing(
        self, model: VectorModel, weights: Weights
    ) -> None:
        before = {name: one.detach().clone() for name, one in weights.items()}
        first, second = model.vectors(weights, None, None), model.vectors(weights, None, None)
        assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))
        assert all(torch.equal(one, before[name]) for name, one in weights.items())

    def test_gradients_are_those_of_finite_differences(self, model: VectorModel, weights: Weights) -> None:
        users, items, positives = torch.tensor([5, 0, 5]), torch.tensor([1, 9]), torch.tensor([3, 3, 1])
        found = objective(model.vectors(weights, users, items, positives))
        gradients = torch.autograd.grad(found, list(weights.values()), allow_unused=True)
        assert any(gradient is not None for gradient in gradients)
        for (name, one), gradient in zip(weights.items(), gradients, strict=True):
            way = torch.randn(one.shape, generator=torch_rng("contract", name), dtype=one.dtype) * 1e-6
            ahead, behind = (
                objective(model.vectors({**weights, name: one + side * way}, users, items, positives))
                for side in (1, -1)
            )
            along = 0.0 if gradient is None else (gradient * way).sum().item()
            assert along == pytest.approx((ahead - behind).item() / 2, rel=1e-4, abs=1e-12), name

    def test_every_table_reaches_the_vectors(self, model: VectorModel, weights: Weights) -> None:
        tables = [weights[name] for name in model.tables]
        for gradient in torch.autograd.grad(objective(model.vectors(weights, None, None)), tables):
            assert gradient.ne(0).any()

    def test_training_ranks_better_than_popularity(self, data: ImplicitDataset) -> None:
        sampler = Uniform(negatives=50, exclude_positives=True)
        task = VectorTask(self.make(), data, Recipe(sampler, batch_size=256))
        trainer = TorchTrainer(task, Machine(torch.device("cpu")), seed=0)
        losses = [trainer.train_epoch(SL(), epoch, self.learning_rate) for epoch in range(6)]
        assert losses[-1] < losses[0]
        popular = data.popularity().astype("float32")
        of_popular = recall(lambda users: popular[None].repeat(len(users), axis=0), data)
        assert recall(VectorScores(*trainer.vectors()), data) > 1.2 * of_popular
