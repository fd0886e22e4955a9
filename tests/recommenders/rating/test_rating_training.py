"""Models of ratings: machine code against a plain autograd loop, and laws of trainings."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from core.interactions.interaction import Interaction
from core.interactions.nets import NCF, Network
from core.interactions.spaces import FunctionSpace, NetSpace, NetworkSpace, ProgramSpace, read_meeting
from core.search.effectiveness import EarlyStopping
from recommenders.data.explicit import ExplicitOptions, planted_ratings, split_ratings
from recommenders.tasks.rating.training import (
    RatingModel,
    RatingPlan,
    Trainer,
    fit,
    fit_all,
    judged,
    result_of,
)
from tests.strategies import law

SPACES = {
    "functions": FunctionSpace(),
    "programs": ProgramSpace(4),
    "nets": NetSpace(),
    "networks": NetworkSpace(),
    "NCF": None,
}
DATA = split_ratings("planted", planted_ratings(30, 20, 12), ExplicitOptions(), 0)
SHORT = RatingPlan(dimensions=3, decays=(0.01, 0.1), stopping=EarlyStopping(4, 4, 4), batch_size=40)


def drawn(name, rng):
    if (space := SPACES[name]) is None:
        return NCF
    (found,) = space.decode(space.sample(1, rng))
    return found


def met(interaction, inner, p, q):
    """What two vectors give, by torch [B, parts * numbers]."""
    return interaction.evaluate(inner, p, q) if isinstance(interaction, Network) else interaction.evaluate(p, q)


def plainly_trained(interaction, model, ratings, plan, decay):
    """An epoch by autograd and torch's own Adagrad, one rating after the other."""
    users, items, user_bias, item_bias, weights, inner = (
        torch.from_numpy(one.copy()).requires_grad_() for one in model
    )
    trained = [users, items, weights, inner, *([user_bias, item_bias] if plan.biases else [])]
    optimiser = torch.optim.Adagrad(trained, lr=plan.learning_rate, eps=1e-10)
    for start in range(0, len(ratings[0]), plan.batch_size):
        rows = [one[start : start + plan.batch_size] for one in ratings]
        total = torch.zeros((), dtype=torch.float64)
        for user, item, value in zip(*rows, strict=True):
            p, q, b, c = users[user], items[item], user_bias[user], item_bias[item]
            found = met(interaction, inner, p[None], q[None]).reshape(weights.shape)
            error = (weights * found).sum() + b + c - value
            decayed = p.square().sum() + q.square().sum() + b.square() + c.square()
            total = total + error.square() / 2 + decay * decayed / 2
        optimiser.zero_grad()
        (total / len(rows[0])).backward()
        optimiser.step()
        with torch.no_grad():
            weights /= max(1.0, float(weights.norm()))
    return RatingModel(*(one.detach().numpy() for one in (users, items, user_bias, item_bias, weights, inner)))


@law
@given(
    st.sampled_from(sorted(SPACES)),
    st.integers(0, 2**32 - 1),
    st.integers(1, 30),
    st.sampled_from([0.0, 0.1]),
    st.booleans(),
)
def test_an_epoch_is_that_of_a_plain_autograd_loop(name, seed, batch, decay, has_biases):
    rng = np.random.default_rng(seed)
    interaction = drawn(name, rng)
    plan = RatingPlan(dimensions=2, init_std=0.5, learning_rate=0.1, batch_size=batch, biases=has_biases)
    trainer = Trainer(interaction, plan)
    model = trainer.fresh(DATA, seed)
    rows = rng.choice(len(DATA.parts["train"]), size=40)  # some of them twice
    train = DATA.parts["train"]
    ratings = train.user[rows], train.item[rows], train.value[rows] - DATA.mean
    expected = plainly_trained(interaction, model, ratings, plan, decay)
    found, gradients = model.copied(), model.zeros()
    trainer.train_epoch(found, model.zeros(), gradients, ratings, decay)
    if all(np.isfinite(one).all() for one in expected):
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-9)
    assert all(not one[np.isfinite(one)].any() for one in gradients)


