import math

import pytest
from scipy.stats import wilcoxon

from core.common.paired import signed_rank_p
from recommenders.tasks.metrics import METRICS
from studies.evaluation.outcome import compare_with

AUC, RMSE = METRICS["auc"], METRICS["rmse"]
GOOD = [0.80 + 0.001 * i for i in range(10)]
BAD = [0.79 - 0.002 * i for i in range(10)]
NOISY = [0.80 + 0.01 * (-1) ** i + 0.0001 * i for i in range(10)]


def compare(metric=AUC, **values):
    names = list(values)
    return {one.baseline: one for one in compare_with(names[0], names[1:], metric, values)}


def test_ten_seeds_that_agree_are_enough_beside_four_baselines():
    found = compare(ours=GOOD, a=BAD, b=BAD, c=BAD, d=BAD)
    assert all(one.verdict == "better" for one in found.values())
    assert found["a"].p_value == wilcoxon([g - b for g, b in zip(GOOD, BAD, strict=True)]).pvalue == 2 / 2**10
    assert found["a"].p_holm == pytest.approx(4 * 2 / 2**10)
    assert found["a"].sentence == (
        "Over 10 paired seeds, ours is better than a: mean gain in test auc +0.0235, p = 0.0078 after Holm's "
        "correction."
    )


def test_a_metric_that_is_better_when_lower():
    found = compare(RMSE, ours=GOOD, theirs=BAD)
    assert found["theirs"].gain == pytest.approx(-0.0235)
    assert found["theirs"].verdict == "worse"


def test_what_is_not_shown_is_not_claimed():
    found = compare(ours=GOOD, theirs=NOISY)
    assert found["theirs"].verdict == "undecided"
    assert "no difference between ours and theirs is shown" in found["theirs"].sentence
    assert "few seeds" not in found["theirs"].sentence


def test_few_seeds_can_show_nothing_and_say_so():
    found = compare(ours=GOOD[:5], theirs=BAD[:5])
    assert found["theirs"].verdict == "undecided"
    assert "so few seeds can show none" in found["theirs"].sentence


def test_one_seed_is_one():
    assert compare(ours=GOOD[:1], theirs=BAD[:1])["theirs"].pairs == "1 paired seed"


def test_a_loss_that_broke_down_takes_no_part_in_the_correction():
    found = compare(ours=GOOD, a=BAD, b=[math.nan, *BAD[1:]])
    assert found["a"].p_holm == 2 / 2**10
    assert found["b"].p_value is found["b"].p_holm is None
    assert found["b"].verdict == "undecided"
    assert "cannot be compared" in found["b"].sentence


def test_equal_losses_are_not_told_apart():
    assert signed_rank_p([0.0, 0.0]) == 1.0
    assert compare(ours=GOOD, theirs=GOOD)["theirs"].verdict == "undecided"


def test_without_baselines_nothing_is_compared():
    assert compare(ours=GOOD) == {}
