import dataclasses

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.losses.setwise.margins import CCL, MML
from core.losses.setwise.pointwise import GBCE, SigmoidCE
from core.losses.setwise.set_loss import SetScores
from core.losses.setwise.softmax import BSL, SL, BSLBenchmark, BSLPaper, InfoNCE
from core.losses.setwise.surrogates import PSL, SLAtK
from tests.core.setwise import strategies as made
from tests.core.setwise.formulas import by_autograd, scores_of
from tests.strategies import examples, law

#: For laws that hold for every loss by itself.
few = examples(20, 200)


def assert_close(found, expected, relative=1e-10):
    """Equal to 1e-10 of what is large, and of 1 elsewhere."""
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        torch.testing.assert_close(one, other, rtol=relative, atol=relative)


def evaluated(loss, scores, **changes):
    return loss.evaluate(dataclasses.replace(scores, **changes))


@pytest.mark.parametrize("name", made.LOSSES)
@pytest.mark.parametrize("values", [made.dropped, made.large])
@few
@given(st.data())
def test_value_and_gradients_are_those_of_the_formula(values, name, data):
    loss, scores = data.draw(made.LOSSES[name]), data.draw(made.score_sets(values))
    assert_close(loss.evaluate(scores), by_autograd(loss, scores))


@pytest.mark.parametrize("name", made.LOSSES)
@few
@given(made.score_sets(made.large), st.data())
def test_float32_is_finite_for_large_scores(name, scores, data):
    single = SetScores(scores.positive.float(), scores.negatives.float(), scores.quantile.float(), scores.sampling_rate)
    found = data.draw(made.LOSSES[name]).evaluate(single)
    assert all(one.dtype == torch.float32 for one in found)
    assert all(one.isfinite().all() for one in found)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("loss", [MML(), SL(0.1), BSL(0.1, 1.25), InfoNCE(0.1), SigmoidCE(), PSL(), SLAtK()])
def test_other_float_types_agree_to_their_precision(loss, dtype):
    rows = [0.5, -0.25], [[0.75, -0.5, 1.0], [0.25, 0.875, 0.5]]
    found, exact = loss.evaluate(scores_of(*rows, dtype=dtype)), loss.evaluate(scores_of(*rows))
    rounding = 16 * torch.finfo(dtype).eps
    for one, other in zip(found, exact, strict=True):
        assert one.dtype == dtype
        torch.testing.assert_close(one.double(), other, rtol=rounding, atol=rounding * float(other.abs().max()))


@pytest.mark.parametrize("name", made.DIFFERENCES)
@few
@given(made.score_sets(made.sixteenths), st.integers(-100, 100), st.data())
def test_losses_of_differences_do_not_change_when_all_scores_do(name, scores, shift, data):
    loss = data.draw(made.LOSSES[name])
    moved = evaluated(loss, scores, positive=scores.positive + shift, negatives=scores.negatives + shift)
    assert all(map(torch.equal, moved, loss.evaluate(scores)))