@law
@given(st.sampled_from(sorted(SPACES)), st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_predictions_are_those_of_torch_however_many_at_a_time(name, seed, n):
    rng = np.random.default_rng(seed)
    interaction = drawn(name, rng)
    trainer = Trainer(interaction, RatingPlan(dimensions=3, init_std=1.0))
    model = trainer.fresh(DATA, seed)
    user, item = rng.integers(DATA.n_users, size=n), rng.integers(DATA.n_items, size=n)
    p, q, inner = (torch.from_numpy(one) for one in (model.users[user], model.items[item], model.inner))
    together = met(interaction, inner, p, q).reshape(n, *model.weights.shape) * torch.from_numpy(model.weights)
    found = trainer.predictions(model, user, item)
    np.testing.assert_allclose(found, together.sum((1, 2)).numpy(), rtol=1e-9, atol=1e-9)


def test_cores_change_no_bit_and_decays_are_chosen_on_validation():
    some = [read_meeting(text) for text in ("p*q", "max(p, q)", "concat(p, root(q))", "1/(p)", "NCF", "network(4, 2)")]
    one, other = (fit_all(some, DATA, SHORT, 3, threads) for threads in (1, 3))
    for left, right in zip(one, other, strict=True):
        assert left.decay == right.decay
        assert left.curve.curve == right.curve.curve
        assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(left.model, right.model, strict=True))
    alone = [fit(some[0], DATA, RatingPlan(**{**vars(SHORT), "decays": (decay,)}), 3) for decay in SHORT.decays]
    best = max(alone, key=lambda found: found.curve.best_score)
    assert (one[0].decay, one[0].epochs) == (best.decay, sum(found.epochs for found in alone))


def test_results_are_of_the_best_epoch_and_in_units_of_the_ratings():
    found = fit(Interaction.parse("p*q"), DATA, SHORT, 0)
    result = result_of(found, DATA)
    assert result.validation["rmse"] == pytest.approx(-found.curve.best_score * DATA.std)
    assert result.validation == judged(found, DATA, "validation")
    assert -max(result.curve) == pytest.approx(result.validation["rmse"])
    assert result.test["mae"] <= result.test["rmse"]


def test_what_breaks_down_has_no_result():
    found = fit(
        Interaction.parse("((((exp(exp(exp(p + 1)))^2)^2)^2)^2)*q"), DATA, RatingPlan(init_std=5, dimensions=2), 0
    )
    assert not found.is_finite
    assert result_of(found, DATA).test == {}


def test_a_planted_interaction_is_better_than_those_that_were_not_planted():
    data = split_ratings("planted", planted_ratings(150, 100, 40), ExplicitOptions(), 0)
    plan = RatingPlan(dimensions=2, learning_rate=0.2, init_std=0.3, decays=(0.003,))
    texts = ("max(p, q)", "p*q", "p + q", "root(p)*root(q)", "p^2*q")
    planted, *others = (judged(fit(Interaction.parse(text), data, plan, 0), data, "test")["rmse"] for text in texts)
    assert planted < 0.9 * min(others)


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"dimensions": 0}, "dimensions: expected 1 to 1,024, got 0"),
        ({"batch_size": 0}, "batch_size: expected 1 to"),
        ({"batch_size": 2**20, "dimensions": 5}, "batch_size times dimensions: expected at most 4,194,304, got"),
        ({"learning_rate": 0.0}, "learning_rate: expected a number above 0"),
        ({"decays": ()}, "decays: expected one or more numbers from 0 to 10"),
        ({"decays": (-1.0,)}, "decays: expected one or more"),
        ({"decays": (0.1, 0.1)}, "decays: expected different numbers"),
    ],
)
def test_plans_that_cannot_be_are_refused(setting, told):
    with pytest.raises(UserError, match=told):
        RatingPlan(**setting)
