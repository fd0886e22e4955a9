"""Crosses that nobody misses."""

from dataclasses import replace

import numpy as np
import pytest

from core.common.errors import UserError
from core.crosses.cross import Cross
from recommenders.data.fields import FieldOptions, planted_fields, split_fields
from recommenders.data.fields.synthetic import PLANTED
from recommenders.tasks.crosses.plan import CrossPlan
from recommenders.tasks.crosses.pruning import leave_out, pruned
from recommenders.tasks.crosses.search import CrossSearch

ONE, OTHER, NOISE = map(Cross.parse, ("a x b", "c x d", "e x f"))
RNG = np.random.default_rng(0)
LABEL = (RNG.random(2_000) < 0.5).astype(float)
PARTS = {one: size * (LABEL - 0.5) + 0.1 * RNG.normal(size=2_000) for one, size in ((ONE, 1), (OTHER, 0.5), (NOISE, 0))}


def scores_of(crosses):
    return sum((PARTS[one] for one in crosses), np.zeros(len(LABEL)))


def test_each_cross_is_worth_what_is_lost_without_it():
    one, other, noise = leave_out([ONE, OTHER, NOISE], scores_of, LABEL)
    assert one.log_loss > other.log_loss > 10 * other.error
    assert abs(noise.log_loss) < 4 * noise.error
    assert (one.cross, noise.cross) == (ONE, NOISE)
    assert one.auc >= other.auc >= 0
    assert leave_out([], scores_of, LABEL) == []


def test_what_rows_do_not_miss_is_left_out_and_the_order_of_the_rest_stays():
    given = (ONE, NOISE, OTHER)
    assert pruned(given, (NOISE, OTHER, ONE), scores_of, LABEL, 4.0) == (ONE, OTHER)
    assert pruned(given, given, scores_of, LABEL, 1e9) == ()
    twice = {**PARTS, NOISE: PARTS[ONE]}  # one of two that are the same goes, not both
    same = pruned(
        (ONE, NOISE),
        (NOISE, ONE),
        lambda crosses: next((twice[one] for one in crosses), np.zeros(len(LABEL))),
        LABEL,
        1.0,
    )
    assert same == (ONE,)


def test_a_search_prunes_what_chance_has_added_and_keeps_what_was_planted():
    data = split_fields("planted", planted_fields(3_000), FieldOptions(), 0)
    plan = CrossPlan(levels=1, most_crosses=6, tolerance=5.0)
    found = {}
    for least in (None, 1.0):
        search = CrossSearch(data, replace(plan, prune=least))
        for _ in search:
            pass
        found[least] = search
    whole, small = found[None].best, found[1.0].best
    assert set(small.crosses) < set(whole.crosses)
    assert Cross.parse(PLANTED) in small.crosses
    assert abs(small.score("stop", "expected") - whole.score("stop", "expected")) < 0.02
    assert found[1.0].model().crosses == small.crosses
    with pytest.raises(UserError, match="prune: expected a number from 0 to 100, or none, got -1"):
        CrossPlan(prune=-1.0)
