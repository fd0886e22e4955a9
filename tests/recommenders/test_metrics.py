from fractions import Fraction

import numpy as np
import pytest
import sklearn.metrics as sk
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from recommenders.tasks.metrics import (
    METRICS,
    TASKS,
    accuracy,
    auc,
    best_threshold,
    f1,
    find_metric,
    mae,
    metrics_of,
    report,
    rmse,
)
from tests.strategies import examples

EVALUATE = tuple(metric.evaluate for metric in METRICS.values())
laws = examples(60, 400)


@st.composite
def predictions(draw):
    """y_hat [K, n] with many ties, and labels of both classes."""
    k, n = draw(st.integers(1, 3)), draw(st.integers(2, 25))
    y = [0, 1, *draw(st.lists(st.integers(0, 1), min_size=n - 2, max_size=n - 2))]
    grid = draw(st.sampled_from([2, 5, 1000]))
    y_hat = draw(st.lists(st.integers(0, grid), min_size=k * n, max_size=k * n))
    order = draw(st.permutations(range(n)))
    return torch.tensor(y_hat).view(k, n) / grid, torch.tensor(y)[list(order)].float()


def assert_agree(values, expected):
    assert values.tolist() == pytest.approx(expected, abs=1e-6)


@laws
@given(predictions())
def test_auc_is_scikit_learns_with_ties(drawn):
    y_hat, y = drawn
    assert_agree(auc(y_hat, y), [sk.roc_auc_score(y, row) for row in y_hat])


@laws
@given(predictions())
def test_rmse_and_mae_are_scikit_learns(drawn):
    y_hat, y = drawn
    assert_agree(rmse(y_hat, y), [sk.root_mean_squared_error(y, row) for row in y_hat])
    assert_agree(mae(y_hat, y), [sk.mean_absolute_error(y, row) for row in y_hat])


@laws
@given(predictions(), st.lists(st.floats(-0.25, 1.25, width=32), min_size=3, max_size=3))
def test_f1_and_accuracy_at_a_threshold_are_scikit_learns(drawn, thresholds):
    y_hat, y = drawn
    at = torch.tensor(thresholds)[: len(y_hat)]
    predicted = [(row >= t).float() for row, t in zip(y_hat, at, strict=True)]
    assert_agree(f1(y_hat, y, at), [sk.f1_score(y, row, zero_division=0.0) for row in predicted])
    assert_agree(accuracy(y_hat, y, at), [sk.accuracy_score(y, row) for row in predicted])


@laws
@given(predictions())
def test_the_best_threshold_is_the_largest_of_those_that_maximise_f1(drawn):
    y_hat, y = drawn
    for row, found in zip(y_hat.tolist(), best_threshold(y_hat, y).tolist(), strict=True):
        scores = {}
        for threshold in set(row):
            predicted = [value >= threshold for value in row]
            hits = sum(label > 0.5 for label, p in zip(y.tolist(), predicted, strict=True) if p)
            scores[threshold] = Fraction(2 * hits, sum(predicted) + int(y.sum()))
        assert found == max(scores, key=lambda t: (scores[t], t))


@laws
@given(predictions())
def test_f1_and_accuracy_are_taken_at_the_best_threshold_unless_one_is_given(drawn):
    y_hat, y = drawn
    best = best_threshold(y_hat, y)
    assert torch.equal(f1(y_hat, y), f1(y_hat, y, best))
    assert torch.equal(accuracy(y_hat, y), accuracy(y_hat, y, best))


@laws
@given(predictions(), st.sampled_from(EVALUATE))
def test_rows_are_measured_one_by_one(drawn, evaluate):
    y_hat, y = drawn
    assert evaluate(y_hat, y).tolist() == [evaluate(row[None], y).item() for row in y_hat]


@laws
@given(predictions(), st.sampled_from(EVALUATE), st.sampled_from([np.nan, np.inf, -np.inf]), st.data())
def test_a_prediction_that_is_not_finite_makes_its_own_row_nan(drawn, evaluate, bad, data):
    y_hat, y = drawn
    clean = evaluate(y_hat, y)
    row = data.draw(st.integers(0, len(y_hat) - 1))
    y_hat[row, data.draw(st.integers(0, len(y) - 1))] = bad
    broken = evaluate(y_hat, y)
    others = torch.arange(len(y_hat)) != row
    assert broken[row].isnan()
    assert torch.equal(broken[others], clean[others])


def test_nothing_predicted_and_nothing_found_is_an_f1_of_zero():
    assert f1(torch.tensor([[0.1, 0.2]]), torch.tensor([1.0, 0.0]), torch.tensor([0.5])).tolist() == [0.0]


def test_a_perfect_order_has_auc_one_and_a_constant_one_half():
    y = torch.tensor([0.0, 1.0, 0.0, 1.0])
    assert_agree(auc(torch.tensor([[0.1, 0.9, 0.2, 0.8], [0.9, 0.1, 0.8, 0.2], [0.5] * 4]), y), [1.0, 0.0, 0.5])


@laws
@given(predictions(), st.sampled_from(list(METRICS.values())))
def test_scores_grow_with_quality_and_give_the_value_back(drawn, metric):
    y_hat, y = drawn
    best = metric.score(y[None], y).item()
    for score, value in zip(metric.score(y_hat, y).tolist(), metric.evaluate(y_hat, y).tolist(), strict=True):
        assert score <= best + 1e-12
        assert metric.value(score) == value
        assert metric.score_of(value) == score


@pytest.mark.parametrize(("task", "default"), [("classification", "auc"), ("regression", "rmse")])
def test_without_a_name_the_tasks_first_metric_is_meant(task, default):
    assert find_metric(task, None).name == default == metrics_of(task)[0].name


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_is_found_in_its_own_task_only(name):
    own = METRICS[name].task
    assert find_metric(own, name) is METRICS[name]
    for other in set(TASKS) - {own}:
        with pytest.raises(UserError, match=f"unknown metric of {other} '{name}'"):
            find_metric(other, name)


def test_an_unknown_metric_or_task_is_refused_with_the_nearest_name():
    with pytest.raises(UserError, match="Did you mean 'accuracy'"):
        find_metric("classification", "acuracy")
    with pytest.raises(UserError, match="Did you mean 'regression'"):
        find_metric("regresion", None)


@laws
@given(predictions(), st.floats(0, 1, width=32))
def test_the_report_of_classification_uses_the_threshold_given(drawn, at):
    y_hat, y = drawn
    threshold = torch.full((len(y_hat),), at)
    assert report("classification", y_hat, y, threshold) == {
        "auc": auc(y_hat, y).tolist(),
        "f1": f1(y_hat, y, threshold).tolist(),
        "accuracy": accuracy(y_hat, y, threshold).tolist(),
    }


def test_the_report_of_regression_needs_no_threshold():
    y_hat, y = torch.tensor([[0.2, 0.6]]), torch.tensor([0.0, 1.0])
    values = report("regression", y_hat, y, torch.tensor([torch.nan]))
    assert values == {"rmse": [pytest.approx(0.1**0.5)], "mae": [pytest.approx(0.3)]}
