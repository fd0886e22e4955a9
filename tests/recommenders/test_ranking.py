"""Exact ranks against plain sorting, ranx and scikit-learn, and the laws of ties, threads and blocks."""

import math
import warnings

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given
from hypothesis import strategies as st
from numba.typed import List

from core.common.errors import UserError
from recommenders.data.implicit import ImplicitDataset, UserItems, load_implicit
from recommenders.tasks.ranking import VectorScores, find_ranking_metric, measure_exposure, rank_items
from tests.strategies import examples

laws = examples(60, 400)
NAMES = ("recall@1", "recall@3", "recall@50", "ndcg@1", "ndcg@3", "ndcg@50", "hitrate@2", "mrr", "auc")


def dataset(part, n_items):
    """[n_users, n_items] of 0 (nothing), 1 (train), 2 (validation), 3 (test) -> data."""
    n_users = len(part)
    parts = [UserItems.of_pairs(*np.nonzero(part == number), n_users) for number in (1, 2, 3)]
    return ImplicitDataset("x", *parts, np.arange(n_users), np.arange(n_items), "by hand")


@st.composite
def cases(draw):
    """Data with at least one training and one test item, and scores with many ties, some of them NaN or infinite."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_users, n_items = draw(st.integers(1, 6)), draw(st.sampled_from([2, 3, 9, 70, 1500]))
    share = draw(st.sampled_from([(0.4, 0.3, 0.1, 0.2), (0.9, 0.05, 0.0, 0.05), (0.1, 0.8, 0.0, 0.1), (0, 0, 0, 1)]))
    part = rng.choice(4, size=(n_users, n_items), p=share)
    part[0, :2] = 1, 3
    values = draw(st.sampled_from([(0.0,), (0.0, 1.0), (-1.0, 0.0, 0.5, math.inf, -math.inf, math.nan), range(5000)]))
    kind = draw(st.sampled_from([np.float32, np.float64]))
    return dataset(part, n_items), rng.choice(np.array(values, dtype=kind), size=(n_users, n_items))


def plain_order(data, scores, user, part):
    """(item, is it held out) of all candidates, best first: by score, NaN last; others before those held out."""
    before = {"test": (data.train, data.validation), "validation": (data.train,)}[part]
    gone = {int(i) for one in before for i in one.of(user)}
    own = {int(i) for i in data.part(part).of(user)}
    candidates = [i for i in range(data.n_items) if i not in gone]

    def place(i):
        score = float(scores[user, i])
        return (math.isnan(score), 0.0 if math.isnan(score) else -score, i in own, i)

    return [(i, i in own) for i in sorted(candidates, key=place)]


def plain_metric(name, order, scores):
    """The value of a metric by its definition, for one user with these scores [n_items]."""
    base, _, k = name.partition("@")
    hits = [own for _, own in order]
    m, k = sum(hits), int(k or 0)
    if base == "recall":
        return sum(hits[:k]) / m
    if base == "ndcg":
        gain = sum(1 / math.log2(2 + at) for at, own in enumerate(hits[:k]) if own)
        return gain / sum(1 / math.log2(2 + at) for at in range(min(k, m)))
    if base == "hitrate":
        return float(any(hits[:k]))
    if base == "mrr":
        return 1 / (1 + hits.index(True))
    own, others = (np.array([scores[i] for i, held_out in order if held_out == which]) for which in (True, False))
    own, others = own[:, None], others[None, :]
    won = (own > others) | (~np.isnan(own) & np.isnan(others))
    return float((won + 0.5 * (own == others)).mean()) if others.size else 0.5


@laws
@given(cases(), st.sampled_from(["test", "validation"]))
def test_ranks_lists_and_metrics_are_those_of_plain_sorting(case, part):
    data, scores = case
    with_items = [u for u in range(data.n_users) if data.part(part).counts[u]]
    if not with_items:
        with pytest.raises(UserError, match=f"expected users with items in the {part} part, got none"):
            rank_items(lambda users: scores[users], data, part)
        return
    ranks = rank_items(lambda users: scores[users], data, part, top=4)
    assert ranks.users.tolist() == with_items
    orders = [plain_order(data, scores, u, part) for u in with_items]
    for n, (user, order) in enumerate(zip(with_items, orders, strict=True)):
        own = slice(ranks.indptr[n], ranks.indptr[n + 1])
        expected = [(item, at) for at, (item, is_own) in enumerate(order, start=1) if is_own]
        assert list(zip(ranks.item[own].tolist(), ranks.rank[own].tolist(), strict=True)) == expected
        assert ranks.n_candidates[n] == len(order)
        listed = sorted((i for i, _ in order if not math.isnan(scores[user, i])), key=lambda i: (-scores[user, i], i))
        assert ranks.top[n].tolist() == (listed + [-1] * 4)[:4]
    for name in NAMES:
        expected = [plain_metric(name, order, scores[user]) for user, order in zip(with_items, orders, strict=True)]
        assert find_ranking_metric(name).per_user(ranks).tolist() == pytest.approx(expected, abs=1e-12)


@pytest.fixture(scope="module")
def ranx(tmp_path_factory):
    """The functions of ranx by our names; importing it makes folders for data sets that nobody asked for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IR_DATASETS_HOME", str(tmp_path_factory.mktemp("ir_datasets")))
        from ranx import metrics
    return {"recall": metrics.recall, "ndcg": metrics.ndcg, "hitrate": metrics.hit_rate, "mrr": metrics.reciprocal_rank}


