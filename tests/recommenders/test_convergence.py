import math
from dataclasses import replace

import pytest
import torch

from core.common.errors import UserError
from core.programs.space import OperatorSpace
from core.search.effectiveness import EarlyStopping
from core.testing.evaluator import loss
from recommenders.data.synthetic import planted
from recommenders.models.mf import MF
from recommenders.models.mlp import MLP
from recommenders.tasks.convergence import BatchedRun, LossConvergence, TrainingResult
from recommenders.tasks.losses import make_loss
from studies.storage.checkpoints import pack, unpack
from tests.recommenders.problems import fit_losses, make_task, task_that_takes

BCE, MSE, FOCAL = (make_loss(name, OperatorSpace()) for name in ("BCE", "MSE", "focal"))
NAN = loss("(y_hat/y)*y", 0.0)  # 0/0 at y = 0
RECOMMENDERS = [MF(embedding_size=4, init_std=0.3), MLP(embedding_size=3, hidden_sizes=(5,), init_std=0.3)]
OVERFITTING = {"learning_rate": 2.0, "weight_decay": 0.0, "batch_size": 8}


def fit(losses, epochs=6, recommender=None, seed=0, early_stopping=None, **settings):
    task = make_task(recommender, **settings)
    return fit_losses(task, losses, seed, early_stopping or EarlyStopping(max_epochs=epochs))


def same(one: TrainingResult, other: TrainingResult) -> bool:
    return (
        (one.epochs, one.best_epoch) == (other.epochs, other.best_epoch)
        and one.validation == pytest.approx(other.validation, abs=1e-6)
        and one.test == pytest.approx(other.test, abs=1e-6)
    )


@pytest.mark.parametrize("recommender", RECOMMENDERS)
def test_the_metrics_are_those_of_the_best_validation_epoch(recommender):
    (long,) = fit([BCE], epochs=25, recommender=recommender, **OVERFITTING)
    assert 0 < long.best_epoch < long.epochs == 25
    (stopped_there,) = fit([BCE], epochs=long.best_epoch, recommender=recommender, **OVERFITTING)
    assert stopped_there.best_epoch == stopped_there.epochs == long.best_epoch
    assert (stopped_there.validation, stopped_there.test) == (long.validation, long.test)


def test_the_metrics_are_those_of_the_weights_kept():
    task = make_task(**OVERFITTING)
    batched = BatchedRun(task, [BCE, MSE], seed=0, sgd=[task.settings.sgd] * 2)
    for _ in range(2):
        batched.train_epoch()
    batched.keep_best([1])
    kept = {name: weight.clone() for name, weight in batched.best[1].items()}
    batched.train_epoch()
    assert set(batched.best) == {1}
    assert all(torch.equal(batched.best[1][name], kept[name]) for name in kept)  # later epochs do not move them
    (_, fitted) = fit([BCE, MSE], epochs=2, **OVERFITTING)
    assert fitted.best_epoch == 2
    assert task.report(kept, "validation") == (fitted.validation, fitted.test)


def test_the_best_score_is_the_metric_reported():
    task, seen = make_task(**OVERFITTING), []
    fitted = fit_losses(
        task,
        [BCE, MSE],
        0,
        EarlyStopping(max_epochs=5),
        on_epoch=lambda progress: seen.append([(p.epochs, p.best_score) for p in progress]),
    )
    assert [[epochs for epochs, _ in row] for row in seen] == [[n, n] for n in range(1, 6)]
    assert [f.validation["auc"] for f in fitted] == [best for _, best in seen[-1]]


def test_scores_of_an_epoch_are_those_of_its_copies():
    task = make_task()
    batched = BatchedRun(task, [BCE, MSE], seed=0, sgd=[task.settings.sgd] * 2)
    scores = batched.train_epoch()
    batched.keep_best([0, 1])
    assert [task.scores(batched.best[i])[0] for i in range(2)] == pytest.approx(list(scores))


def test_every_epoch_has_batches_of_its_own_from_one_seed(monkeypatch):
    task, calls = make_task(), []
    train = task.trainer.train_and_predict
    monkeypatch.setattr(task.trainer, "train_and_predict", lambda *a: (calls.append(a[2:4]), train(*a))[1])
    for seed in (0, 1):
        fit_losses(task, [BCE], seed, EarlyStopping(max_epochs=3))
    assert [epoch for _, epoch in calls] == [0, 1, 2] * 2
    assert [seed for seed, _ in calls] == [calls[0][0]] * 3 + [calls[3][0]] * 3
    assert calls[0][0] != calls[3][0]


