import pytest
import torch

from core.common.errors import UserError
from recommenders.models.mf import MF
from recommenders.models.mlp import MLP
from recommenders.modules.scoring import ScoringModule
from tests.recommenders import modules
from tests.recommenders.problems import make_task
from tests.recommenders.test_module_contract import KINDS, recommender_of

RECOMMENDERS = [MF(4), MLP(3, (6, 4)), *(recommender_of(kind) for kind in KINDS)]


def name(recommender):
    return type(recommender).__name__ if isinstance(recommender, MF | MLP) else recommender.source.label


def scoring(recommender):
    """A task, the weights of the second of two copies, and what scores by them."""
    task = make_task(recommender, dtype=torch.float32)
    weights = task.model_copies(task.initial(0), 1, 0.0).weights
    for parameter in weights.keys() - task.recommender.buffers:
        weights[parameter] += 0.1
    return task, weights, ScoringModule(task.recommender, weights)


@pytest.mark.parametrize("recommender", RECOMMENDERS, ids=name)
def test_predictions_are_those_of_the_trainer(recommender):
    task, weights, module = scoring(recommender)
    user, item = task.validation.user, task.validation.item
    expected = task.predict(weights, task.validation)[0]
    for mode in (True, False):
        assert torch.allclose(module.train(mode)(user, item), expected, rtol=1e-5, atol=1e-6)
    one = module(user[:1], item[:1])
    assert one.shape == (1,)
    assert torch.allclose(one, expected[:1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("recommender", RECOMMENDERS, ids=name)
def test_its_state_is_the_weights_which_move_and_come_back(recommender):
    task, _, module = scoring(recommender)
    user, item = task.validation.user, task.validation.item
    other = ScoringModule(task.recommender, task.model_copies(task.initial(1), 1, 0.0).weights)
    other.load_state_dict(module.state_dict())
    assert torch.equal(other(user, item), module(user, item))
    assert module.double()(user, item).dtype == torch.float64


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("recommender", [r for r in RECOMMENDERS if name(r) != "Branching"], ids=name)
def test_it_can_be_exported_for_any_number_of_examples(recommender):
    task, _, module = scoring(recommender)
    user, item = task.validation.user, task.validation.item
    batch = torch.export.Dim("batch", min=1, max=100_000)
    exported = torch.export.export(module, (user[:5], item[:5]), dynamic_shapes=({0: batch}, {0: batch}))
    for n in (1, 2, 7, len(user)):
        assert torch.allclose(exported.module()(user[:n], item[:n]), module(user[:n], item[:n]), atol=1e-6)


def test_several_copies_are_refused():
    task = make_task()
    with pytest.raises(UserError, match="of one copy"):
        ScoringModule(task.recommender, task.model_copies(task.initial(0), 2, 0.0).weights)


def test_a_module_that_cannot_take_one_example_still_scores_one():
    class Squeezing(modules.PlainMF):
        def forward(self, user, item):
            return super().forward(user, item).squeeze()

    task, _, module = scoring(recommender_of(Squeezing))
    assert module(task.validation.user[:1], task.validation.item[:1]).shape == (1,)