def by_ranx(function, k, orders):
    """What ranx says of users, from (item, is it held out) of all candidates, best first.

    It takes relevant and listed items as rows (item, relevance or score), the latter in order: who comes first of equal
    scores is decided before, against the recommender, as ranx has no rule.
    """
    held_out = List([np.array([(item, 1) for item, own in order if own]) for order in orders])
    listed = List([np.array([(item, -at) for at, (item, _) in enumerate(order)]) for order in orders])
    with warnings.catch_warnings(action="ignore"):  # of numba about the code of ranx, when it is compiled
        return function(held_out, listed, k).tolist()


@laws
@given(case=cases(), part=st.sampled_from(["test", "validation"]))
def test_metrics_are_those_of_ranx(ranx, case, part):
    """Of these definitions ranx's are ours; those of others differ.

    - recall@k: divided by all held-out items. RecPack and others divide by no more than k.
    - ndcg@k: the ideal list ends at min(k, held-out items). Where it ends at k, nobody with fewer can have 1.
    - mrr: without a cut-off, so ranx has to be given all candidates; it says 0 where no held-out item is listed.
    - candidates with NaN come last; ranx knows none.
    """
    data, scores = case
    if not data.part(part).counts.any():
        return
    ranks = rank_items(lambda users: scores[users], data, part)
    orders = [plain_order(data, scores, user, part) for user in ranks.users]
    for name in set(NAMES) - {"auc"}:
        base, _, k = name.partition("@")
        expected = by_ranx(ranx[base], int(k or 0), orders)
        assert find_ranking_metric(name).per_user(ranks).tolist() == pytest.approx(expected, abs=1e-12)


def vectors(data, seed=0, dimension=8):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(n, dimension)).astype(np.float32) for n in (data.n_users, data.n_items)]


def bits(ranks):
    return [one.tobytes() for one in (ranks.users, ranks.indptr, ranks.item, ranks.rank, ranks.tied, ranks.top)]


def means(ranks):
    return [find_ranking_metric(name).mean(ranks) for name in NAMES]


@pytest.fixture(scope="module")
def data():
    return load_implicit("synthetic")


def test_neither_threads_nor_blocks_change_a_bit(data):
    scores = VectorScores(*vectors(data))
    expected = bits(rank_items(scores, data, top=5))
    for threads, block in ((2, None), (3, 7), (1, 1), (2, 1), (1, 64), (1, 299), (4, 10_000)):
        assert bits(rank_items(scores, data, top=5, threads=threads, block=block)) == expected


def test_vectors_are_scored_as_by_plain_products(data):
    users, items = vectors(data)
    by_function = rank_items(lambda chosen: users[chosen].astype(np.float64) @ items.T.astype(np.float64), data)
    assert bits(by_function) == bits(rank_items(VectorScores(users, items), data))


