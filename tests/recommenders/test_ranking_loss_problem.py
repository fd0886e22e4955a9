"""The problem of losses of rankings: its contract, constants that are tuned alike, screens, what is taken home."""

import dataclasses
import json
import math

import numpy as np
import pytest
import torch

from core.common.errors import UserError
from core.losses.setwise.registry import parse_ranking_loss
from core.losses.setwise.set_loss import SetScores
from core.programs.sets.space import ShapeSpace
from core.search.effectiveness import EarlyStopping
from core.search.surrogate import spread_points
from core.testing.study_problem import StudyProblemContract
from recommenders.backends.ranking.base import Recipe, VectorTask
from recommenders.common.machine import Machine
from recommenders.data.implicit import UserItems
from recommenders.data.implicit.samplers import parse_sampler
from recommenders.models.vectors.mf import VectorMF
from recommenders.tasks.ranking.loss_problem import RankingLossProblem
from recommenders.tasks.ranking.training import RankingPlan
from recommenders.tasks.ranking.tuning import RATE, ConstantTuner, OpenLoss, TuningPlan
from tests.recommenders.test_ranking_training import CPU, DATA, blocks

SMALL = Recipe(parse_sampler("shared:negatives=8"), batch_size=512)


def problem(seed=0, data=None, epochs=2, tuning=None, every=1, machine=CPU, **changes):
    task = VectorTask(VectorMF(embedding_size=4), DATA if data is None else data, SMALL)
    plan = RankingPlan(early_stopping=EarlyStopping(epochs, epochs, epochs), every=every, **changes)
    return RankingLossProblem(task, plan, machine, tuning or TuningPlan(3, 2), ShapeSpace(2), seed)


class TestRankingLosses(StudyProblemContract):
    starts_vary = False
    n_drawn, n_measured = 16, 2

    def make(self, seed):
        return problem(seed)


def test_a_third_of_the_epochs_for_all_settings_and_all_of_them_for_the_best_two():
    assert TuningPlan(12, 18).rounds == [(12, 6), (2, 18)]
    assert TuningPlan(20, 2).rounds == [(20, 1), (2, 2)]
    assert TuningPlan(2, 4).rounds == [(2, 4)]
    assert TuningPlan(1, 4).rounds == [(1, 4)]
    assert TuningPlan(12, 18).cost == 108
    for wrong in ({"settings": 0}, {"epochs": 0}):
        with pytest.raises(UserError, match="expected 1 to 100,000"):
            TuningPlan(**wrong)


def test_every_loss_costs_the_same():
    made = problem(tuning=TuningPlan(7, 3))
    shape = made.space.parse("softplus((m0 - p)/t0) + w1*mean(square(n - m1))")  # of its settings many are refused
    losses = [made.known(line).variants[0].trained for line in ("BSL", "BSL:temperature=.1", "mean(softplus(d))")]
    for loss in (*losses, OpenLoss(str(shape), shape)):
        assert made.tuned(loss).epochs == TuningPlan(7, 3).cost == 7 + 6


@pytest.mark.parametrize("backend", ["compiled", "torch"])
def test_the_number_of_cores_changes_nothing(backend):
    one, several = (problem(machine=dataclasses.replace(CPU, backend=backend, threads=n)) for n in (1, 3))
    shapes = one.space.decode(one.space.sample(3, np.random.default_rng(0)))
    assert [found.score for found in several.measure(shapes, 0)] == [found.score for found in one.measure(shapes, 0)]
    assert several.tuned_losses() == one.tuned_losses()
    assert several.measure([], 0) == []


def test_given_constants_stay_and_others_are_tuned():
    made = problem(blocks(), tuning=TuningPlan(6, 3))
    loss = made.known("BSL:temperature=.125").variants[0].trained
    assert set(loss.ranges) == {RATE, "exponent"}
    tuned = parse_ranking_loss(made.tuned(loss).line)
    assert tuned.temperature == 0.125
    formula = made.known("relu(1 - p) + w1*mean(relu(n - 0.5))").variants[0].trained
    assert set(formula.ranges) == {RATE, "w1.balance"}
    assert made.tuned(formula).line.endswith("*mean(relu(n - 0.5))")


@pytest.fixture
def scored(monkeypatch):
    """Tuning with a known score in place of a training; what was asked for, as values and epochs."""

    def score(tuner, loss, values, epochs, seed):
        asked.append((dict(values), epochs))
        away = [math.log(values["temperature"] / 0.3), math.log(values[RATE] / 0.03)]
        return math.nan if away[0] < -2 else -sum(one * one for one in away) - 0.1 / epochs

    asked = []
    monkeypatch.setattr(ConstantTuner, "score", score)
    return asked


def test_the_best_two_are_trained_anew_and_the_best_of_them_is_taken(scored):
    tuner = problem(tuning=TuningPlan(12, 9))._tuner
    found = tuner.tuned(OpenLoss("SL"))
    assert [epochs for _, epochs in scored] == [3] * 12 + [9] * 2
    first, last = [values for values, _ in scored[:12]], [values for values, _ in scored[12:]]
    scores = [tuner.score(None, values, 3, 0) for values in first]
    best = sorted(range(12), key=lambda k: -scores[k] if math.isfinite(scores[k]) else math.inf)
    assert last == [first[k] for k in best[:2]]
    assert found.line == f"SL:temperature={last[0]['temperature']:g}"
    assert found.learning_rate == last[0][RATE]
    assert found.score == tuner.score(None, last[0], 9, 0)