@pytest.mark.parametrize("recommender", RECOMMENDERS)
def test_a_loss_of_nan_ends_without_metrics_and_does_not_hurt_the_others(recommender):
    first, broken, last = fit([BCE, NAN, MSE], recommender=recommender)
    assert replace(broken, curve=()) == TrainingResult(epochs=1, best_epoch=0, validation={}, test={})
    assert [math.isnan(score) for score in broken.curve] == [True]
    assert same(first, fit([BCE], recommender=recommender)[0])
    assert same(last, fit([MSE], recommender=recommender)[0])


@pytest.mark.parametrize("recommender", RECOMMENDERS)
def test_a_loss_fits_as_it_does_alone_though_others_retire(recommender):
    early_stopping = EarlyStopping(max_epochs=30, best_ago=3, falling=2)
    losses = [BCE, NAN, MSE, FOCAL, loss("y_hat"), loss("-((y_hat + -y)^2)")]
    together = fit(losses, recommender=recommender, early_stopping=early_stopping, **OVERFITTING)
    assert len({f.epochs for f in together}) > 2  # they do leave at different times
    for one, fitted in zip(losses, together, strict=True):
        assert same(fitted, fit([one], recommender=recommender, early_stopping=early_stopping, **OVERFITTING)[0])


def test_every_loss_goes_down_its_own_way():
    task = make_task()
    own = replace(task.settings.sgd, learning_rate=0.3, weight_decay=0.01, clip=1e-3)
    other = make_task(learning_rate=0.3, weight_decay=0.01, clip=1e-3)
    early_stopping = EarlyStopping(max_epochs=4)
    both = LossConvergence(task, [BCE, BCE], 0, early_stopping, sgd=[task.settings.sgd, own])
    for _ in both:
        pass
    assert both.fitted == [*fit_losses(task, [BCE], 0, early_stopping), *fit_losses(other, [BCE], 0, early_stopping)]
    assert both.fitted[0] != both.fitted[1]
    with pytest.raises(ValueError, match="expected 2 settings of SGD, one for each loss, got 1"):
        LossConvergence(task, [BCE, BCE], 0, early_stopping, sgd=[own])


def test_the_same_seed_gives_the_same_result_and_another_one_another():
    assert fit([BCE, MSE], seed=3) == fit([BCE, MSE], seed=3)
    assert fit([BCE, MSE], seed=3) != fit([BCE, MSE], seed=4)


def test_retiring_moves_the_others_up_in_order():
    task = make_task()
    batched = BatchedRun(task, [BCE, MSE, FOCAL], seed=0, sgd=[task.settings.sgd] * 3)
    alone = BatchedRun(task, [MSE], seed=0, sgd=[task.settings.sgd])
    batched.train_epoch()
    alone.train_epoch()
    batched.retire([0, 2])
    assert list(batched.train_epoch()) == pytest.approx(list(alone.train_epoch()))
    batched.keep_best([0])
    assert set(batched.best) == {1}


def test_fitting_uses_the_weight_decay_of_the_effectiveness_test():
    def rmse(**decays):
        settings = {"metric": "rmse", "learning_rate": 0.5, "batch_size": 8, "search_weight_decay": 0.0}
        (fitted,) = fit([loss("y^2")], 3, MF(embedding_size=4, init_std=1.0), **(settings | decays))
        return fitted.validation["rmse"]

    assert rmse(weight_decay=0.5) == pytest.approx(0.5, abs=1e-3)  # no gradient: all decays to y_hat = 1/2
    assert rmse(weight_decay=0.0) > 0.51
    assert rmse(weight_decay=0.0, search_weight_decay=0.5) == rmse(weight_decay=0.0)


@pytest.mark.parametrize(("metric", "names"), [("accuracy", {"auc", "f1", "accuracy"}), ("mae", {"rmse", "mae"})])
def test_every_metric_of_the_task_is_reported_on_both_parts(metric, names):
    (fitted,) = fit([BCE], metric=metric)
    assert set(fitted.validation) == set(fitted.test) == names