def test_auc_and_ndcg_are_those_of_scikit_learn(data):
    scores = np.random.default_rng(6).random((data.n_users, data.n_items))
    ranks = rank_items(lambda users: scores[users], data)
    got = {name: find_ranking_metric(name).per_user(ranks) for name in ("auc", "ndcg@5", "ndcg@20")}
    gone = data.left_out("test")
    for n, user in enumerate(ranks.users):
        kept = np.setdiff1d(np.arange(data.n_items), gone.of(user))
        label, own = np.isin(kept, data.test.of(user)), scores[user, kept]
        assert got["auc"][n] == pytest.approx(sk.roc_auc_score(label, own))
        assert got["ndcg@5"][n] == pytest.approx(sk.ndcg_score([label], [own], k=5))
        assert got["ndcg@20"][n] == pytest.approx(sk.ndcg_score([label], [own], k=20))


def test_some_users_have_the_ranks_that_they_have_among_all(data):
    scores = VectorScores(*vectors(data))
    every, chosen = rank_items(scores, data), np.array([5, 250, 8, 8, 31])
    some = rank_items(scores, data, users=chosen)
    assert some.users.tolist() == [5, 8, 31, 250]
    assert every.users.tolist() == list(range(data.n_users))
    for n, user in enumerate(some.users):
        own, same = (one.rank[one.indptr[at] : one.indptr[at + 1]].tolist() for one, at in ((some, n), (every, user)))
        assert own == same


def test_a_perfect_ranking_gets_all(data):
    scores = np.zeros((data.n_users, data.n_items), dtype=np.float32)
    scores[data.test.users(), data.test.items] = 1
    ranks = rank_items(lambda users: scores[users], data)
    for name in ("ndcg@1", "ndcg@5", "ndcg@20", "ndcg@1000", "recall@1000", "hitrate@1", "mrr", "auc"):
        assert (find_ranking_metric(name).per_user(ranks) == 1).all()
    assert find_ranking_metric("recall@3").mean(ranks) == np.mean(np.minimum(3 / ranks.n_held_out, 1))


@pytest.mark.parametrize("value", [0.0, -1.5, math.nan, math.inf, -math.inf])
def test_who_scores_all_items_alike_gets_no_more_than_chance(data, value):
    scores = np.full((data.n_users, data.n_items), value)
    ranks = rank_items(lambda users: scores[users], data, top=3)
    for name in ("recall@20", "ndcg@20", "hitrate@20"):
        assert find_ranking_metric(name).mean(ranks) == 0
    assert find_ranking_metric("auc").mean(ranks) == (0.0 if math.isnan(value) else 0.5)
    chance = np.random.default_rng(0).random(scores.shape)
    assert find_ranking_metric("mrr").mean(ranks) < find_ranking_metric("mrr").mean(
        rank_items(lambda users: chance[users], data)
    )


def test_collapsed_vectors_get_no_more_than_chance(data):
    users, items = vectors(data)
    items[:] = items[0]
    ranks = rank_items(VectorScores(users, items), data)
    assert find_ranking_metric("recall@20").mean(ranks) == 0
    assert (find_ranking_metric("auc").per_user(ranks) == 0.5).all()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_user_whose_vector_is_not_finite_gets_nothing(data, bad):
    users, items = vectors(data)
    users[7] = bad
    items[:, 0], items[:, 1] = 1, -1  # inf - inf is NaN
    ranks = rank_items(VectorScores(users, items), data)
    values = find_ranking_metric("recall@20").per_user(ranks)
    assert values[ranks.users == 7] == 0
    assert values.max() > 0


def test_the_order_of_items_changes_nothing(data):
    users, items = (np.rint(4 * one) for one in vectors(data))  # whole numbers, so that sums are exact and ties occur
    order = np.random.default_rng(4).permutation(data.n_items)
    new = np.argsort(order)
    parts = [
        UserItems.of_pairs(part.users(), new[part.items], data.n_users)
        for part in (data.train, data.validation, data.test)
    ]
    moved = ImplicitDataset("x", *parts, data.user_ids, data.item_ids[order], "")
    one, other = (
        rank_items(VectorScores(users, vectors_), of) for vectors_, of in ((items, data), (items[order], moved))
    )
    assert one.tied.any()
    assert one.rank.tolist() == other.rank.tolist()
    assert one.tied.tolist() == other.tied.tolist()
    assert means(one) == means(other)