def test_settings_come_near_the_best_one(scored):
    errors = []
    for seed in range(10):
        found = problem(seed, tuning=TuningPlan(12, 9))._tuner.tuned(OpenLoss("SL"))
        errors.append(abs(math.log(parse_ranking_loss(found.line).temperature / 0.3)))
    assert np.median(errors) < 0.2  # the best of 12 that are drawn: 0.35


def test_what_is_tried_of_a_shape_passes_the_screen(scored):
    made = problem(tuning=TuningPlan(12, 1))
    shape = made.space.parse("softplus((m0 - p)/t0) + w1*mean(square(n - m1))")
    loss, tried = OpenLoss(str(shape), shape), []
    made._tuner.score = lambda loss, values, epochs, seed: tried.append(values) or len(tried)
    made.tuned(loss)
    assert len(tried) == 12 + 2
    assert all(made._passes(loss, one) for one in tried)
    drawn = [loss.values(point) for point in spread_points(len(loss.ranges), 50, 0)]
    assert not all(made._passes(loss, one) for one in drawn)


def test_a_loss_that_breaks_down_has_no_score_and_is_a_result_all_the_same():
    made = problem(tuning=TuningPlan(1, 1))
    loss = made.known("log(mean(d) - 3)").variants[0].trained
    assert math.isnan(made.tuned(loss).score)
    (result,) = made.convergence([loss], 0).run()
    assert (result.best_epoch, result.validation, result.test) == (0, {}, {})


def test_curves_have_a_score_for_every_epoch_though_only_some_are_evaluated():
    made = problem(epochs=5, every=2)
    loss = made.known("SL").variants[0].trained
    convergence = made.convergence([loss, loss], 0)
    seen = [[one.epochs for one in curves] for curves in convergence]
    assert seen == [[k, 0] for k in range(1, 6)] + [[5, k] for k in range(1, 6)]
    first, second = convergence.fitted
    assert first == second
    assert len(first.curve) == first.epochs == 5
    assert first.curve[0] == first.curve[1]
    assert first.curve[2] == first.curve[3]


def test_details_name_the_loss_with_its_constants_and_how_it_pushes():
    made = problem()
    details = made.details(made.known("SL").variants[0].trained)
    assert details["loss"].startswith("SL:temperature=")
    assert details["push_to_pull"] == pytest.approx([1, 1, 1])
    exponent = made.details(made.known("BSL:exponent=1.5:temperature=.2").variants[0].trained)
    assert exponent["push_to_pull"] == pytest.approx([1.5] * 3)
    assert made.details(made.known("SL@K:temperature=.2").variants[0].trained)["push_to_pull"] is None


def test_what_was_found_is_exported_with_its_constants():
    made = problem()
    shape = made.space.parse("relu(m0 - p) + w1*mean(relu(n - m1))")
    loss = OpenLoss(str(shape), shape)
    files = made.exports(loss)
    assert set(files) == set(made.export_names) == {"loss.py", "loss.tex", "loss.json"}
    line = made.tuned(loss).line
    assert json.loads(files["loss.json"])["formula"] == line
    assert line in files["loss.py"]


def test_data_without_a_validation_part_are_refused():
    data = blocks()
    without = dataclasses.replace(data, validation=UserItems.empty(data.n_users))
    with pytest.raises(UserError, match="expected items in the validation part"):
        problem(data=without)


def test_phase_one_may_see_some_of_the_users_and_the_end_sees_all():
    made = RankingLossProblem(
        VectorTask(VectorMF(embedding_size=4), DATA, SMALL),
        RankingPlan(early_stopping=EarlyStopping(2, 2, 2)),
        CPU,
        TuningPlan(2, 1),
        ShapeSpace(1),
        0,
        search_users=50,
    )
    some = made._searched.data
    assert (some.n_users, some.n_items, made.task.data.n_users) == (50, DATA.n_items, DATA.n_users)
    for user, name in enumerate(some.user_ids):
        (before,) = np.flatnonzero(DATA.user_ids == name)
        for part in ("train", "validation", "test"):
            assert some.part(part).of(user).tolist() == DATA.part(part).of(before).tolist()
    assert made.score() != problem().score()
    assert DATA.of_users(10**6, 0) is DATA


def test_a_formula_trains_alike_with_every_back_end():
    made = problem()
    text = made.tuned(made.known("t1*log_mean_exp(d/t1) + w2*mean(relu(n - m2))").variants[0].trained).line
    scores = []
    for name in ("compiled", "torch"):
        machine = Machine(torch.device("cpu"), backend=name)
        made = RankingLossProblem(made.task, made._plan, machine, TuningPlan(1, 2), made.space, 0)
        scores.append(made.tuned(OpenLoss(text)).score)
    assert scores[0] == pytest.approx(scores[1], abs=0.01)


def test_scores_of_the_screen_are_those_of_the_loss():
    made = problem()
    look = made._screen.look(parse_ranking_loss("SL:temperature=.2").expression)
    loss = parse_ranking_loss("mean(exp(d)) + 0*p")
    found = loss.evaluate(SetScores(torch.tensor([0.5]), torch.tensor([[0.2, 0.4]])))
    assert found.positive < 0
    assert look.verdict is None
    assert float((look.direction**2).sum()) == pytest.approx(1)