@pytest.mark.parametrize("name", made.DIFFERENCES)
@few
@given(made.score_sets(), st.data())
def test_losses_of_differences_pull_as_strongly_as_they_push(name, scores, data):
    found = data.draw(made.LOSSES[name]).evaluate(scores)
    assert torch.allclose(found.positive, -found.negatives.sum(1), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", made.TOWARDS)
@few
@given(made.score_sets(made.cosines), st.data())
def test_positives_are_pulled_up_and_negatives_pushed_down(name, scores, data):
    found = data.draw(made.LOSSES[name]).evaluate(scores)
    assert (found.positive <= 0).all()
    assert (found.negatives >= 0).all()


@law
@given(made.losses, made.score_sets(), st.data())
def test_permuted_negatives_have_permuted_gradients(loss, scores, data):
    order = data.draw(st.permutations(range(scores.negatives.shape[1])))
    before = loss.evaluate(scores)
    found = evaluated(loss, scores, negatives=scores.negatives[:, order])
    assert_close(found, before._replace(negatives=before.negatives[:, order]))


@pytest.mark.parametrize("name", made.MEANS)
@few
@given(made.score_sets(), st.data())
def test_negatives_that_are_there_twice_share_their_gradient(name, scores, data):
    loss = data.draw(made.LOSSES[name].filter(lambda one: getattr(one, "reduction", "mean") == "mean"))
    before = loss.evaluate(scores)
    twice = evaluated(loss, scores, negatives=scores.negatives.repeat(1, 2))
    assert_close(twice, before._replace(negatives=before.negatives.repeat(1, 2) / 2))


@law
@given(made.losses, made.score_sets())
def test_rows_do_not_depend_on_each_other(loss, scores):
    alone = [
        SetScores(scores.positive[b : b + 1], scores.negatives[b : b + 1], scores.quantile[:1], scores.sampling_rate)
        for b in range(len(scores.positive))
    ]
    rows = [torch.cat(parts) for parts in zip(*map(loss.evaluate, alone), strict=True)]
    assert_close(loss.evaluate(scores), rows)


@law
@given(made.margins, made.weights, st.booleans(), made.score_sets())
def test_mml_with_one_margin_is_ccl(margin, weight, clamp, scores):
    one = MML((margin,), (1.0,), negative_weight=weight, clamp=clamp)
    assert_close(one.evaluate(scores), CCL(margin, weight, clamp).evaluate(scores), 1e-12)


@few
@given(st.data())
def test_negatives_up_to_the_threshold_need_not_be_known(data):
    name = data.draw(st.sampled_from(sorted(made.LOSSES)))
    loss, scores = data.draw(made.LOSSES[name]), data.draw(made.score_sets(made.dropped))
    if loss.threshold is None:
        assert name not in ("MML", "CCL", "contrastive")
        return
    found = loss.evaluate(scores)
    below = scores.negatives <= loss.threshold
    lowest = torch.where(below, -torch.inf, scores.negatives)
    for one, other in zip(found, loss.evaluate(dataclasses.replace(scores, negatives=lowest)), strict=True):
        assert torch.equal(one, other)
    assert not found.negatives[below].any()


@law
@given(made.margins, made.weights, made.score_sets())
def test_the_clamp_matters_where_a_positive_is_above_one_and_nowhere_else(margin, weight, scores):
    clamped, free = CCL(margin, weight).evaluate(scores), CCL(margin, weight, clamp=False).evaluate(scores)
    assert torch.equal(clamped.value != free.value, scores.positive > 1)
    assert torch.equal(clamped.positive != free.positive, scores.positive >= 1)
    assert torch.equal(clamped.negatives, free.negatives)


@law
@given(made.temperatures, made.temperatures, made.score_sets())
def test_balanced_versions_of_bsl_are_multiples_of_the_softmax_loss(temperature, other, scores):
    softmax = SL(temperature).evaluate(scores)
    assert_close(BSL(temperature, 1.0).evaluate(scores), softmax)
    assert_close(BSLPaper(temperature).evaluate(scores), [one * temperature for one in softmax])
    benchmark = BSLBenchmark(other, temperature).evaluate(scores)
    assert_close(benchmark, [one * temperature / other for one in softmax])


@law
@given(made.temperatures, st.sampled_from((1.0, 1.22, 2.0)), made.score_sets())
def test_the_exponent_of_bsl_is_push_by_pull(temperature, exponent, scores):
    found = BSL(temperature, exponent).evaluate(scores)
    assert torch.allclose(found.negatives.sum(1), -exponent * found.positive, rtol=1e-12, atol=0)


@law
@given(made.temperatures, made.score_sets())
def test_gbce_without_calibration_is_cross_entropy(temperature, scores):
    assert_close(
        GBCE(0.0, temperature).evaluate(scores),
        SigmoidCE(temperature, reduction="candidates").evaluate(scores),
    )


@law
@given(made.temperatures, made.score_sets())
def test_with_all_items_drawn_gbce_is_cross_entropy_however_calibrated(temperature, scores):
    every = dataclasses.replace(scores, sampling_rate=1.0)
    assert_close(GBCE(0.5, temperature).evaluate(every), GBCE(0.0, temperature).evaluate(every))


@law
@given(made.temperatures, made.score_sets())
def test_far_below_its_quantile_a_positive_counts_for_nothing_in_sl_at_k(temperature, scores):
    found = evaluated(SLAtK(temperature), scores, quantile=scores.positive + 1000)
    assert all(torch.equal(one, torch.zeros_like(one)) for one in found)