def test_a_threshold_chosen_on_the_test_part_makes_its_f1_no_smaller():
    task = make_task()
    ours, theirs = (fit_losses(task, [BCE], 0, EarlyStopping(max_epochs=4), t)[0] for t in ("validation", "test"))
    assert theirs.test["f1"] >= ours.test["f1"]
    assert theirs.validation["f1"] <= ours.validation["f1"]
    assert (theirs.test["auc"], theirs.validation["auc"]) == (ours.test["auc"], ours.validation["auc"])


def test_what_is_planted_is_learned():
    task = make_task(
        MF(init_std=0.1), planted(), dtype=torch.float32, learning_rate=0.5, weight_decay=3e-4, batch_size=32
    )
    (fitted,) = fit_losses(task, [BCE], 0, EarlyStopping(max_epochs=60))
    assert fitted.test["auc"] > 0.93  # 0.951 when written; the noise leaves no more than about 0.96
    assert fitted.validation["auc"] > 0.9


@pytest.mark.parametrize("together", [None, 1, 3])
def test_training_goes_on_from_any_epoch_as_if_it_had_never_ended(together):
    early_stopping = EarlyStopping(max_epochs=9, best_ago=2, falling=1)
    losses = [make_loss(name, OperatorSpace()) for name in ("BCE", "MaxR", "MSE", "-(y - y_hat)^2")]

    def begin():
        task = task_that_takes(together)
        return LossConvergence(task, losses, 3, early_stopping)

    whole, states = begin(), []
    for _ in whole:
        states.append(pack(whole.state_dict()))
    assert len({fitted.epochs for fitted in whole.fitted}) > 1
    for state in states:
        resumed = begin()
        resumed.load_state_dict(unpack(state))
        epochs = [[one.epochs for one in progress] for progress in resumed]
        assert resumed.fitted == whole.fitted
        assert len(epochs) == len(states) - 1 - states.index(state)


def test_a_state_of_other_losses_is_refused():
    loss = make_loss("BCE", OperatorSpace())
    fitting = LossConvergence(make_task(), [loss], 0, EarlyStopping(max_epochs=3))
    next(iter(fitting))
    state = fitting.state_dict()
    with pytest.raises(UserError, match="expected 2 losses, got 1"):
        LossConvergence(make_task(), [loss] * 2, 0, EarlyStopping()).load_state_dict(state)
    with pytest.raises(UserError, match=r"stored parameters: expected .*user_embedding"):
        LossConvergence(make_task(MF(embedding_size=3)), [loss], 0, EarlyStopping()).load_state_dict(state)


@pytest.mark.parametrize("together", [None, 1, 2])
def test_the_recommender_that_is_kept_is_the_one_whose_metrics_are_told(together):
    task = task_that_takes(together)
    fitting = LossConvergence(task, [BCE, MSE, FOCAL], 0, EarlyStopping(max_epochs=4), keep=1)
    assert fitting.kept is None
    for _ in fitting:
        pass
    assert task.report(fitting.kept, "validation") == (fitting.fitted[1].validation, fitting.fitted[1].test)


def test_a_kept_recommender_is_part_of_the_state():
    def begin():
        return LossConvergence(task_that_takes(1), [BCE, MSE], 0, EarlyStopping(max_epochs=3), keep=0)

    fitting, state = begin(), None
    for _ in fitting:
        state = pack(fitting.state_dict()) if len(fitting.fitted) == 1 else state
    resumed = begin()
    resumed.load_state_dict(unpack(state))
    assert all(torch.equal(weight, fitting.kept[name]) for name, weight in resumed.kept.items())


def test_the_recommender_of_a_loss_that_broke_down_is_not_kept():
    fitting = LossConvergence(make_task(), [NAN], 0, EarlyStopping(max_epochs=3), keep=0)
    assert [len(progress) for progress in fitting] == [1]
    assert fitting.kept is None


def test_curves_have_a_score_for_every_epoch():
    (fitted,) = fit([BCE], early_stopping=EarlyStopping(max_epochs=4))
    assert len(fitted.curve) == fitted.epochs
    assert max(fitted.curve) == fitted.curve[fitted.best_epoch - 1] == fitted.validation["auc"]
