import math

import numpy as np
import pytest
import sklearn.metrics as sk
import torch

from core.common.errors import UserError
from core.programs.space import OperatorSpace
from recommenders.data.dataset import Dataset
from recommenders.models.mf import MF
from recommenders.tasks.losses import make_loss
from recommenders.tasks.task import Pairs, TrainSettings
from tests.recommenders.problems import CPU, interactions, make_task


@pytest.mark.parametrize("name", ["learning_rate", "clip", "batch_size"])
@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf])
def test_settings_that_have_to_be_above_zero_are(name, value):
    with pytest.raises(UserError, match=f"{name}: expected a number above 0, got {value}"):
        TrainSettings(**{name: value})


@pytest.mark.parametrize("name", ["weight_decay", "search_weight_decay"])
@pytest.mark.parametrize("value", [-1e-9, 1.99, math.nan, math.inf])
def test_a_decay_is_at_least_zero_and_leaves_something_of_a_weight(name, value):
    with pytest.raises(UserError, match=rf"{name}: expected 0 to 1\.98 \(0\.99/learning_rate\), got {value}"):
        TrainSettings(learning_rate=0.5, **{name: value})
    assert TrainSettings(learning_rate=0.25, weight_decay=3.9).weight_decay == 3.9


def test_the_default_settings_are_valid():
    assert TrainSettings(weight_decay=0, search_weight_decay=0).clip == TrainSettings().clip


def test_pairs_are_the_interactions():
    pairs = Pairs.of(interactions([2, 0], [1, 5], [1, 0]), CPU)
    assert (pairs.user.tolist(), pairs.item.tolist(), pairs.label.tolist()) == ([2, 0], [1, 5], [1, 0])


def test_fresh_recommenders_fit_the_data_and_depend_on_the_seed():
    task = make_task()
    weights = task.initial(0)
    assert len(weights["user_bias"]) == task.dataset.n_users
    assert len(weights["item_bias"]) == task.dataset.n_items
    assert torch.equal(weights["user_bias"], task.initial(0)["user_bias"])
    assert not torch.equal(weights["user_bias"], task.initial(1)["user_bias"])


def test_model_copies_have_the_settings_of_the_task():
    task = make_task(learning_rate=0.25)
    models = task.model_copies(task.initial(0), 3, 0.125)
    assert models.learning_rate == (0.25,) * 3
    assert models.weight_decay == (0.125,) * 3
    assert models.weights["user_bias"].shape == (3, task.dataset.n_users)


def test_predictions_are_those_of_the_recommender():
    task = make_task()
    weights = task.model_copies(task.initial(0), 2, 0.0).weights
    part = task.dataset.validation
    logit = [
        (weights["user_embedding"][0, u] * weights["item_embedding"][0, i]).sum()
        + weights["user_bias"][0, u] + weights["item_bias"][0, i] + weights["global_bias"][0]
        for u, i in zip(part.user, part.item, strict=True)
    ]  # fmt: skip
    y_hat = task.predict(weights, task.validation)
    assert torch.allclose(y_hat, torch.sigmoid(torch.stack(logit)).expand(2, -1), rtol=1e-12)


def broken_and_fine(task):
    weights = task.model_copies(task.initial(0), 2, 0.0).weights
    weights["global_bias"][0] = torch.nan
    return weights


@pytest.mark.parametrize("metric", ["auc", "rmse"])
def test_scores_are_the_metric_on_validation_higher_is_better_and_nan_where_broken(metric):
    task = make_task(metric=metric)
    weights = broken_and_fine(task)
    broken, fine = task.scores(weights)
    y_hat, y = task.predict(weights, task.validation)[1], task.dataset.validation.label
    assert math.isnan(broken)
    assert fine == pytest.approx(
        sk.roc_auc_score(y, y_hat) if metric == "auc" else -sk.root_mean_squared_error(y, y_hat)
    )


@pytest.mark.parametrize("threshold_from", ["validation", "test"])
def test_the_report_takes_its_threshold_from_the_part_named(threshold_from):
    task = make_task()
    weights = task.model_copies(task.initial(0), 1, 0.0).weights
    parts = {name: getattr(task.dataset, name).label > 0.5 for name in ("validation", "test")}
    y_hats = {name: task.predict(weights, getattr(task, name))[0].numpy() for name in parts}
    best = max(
        np.unique(y_hats[threshold_from]),
        key=lambda t: (sk.f1_score(parts[threshold_from], y_hats[threshold_from] >= t), t),
    )
    reports = dict(zip(parts, task.report(weights, threshold_from), strict=True))
    for name, labels in parts.items():
        assert reports[name] == pytest.approx(
            {
                "auc": sk.roc_auc_score(labels, y_hats[name]),
                "f1": sk.f1_score(labels, y_hats[name] >= best),
                "accuracy": sk.accuracy_score(labels, y_hats[name] >= best),
            }
        )


def test_a_task_trains_on_the_training_part_alone():
    parts = [interactions([u, u + 1], [u, u + 1], [1, 0]) for u in (0, 2, 4)]
    task = make_task(MF(embedding_size=2), Dataset("x", *parts, np.arange(6), np.arange(6), "by hand"))
    models = task.model_copies(task.initial(0), 1, 0.0)
    losses = task.trainer.prepare([make_loss("BCE", OperatorSpace())])
    task.trainer.train_epoch(models, losses, seed=0)
    moved = (models.weights["user_bias"][0] != task.initial(0)["user_bias"].double()).tolist()
    assert moved == [True, True, False, False, False, False]
