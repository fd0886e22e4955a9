"""Anchors against their definitions, in dense matrices."""

import numpy as np
import pytest

from core.common.errors import UserError
from recommenders.data.implicit import ImplicitDataset, UserItems, load_implicit
from recommenders.tasks.ranking import VectorScores, find_ranking_metric, rank_items
from recommenders.tasks.ranking.anchors import ANCHORS, anchor_choices, ease, parse_anchor


def dataset(n_users, n_items, seed=0):
    """Random data; the last item and the last user have nobody."""
    part = np.random.default_rng(seed).choice(3, size=(n_users, n_items), p=(0.6, 0.25, 0.15))
    part[-1], part[:, -1] = 0, 0
    parts = [UserItems.of_pairs(*np.nonzero(part == number), n_users) for number in (1, 3, 2)]
    return ImplicitDataset("x", *parts, np.arange(n_users), np.arange(n_items), "by hand")


def scores_of(line, data, users=None):
    found = parse_anchor(line).fit(data, seed=0)
    users = np.arange(data.n_users) if users is None else users
    return found.block(users)[:, : data.n_items] if isinstance(found, VectorScores) else found(users)


def dense(data):
    found = np.zeros((data.n_users, data.n_items))
    found[data.train.users(), data.train.items] = 1
    return found


SHAPES = pytest.mark.parametrize(
    "data", [dataset(30, 20), dataset(20, 30), dataset(9, 9)], ids=["items", "users", "square"]
)


@SHAPES
def test_popularity_counts_users(data):
    assert (scores_of("popularity", data) == dense(data).sum(axis=0)).all()


@SHAPES
def test_ease_is_its_closed_form(data):
    x = dense(data)
    inverse = np.linalg.inv(x.T @ x + 2 * np.eye(data.n_items))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    assert np.allclose(scores_of("ease:l2=2", data), x @ weights, atol=2e-5)
    assert np.allclose(scores_of("ease:l2=2", data, np.array([7, 3, 7])), (x @ weights)[[7, 3, 7]], atol=2e-5)


@SHAPES
@pytest.mark.parametrize("k", [4, 100])
def test_rp3beta_is_a_product_of_matrices(data, k):
    x = dense(data)
    of_user, of_item = (np.maximum(x.sum(axis=axis), 1) for axis in (1, 0))
    walk = (x / of_item**0.7).T @ (x / of_user[:, None] ** 0.7) / of_item**0.4
    np.fill_diagonal(walk, 0)
    for row in walk:
        row[np.argsort(-row, kind="stable")[k:]] = 0
    for normalised in ("no", "yes"):
        found = scores_of(f"rp3beta:alpha=.7:beta=.4:neighbours={k}:normalised={normalised}", data)
        assert np.allclose(found, x @ walk, atol=1e-12)
        walk = walk / np.where(walk.sum(1) > 0, walk.sum(1), 1)[:, None]


@SHAPES
def test_ials_ends_where_nothing_changes_its_objective(data):
    x, made = dense(data), parse_anchor("ials:factors=3:unobserved=.2:l2=.05:nu=.7:epochs=300").fit(data, 0)
    users, items = (one.astype(np.float64) for one in (made._users, made._items[:, : data.n_items].T))
    penalties = [0.05 * (x.sum(a) + 0.2 * x.shape[a]) ** 0.7 for a in (1, 0)]
    error = x * (users @ items.T - 1) + 0.2 * users @ items.T
    assert np.abs(error @ items + penalties[0][:, None] * users).max() < 2e-3
    assert np.abs(error.T @ users + penalties[1][:, None] * items).max() < 2e-3
    assert np.abs(users).max() > 0.1


@pytest.mark.parametrize("name", ANCHORS)
def test_anchors_learn_the_planted_set_the_same_every_time(name):
    line = f"{name}:factors=8:unobserved=.3:l2=.05" if name == "ials" else name
    data = load_implicit("synthetic")
    value = find_ranking_metric("recall@20")
    first, again = (rank_items(parse_anchor(line).fit(data, seed=3), data, block=n) for n in (64, 11))
    assert (first.rank == again.rank).all()
    of_popularity = value.mean(rank_items(parse_anchor("popularity").fit(data, 0), data))
    assert value.mean(first) >= of_popularity * (1 if name == "popularity" else 1.15)


@pytest.mark.parametrize("name", ANCHORS)
def test_what_is_not_given_of_a_grid_is_open(name):
    grid, lines = ANCHORS[name].grid, anchor_choices(name)
    made = [parse_anchor(line) for line in lines]
    assert len(set(made)) == len(lines) == np.prod([len(values) for values in grid.values()], dtype=int)
    assert len(lines) <= 16  # no more than trials of a loss, unless somebody asks for more of those
    for setting, values in grid.items():
        assert {getattr(one, setting) for one in made} == set(values)
        kept = anchor_choices(f"{name}:{setting}=5")
        assert {getattr(parse_anchor(line), setting) for line in kept} == {5}
        assert len(kept) == len(lines) // len(values)
    all_given = ":".join([name, *(f"{setting}=5" for setting in grid)])
    assert anchor_choices(all_given) == (all_given,)


def test_ease_says_how_much_memory_it_needs(monkeypatch):
    monkeypatch.setattr(ease, "free_memory", lambda device: 1000)
    with pytest.raises(
        UserError, match=r"EASE: expected 0.0 GiB of memory, .* for a matrix of 20 x 20, got 0.0 GiB; use"
    ):
        parse_anchor("ease").fit(dataset(30, 20), 0)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("eas", "unknown anchor 'eas': expected one of ease, ials, popularity, rp3beta. Did you mean 'ease'?"),
        ("popularity:k=3", "popularity has no settings"),
        ("ease:l2=0", "l2: expected at least 0.001"),
        ("ials:factors=0", "factors: expected at least 1"),
        ("rp3beta:alpha=-1", "alpha: expected at least 0"),
    ],
)
def test_lines_that_name_no_anchor_are_refused(line, message):
    with pytest.raises(UserError, match=message[:-1]):
        parse_anchor(line)
