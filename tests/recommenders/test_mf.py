import pytest
import torch

from recommenders.models.mf import MF
from recommenders.testing.recommender import RecommenderContract


class TestMF(RecommenderContract):
    def make(self):
        return MF(embedding_size=3)


def test_the_logit_is_equation_2():
    weights = {
        "user_embedding": torch.tensor([[[1.0, 2.0], [0.5, -1.0]]]),
        "item_embedding": torch.tensor([[[3.0, -1.0], [4.0, 2.0]]]),
        "user_bias": torch.tensor([[0.1, 0.2]]),
        "item_bias": torch.tensor([[0.03, 0.04]]),
        "global_bias": torch.tensor([0.5]),
    }
    assert MF().logit(weights, None).tolist() == [pytest.approx([1 + 0.1 + 0.03 + 0.5, 0 + 0.2 + 0.04 + 0.5])]


def test_initial_weights_follow_the_settings():
    weights = MF(embedding_size=64, init_std=0.1, init_global_bias=0.3).initial(300, 200, seed=0)
    assert weights["user_embedding"].shape == (300, 64)
    assert weights["global_bias"].item() == pytest.approx(0.3)
    for name in ("user_embedding", "item_embedding"):
        assert weights[name].std().item() == pytest.approx(0.1, rel=0.03)
        assert weights[name].mean().item() == pytest.approx(0, abs=0.005)
    assert weights["user_bias"].std().item() == pytest.approx(0.1, rel=0.2)


def test_the_defaults_are_the_papers():
    assert MF() == MF(embedding_size=64, init_std=1.0, init_global_bias=0.1)