def test_nothing_is_left_but_the_held_out_items():
    part = np.ones((2, 6), dtype=int)
    part[0, 3] = part[1, 5] = part[1, 0] = 3
    ranks = rank_items(lambda users: np.zeros((len(users), 6)), dataset(part, 6), top=9)
    assert ranks.rank.tolist() == [1, 1, 2]
    assert ranks.n_candidates.tolist() == [1, 2]
    assert ranks.top.tolist() == [[3] + [-1] * 8, [0, 5] + [-1] * 7]
    assert means(ranks) == pytest.approx([0.75, 1, 1, 1, 1, 1, 1, 1, 0.5])
    everything = dataset(np.ones((2, 6), dtype=int), 6)
    with pytest.raises(UserError, match="expected users with items in the test part, got none"):
        rank_items(lambda users: np.zeros((len(users), 6)), everything)


def test_what_a_function_returns_stays_as_it_is(data):
    scores = np.random.default_rng(0).normal(size=(data.n_users, data.n_items)).astype(np.float32)
    before = scores.copy()
    rank_items(lambda users: scores[users[0] : users[-1] + 1], data, block=9)
    assert (scores == before).all()


def test_wrong_scores_and_numbers_are_refused(data):
    users, items = vectors(data)
    for scores, message in (
        (VectorScores(users[:-1], items), "expected vectors of 300 users and 200 items, got"),
        (lambda chosen: np.zeros((len(chosen), 3)), r"scores: expected \[\d+, 200\] of float32 or float64, got"),
        (lambda chosen: np.zeros((len(chosen), 200), dtype=int), "of int64"),
    ):
        with pytest.raises(UserError, match=message):
            rank_items(scores, data)
    with pytest.raises(UserError, match="vectors of users and items: expected"):
        VectorScores(users, items[:, 1:])
    for options in ({"threads": 0}, {"block": 0}, {"top": -1}):
        with pytest.raises(UserError, match="ranking: expected threads and block from 1 and top from 0"):
            rank_items(VectorScores(users, items), data, **options)
    for chosen in ([-1], [300]):
        with pytest.raises(UserError, match="users to rank: expected numbers from 0 to 299"):
            rank_items(VectorScores(users, items), data, users=np.array(chosen))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("recal@20", r"unknown ranking metric 'recal@20': .* Did you mean 'recall@k'"),
        ("recall", "metric: expected recall@k, got 'recall'"),
        ("mrr@5", "metric: expected mrr, got 'mrr@5'"),
        ("ndcg@0", "metric: expected ndcg@ and a whole number from 1 to 10,000, got 'ndcg@0'"),
        ("ndcg@", "metric: expected ndcg@ and a whole number"),
        ("ndcg@10001", "metric: expected ndcg@ and a whole number"),
        ("ndcg@-3", "metric: expected ndcg@ and a whole number"),
        ("ndcg@٢", "metric: expected ndcg@ and a whole number"),
        ("ndcg@" + "9" * 5000, "metric: expected ndcg@ and a whole number"),
    ],
)
def test_what_is_no_metric_is_refused(name, message):
    with pytest.raises(UserError, match=message):
        find_ranking_metric(name)


def test_metrics_have_their_names():
    assert [find_ranking_metric(name).name for name in NAMES] == list(NAMES)
    assert all(find_ranking_metric(name).higher_is_better for name in NAMES)


def test_exposure_of_lists_by_hand():
    popularity = np.array([10, 6, 2, 0])
    top = np.array([[0, 1], [0, 2], [0, -1], [-1, -1]])
    told = measure_exposure(top, popularity)
    assert told.coverage == 0.75
    assert told.popularity == pytest.approx((8 + 6 + 10) / 3)
    times = [3, 1, 1, 0]
    gini = sum(abs(a - b) for a in times for b in times) / (2 * 4 * sum(times))
    assert told.gini == pytest.approx(gini)
    assert measure_exposure(np.array([[0, 1, 2, 3]]), popularity).gini == 0
    assert measure_exposure(np.zeros((5, 1), dtype=int), popularity).gini == 0.75
    with pytest.raises(UserError, match="exposure: expected lists of recommended items, got none"):
        measure_exposure(np.empty((4, 0), dtype=int), popularity)
