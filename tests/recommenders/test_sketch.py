"""A sketch of items tells what scores are below a threshold, and nothing that is not."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.losses.setwise.registry import parse_set_loss
from recommenders.backends.ranking.base import Recipe, VectorTask
from recommenders.backends.ranking.compiled.rules import new_rule
from recommenders.backends.ranking.compiled.sketch import new_sketch, score_private, sketch_rows
from recommenders.backends.ranking.compiled.tables import find_travel, new_table, new_travel
from recommenders.backends.ranking.compiled.trainer import CompiledTrainer
from recommenders.backends.ranking.compiled.updates import begin, update
from recommenders.backends.ranking.optimisers import parse_optimiser
from recommenders.common.machine import Machine
from recommenders.data.implicit.samplers import parse_sampler
from recommenders.data.implicit.synthetic import planted_items
from recommenders.models.vectors.mf import VectorMF
from tests.strategies import examples

N, STEPS, LATER = 60, 5, 40
OPTIMISERS = ("adam", "adam:beta1=.5:epsilon=1e-3", "rowwise-adam", "sgd")


def trained_table(optimiser, dtype, dimensions, scale, rng):
    """A table after a few steps on some of its rows, the constants of the epoch, and how far rows have moved since."""
    made = parse_optimiser(optimiser)
    table = new_table((scale * rng.standard_normal((N, dimensions))).astype(dtype), made)
    rule, travel = new_rule(made, 0.1 * scale, 0, LATER, np.dtype(dtype)), new_travel(LATER, np.dtype(dtype))
    begin(table, rule)
    for step in range(1, STEPS + 1):
        numbers = rng.choice(N, 20, replace=False).astype(np.int32)
        gradient = (10.0 ** rng.uniform(-9, 2, (20, 1)) * rng.standard_normal((20, dimensions))).astype(dtype)
        now = table.rows[numbers, 0].copy()
        update(table, numbers, 0, 20, step, rule, now, gradient)
    find_travel(LATER, rule, travel)
    return table, rule, travel


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("optimiser", OPTIMISERS)
@examples(20, 300)
@given(
    seed=st.integers(0, 2**32 - 1),
    dimensions=st.sampled_from([1, 2, 7, 64]),
    scale=st.sampled_from([1e-4, 0.1, 30.0]),
    cosine=st.booleans(),
    threshold=st.floats(-1, 1),
    near=st.booleans(),
)
def test_what_is_left_out_is_below_the_threshold(dtype, optimiser, seed, dimensions, scale, cosine, threshold, near):
    rng = np.random.default_rng(seed)
    table, rule, travel = trained_table(optimiser, dtype, dimensions, scale, rng)
    users = rng.standard_normal((4, dimensions)).astype(dtype)
    items, positives = rng.integers(0, N, (4, 30)).astype(np.int32), np.zeros(4, dtype=np.int32)
    scores = {}
    for is_needed in (False, True):
        sketch, every = new_sketch(table, is_needed), np.arange(N if is_needed else 0, dtype=np.int32)
        sketch_rows(table, sketch, every, 0, len(every))
        found = np.empty(4, dtype), np.empty((4, 30), dtype)
        border = dtype(np.median(scores[False][1]) if near and scores else threshold)
        score_private(table, sketch, border, LATER, rule, travel, users, positives, items, cosine, found)
        scores[is_needed] = found
    exact, screened = scores[False][1], scores[True][1]
    left_out = np.isneginf(screened)
    tolerance = 1e-5 * np.abs(exact).max()
    assert (exact[left_out] <= border + tolerance).all()
    np.testing.assert_allclose(screened[~left_out], exact[~left_out], rtol=1e-4, atol=tolerance)
    np.testing.assert_array_equal(scores[True][0], scores[False][0])
    if border >= exact.max() + np.abs(exact).max() and not cosine:
        assert left_out.any()


@pytest.mark.parametrize("line", ["CCL:margin=.3", "relu(1 - p) + 150*mean(relu(n - 0.3))"])
def test_a_loss_with_margins_trains_the_same_whether_negatives_are_screened_or_not(monkeypatch, line):
    data = planted_items(n_users=50, n_items=80, mean_items=10)
    recipe = Recipe(parse_sampler("uniform:negatives=20"), parse_optimiser("adam"), batch_size=32)
    loss, tables = parse_set_loss(line), []
    for screened in (True, False):
        if not screened:
            monkeypatch.setattr(type(loss), "threshold", None)
        trainer = CompiledTrainer(VectorTask(VectorMF(embedding_size=9), data, recipe), Machine(torch.device("cpu")), 2)
        values = [trainer.train_epoch(loss, epoch, 0.02) for epoch in range(3)]
        tables.append((values, trainer.parameters()))
    assert tables[0][0] == pytest.approx(tables[1][0], rel=1e-6)
    for name, one in tables[0][1].items():
        np.testing.assert_allclose(one, tables[1][1][name], atol=1e-5)
