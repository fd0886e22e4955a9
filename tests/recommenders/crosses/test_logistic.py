"""Cuts of numbers, codes of crosses, and logistic regression on codes against a dense one."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.crosses.cross import Cross, Feature
from recommenders.backends.compiled.cores import Cores
from recommenders.data.fields import planted_fields, split_fields
from recommenders.data.fields.column import FieldColumn
from recommenders.data.fields.options import FieldOptions
from recommenders.tasks.crosses import design as design_module
from recommenders.tasks.crosses.bench import Bench, fit_encoder
from recommenders.tasks.crosses.binning import Binning, better_half, find_cuts
from recommenders.tasks.crosses.design import Encoder, cross_member
from recommenders.tasks.crosses.logistic import LARGEST_DECAY, adapt, fit, fresh_weights
from recommenders.tasks.crosses.minimising import Precision
from recommenders.tasks.crosses.plan import CrossPlan
from tests.strategies import law

DATA = split_fields("planted", planted_fields(500), FieldOptions(), 0)
CROSSES = tuple(Cross.parse(text) for text in ("colour x shape", "day x size x weight/q10"))
PLAN = CrossPlan(levels=2, keep="all")
CONVERGED = Precision(1_000, 1e-13)
NUMBERS = st.lists(
    st.sampled_from([0.0, 1.0, 2.5, 1e300, -1e300, np.inf, -np.inf, np.nan]) | st.floats(-5, 5), min_size=1, max_size=60
)


def bench(threads=1):
    cores = Cores(threads)
    rows = DATA.rows("train", "stop")
    return Bench(DATA, fit_encoder(DATA, PLAN, cores), rows, DATA.parts["train"].stop, cores)


@law
@given(NUMBERS, NUMBERS, st.sampled_from(["w", "q", "wq"]))
def test_every_cut_is_one_of_the_finest(train, others, spacings):
    column = FieldColumn("one", np.array(train + others))
    cuts = find_cuts(column, slice(0, len(train)), spacings, 3)
    if not cuts:
        assert len({one for one in train if np.isfinite(one)}) <= 1 or 1e300 in np.abs(train)
        return
    binning = Binning(cuts)
    codes = binning.codes(column.values)
    assert codes.max() < binning.n_codes
    for feature, edges in cuts.items():
        assert (np.diff(edges) > 0).all()
        assert 1 <= len(edges) < feature.bins
        expected = np.where(np.isnan(column.values), 0, 1 + np.searchsorted(edges, column.values, side="right"))
        assert binning.coarser(feature)[codes].tolist() == expected.tolist()
        inside = np.unique(expected[: len(train)][np.isfinite(train)])
        assert inside.tolist() == list(range(1, len(edges) + 2))  # no bin without a training row


def test_quantiles_have_as_many_rows_each_and_widths_are_equal():
    column = FieldColumn("one", np.arange(1000.0) ** 2)
    cuts = find_cuts(column, slice(0, 1000), "wq", 1)
    widths, quantiles = (cuts[Feature("one", spacing, 10)] for spacing in "wq")
    np.testing.assert_allclose(np.diff(widths), (999.0**2) / 10)
    assert quantiles.tolist() == [(100.0 * k) ** 2 for k in range(1, 10)]


def test_the_better_half_is_rounded_up_and_stays_in_order():
    cuts = [Feature("one", "q", n) for n in (10, 100, 1000)]
    assert better_half(dict(zip(cuts, (1.0, 3.0, 2.0), strict=True))) == cuts[1:]
    assert better_half({cuts[0]: 1.0}) == cuts[:1]


def one_hot(design):
    """The rows as a dense matrix."""
    blocks = [np.eye(one.size + 1)[one.bucket_of[one.rows.codes]][:, : one.size] for one in design.members]
    return torch.tensor(np.concatenate(blocks, axis=1))


def test_losses_and_gradients_are_those_of_a_dense_logistic_regression():
    made = bench()
    logistic = made.logistic(CROSSES)
    design, rng = logistic.design, np.random.default_rng(0)
    x, decays = rng.normal(size=design.n_weights + 1), rng.random(design.n_weights + 1)
    w, matrix = torch.tensor(x, requires_grad=True), one_hot(design)
    logit = matrix @ w[:-1] + w[-1]
    y = torch.tensor(design.label[: design.n_fit]).double()
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logit[: design.n_fit], y, reduction="sum")
    loss = loss + 0.5 * (torch.tensor(decays) * w.square()).sum()
    (expected,) = torch.autograd.grad(loss, w)
    found, gradient = logistic.loss(x, decays)
    assert found == pytest.approx(float(loss.detach()), rel=1e-12)
    np.testing.assert_allclose(gradient, expected.numpy(), rtol=0, atol=1e-9)
    weights = fresh_weights(design, 1.0)._replace(weights=x[:-1], bias=float(x[-1]))
    np.testing.assert_allclose(logistic.scores(weights), logit.detach().numpy(), rtol=0, atol=1e-9)
    chance = torch.sigmoid(logit.detach()[: design.n_fit])
    curved = (chance * (1 - chance)) @ matrix[: design.n_fit]
    np.testing.assert_allclose(logistic.curvature()[:-1], curved.numpy(), rtol=0, atol=1e-9)


@pytest.mark.parametrize("decay", [0.01, 3.0])
def test_trainings_end_where_the_gradient_does(decay):
    logistic = bench().logistic(CROSSES)
    found = fit(logistic, fresh_weights(logistic.design, decay), CONVERGED)
    decays = np.append(np.full(len(found.weights), decay), 0.0)
    loss, gradient = logistic.loss(np.append(found.weights, found.bias), decays)
    assert loss == pytest.approx(found.loss)
    assert np.abs(gradient).max() < 1e-3
    assert found.iterations < CONVERGED.iterations


def test_threads_change_no_bit(monkeypatch):
    monkeypatch.setattr("recommenders.tasks.crosses.logistic._BLOCK", 64)
    fits = []
    for threads in (1, 3):
        logistic = bench(threads).logistic(CROSSES)
        fits.append(adapt(logistic, fresh_weights(logistic.design, 3.0), 3, Precision(20, 0.0)))
    one, other = fits
    assert np.array_equal(one.weights, other.weights)
    assert np.array_equal(one.decays, other.decays)
    assert (one.bias, one.loss) == (other.bias, other.loss)


def test_a_member_that_means_nothing_is_held_back_and_one_that_means_something_is_not():
    logistic = bench().logistic((Cross.parse("colour x shape x size"), Cross.parse("place x day")))
    found = adapt(logistic, fresh_weights(logistic.design, 3.0), 8, Precision(200, 1e-9))
    decays = {str(one.cross): decay for one, decay in zip(logistic.design.members, found.decays, strict=True)}
    assert decays["colour x shape x size"] < 2
    assert decays["day x place"] > 10
    assert max(decays.values()) <= LARGEST_DECAY


def test_combinations_are_told_apart_by_keys_mixed_keys_and_buckets(monkeypatch):
    made = bench()
    cross, n_fit = Cross.parse("colour x place x weight/q10"), made.n_fit
    plain = made.member(cross)
    triples = np.stack([made.encoder.bucket_of(one)[made.codes[one.column].codes] for one in cross.features])
    known = {tuple(one): k for k, one in enumerate(np.unique(triples[:, :n_fit], axis=1).T.tolist())}
    assert plain.size == len(known)
    assert plain.rows.codes.tolist() == [known.get(tuple(one), plain.size) for one in triples.T.tolist()]
    monkeypatch.setattr(design_module, "_LARGEST_KEY", 10)
    assert made.encoder.is_mixed(cross)
    mixed = cross_member(cross, made.encoder, made.codes, n_fit)
    assert mixed.size == plain.size
    pairs = set(zip(mixed.rows.codes.tolist(), plain.rows.codes.tolist(), strict=True))
    assert len(pairs) == len(set(plain.rows.codes.tolist()))
    monkeypatch.setattr(design_module, "MOST_BUCKETS", 64)
    hashed = cross_member(cross, made.encoder, made.codes, n_fit)
    assert (hashed.size, hashed.keys) == (64, None)
    assert hashed.rows.codes.max() < 64
    same = {
        (a, b) for a, b in zip(plain.rows.codes.tolist(), hashed.rows.codes.tolist(), strict=True) if a < plain.size
    }
    assert len(same) == plain.size


def test_an_encoder_knows_its_columns():
    encoder = fit_encoder(DATA, CrossPlan(spacing="width", levels=1), Cores(1))
    assert [str(one) for one in encoder.features()] == ["colour", "shape", "size", "place", "day", "weight/w10"]
    assert isinstance(encoder, Encoder)
    assert encoder.size(Feature("weight", "w", 10)) == 11
