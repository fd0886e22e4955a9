"""The problem of weight decay: the contracts, what it refuses, how settings are chosen, and what is kept apart."""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest

from core.common.errors import UserError
from core.decays.rules import Law, Levels, Power
from core.decays.spaces import LawSpace, LevelSpace
from core.decays.treatment import Treatment
from core.search.effectiveness import EarlyStopping
from core.search.trial import Verdict
from core.testing.study_problem import StudyProblemContract
from recommenders.data.implicit import UserItems, cut_validation
from recommenders.data.implicit.synthetic import planted_items
from recommenders.tasks.decay.fitting import fit, fit_all, halves, result_of
from recommenders.tasks.decay.problem import DecayProblem
from recommenders.tasks.decay.schedule import decays_of
from recommenders.tasks.decay.training import DecayPlan, DecayTraining

SMALL = DecayPlan(
    dimensions=4,
    decays=(0.0, 0.01, 0.1),
    exponents=(-1.0,),
    rates=(0.001, 0.01),
    stopping=EarlyStopping(3, 3, 3),
    learning_rate=0.05,
    batch_size=64,
)
DATA = cut_validation(planted_items(40, 30, 3, 12), 0.3, 0)


def problem(seed=0, space=None, plan=SMALL, data=DATA, threads=1):
    return DecayProblem(data, space or LevelSpace(plan.decays, 2), plan, seed, threads)


class TestLevels(StudyProblemContract):
    def make(self, seed):
        return problem(seed)


class TestLaws(StudyProblemContract):
    n_drawn = 200

    def make(self, seed):
        return problem(seed, LawSpace(3))


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("n", None),
        ("e*n", None),
        ("n - n", Verdict.ZERO_GRADIENT),
        ("((((exp(exp(exp(n + 1)))^2)^2)^2)^2)", Verdict.NON_FINITE),
    ],
)
def test_what_is_not_worth_a_training_is_told_by_what_it_says(text, verdict):
    (found,) = problem(space=LawSpace(8)).examine([Law.parse(text)])
    assert found.verdict is verdict


def test_a_factor_or_a_sign_more_is_the_same_rule():
    made = problem(space=LawSpace(8))
    texts = ("n", "n + n", "-n", "n*n", "1", "1 + 1")
    verdicts = [one.verdict for one in made.examine([Law.parse(text) for text in texts])]
    assert verdicts == [None, Verdict.DUPLICATE, Verdict.DUPLICATE, None, None, Verdict.DUPLICATE]


@pytest.mark.parametrize(
    ("text", "trainings", "epochs"),
    [("fixed", 3, 3), ("frequency", 6, 3), ("0.1 0 | 0 0.1", 1, 3), ("n", 3, 3), ("DUI", 2, 3)],
)
def test_a_treatment_costs_all_its_trainings(text, trainings, epochs):
    (found,) = fit_all([Treatment.parse(text)], DATA, SMALL, 0)
    assert found.epochs == trainings * epochs
    assert found.passes == found.epochs * (2 if text == "DUI" else 1)


def test_the_best_settings_on_validation_are_taken():
    (found,) = fit_all([Treatment.parse("fixed")], DATA, SMALL, 0)
    each = [fit(Law.parse("1"), {"decay": decay}, DATA, SMALL, 0) for decay in SMALL.decays]
    best = max(each, key=lambda one: one.curve.best_score)
    assert found.chosen == best.chosen
    assert found.curve.best_score == best.curve.best_score
    np.testing.assert_array_equal(found.users, best.users)


def test_results_say_what_was_chosen():
    problem_ = problem()
    for name in ("fixed", "frequency", "DUI"):
        (found,) = fit_all([Treatment.parse(name)], DATA, SMALL, 0)
        assert problem_.result(found).chosen == dict(found.chosen) != {}


def test_a_relative_rule_has_the_asked_mean_over_namings():
    found = fit(Law.parse("n"), {"decay": 0.01}, DATA, SMALL, 0)
    often = DATA.train.counts, DATA.popularity()
    named = sum(float((n * own[:, 0]).sum()) for n, own in zip(often, found.decays, strict=True))
    assert named / sum(n.sum() for n in often) == pytest.approx(0.01, rel=1e-5)
    users = found.decays[0][:, 0]
    np.testing.assert_allclose(users / users[0], often[0] / often[0][0], rtol=1e-5)


@pytest.mark.parametrize("text", ["fixed", "e*n", "DUI", "DU-coded", "fixed-refit", "DUI-refit"])
def test_cores_and_neighbours_change_no_bit(text):
    treatment = Treatment.parse(text)
    (alone,) = fit_all([treatment], DATA, SMALL, 1)
    _, beside, _ = fit_all([Treatment.parse("n"), treatment, Treatment.parse("frequency")], DATA, SMALL, 1, threads=3)
    np.testing.assert_array_equal(alone.users, beside.users)
    np.testing.assert_array_equal(alone.items, beside.items)
    assert (alone.chosen, alone.epochs) == (beside.chosen, beside.epochs)


def test_the_test_part_decides_nothing():
    other = replace(DATA, test=UserItems.of_pairs(np.array([3]), np.array([_free_item(3)]), DATA.n_users))
    for text in ("fixed", "DUI", "DUI-refit"):
        one, two = (fit_all([Treatment.parse(text)], data, SMALL, 2)[0] for data in (DATA, other))
        np.testing.assert_array_equal(one.users, two.users)


def _free_item(user):
    taken = np.concatenate([DATA.part(name).of(user) for name in ("train", "validation", "test")])
    return next(i for i in range(DATA.n_items) if i not in taken)


def test_a_rule_learns_nothing_from_validation_and_learned_decays_do():
    """Which items are in the validation part changes what is chosen, but no training of a rule, only DUI's."""
    other = cut_validation(planted_items(40, 30, 3, 12), 0.3, 0)
    own = other.validation
    moved = replace(other, validation=own.take(np.arange(len(own)) % 2 == 0))
    rules = Law.parse("n"), Treatment.parse("DUI").rule
    for rule in rules:
        trainings = []
        for data in (DATA, moved):
            learning = halves(data, 0)[0] if rule is rules[1] else UserItems.empty(data.n_users)
            made = DecayTraining(decays_of(rule, data, SMALL), {"decay": 0.01, "rate": 0.01}, data, learning, SMALL, 0)
            assert all(made.epoch() for _ in range(3))
            trainings.append(made)
        same = [np.array_equal(*both) for both in zip(*(made.vectors for made in trainings), strict=True)]
        assert same == [rule is rules[0]] * 2
        assert np.array_equal(*(made.decays[0] for made in trainings)) == (rule is rules[0])


def test_powers_are_tried_beside_the_constant():
    (found,) = fit_all([Treatment.parse("frequency")], DATA, SMALL, 0)
    each = [
        fit(Power(exponent), {"exponent": exponent, "decay": decay}, DATA, SMALL, 0)
        for exponent in (-1.0, 0.0)
        for decay in SMALL.decays
    ]
    best = max(each, key=lambda one: one.curve.best_score)
    assert (found.chosen, found.curve.best_score) == (best.chosen, best.curve.best_score)
    np.testing.assert_array_equal(found.users, best.users)


def test_refitted_models_know_the_validation_part():
    plan = replace(SMALL, stopping=EarlyStopping(30, 30, 30))
    plain, refit = fit_all([Treatment.parse(text) for text in ("fixed", "fixed-refit")], DATA, plan, 0)
    assert dict(plain.validation) == dict(refit.validation)  # of before
    assert plain.chosen == refit.chosen
    assert refit.epochs == plain.epochs + plain.curve.best_epoch
    own = DATA.validation

    def mean(found):
        return float((found.users[own.users()] * found.items[own.items]).sum(1).mean())

    def usual(found):
        return float((found.users @ found.items.T).mean())

    assert mean(refit) - usual(refit) > mean(plain) - usual(plain)


def test_one_validation_item_each_is_too_few_to_learn_from_and_choose_by():
    few = cut_validation(planted_items(40, 30, 3, 12), 0.01, 0)
    with pytest.raises(UserError, match="expected users with two of them, got none; raise validation_share"):
        fit(Treatment.parse("DUI").rule, {"rate": 0.01}, few, SMALL, 0)


def test_no_validation_part_is_told():
    with pytest.raises(UserError, match="decays are chosen on validation, expected items in it, got none"):
        problem(data=planted_items(40, 30, 3, 12))


def test_trainings_that_break_down_have_no_result():
    plan = replace(SMALL, learning_rate=100.0, optimiser="sgd", init_std=100.0, decays=(10.0, 0.0), batch_size=1)
    (found,) = fit_all([Treatment.parse("10 10 | 10 10")], DATA, plan, 0)
    result = result_of(found, DATA, plan)
    assert not found.is_finite
    assert (result.best_epoch, result.validation, result.test) == (0, {}, {})


def test_known_ones_are_candidates_of_their_own_space_alone():
    levels, laws = problem(), problem(space=LawSpace())
    assert levels.simplified(Treatment.parse("fixed")) is None
    assert levels.simplified(Treatment(Levels.parse("0 0.1 | 0 0.1"))) == Levels.parse("0 0.1 | 0 0.1")
    assert laws.simplified(Treatment.parse("fixed")) == Law.parse("1")
    assert laws.simplified(Treatment.parse("fixed-refit")) is None
    with pytest.raises(
        UserError, match=r"unknown rule of decays 'fixd': expected one of D, .*\. Did you mean 'fixed'\?"
    ):
        levels.known("fixd")


def test_the_table_has_the_decay_of_every_user_and_item():
    made = problem(seed=3)
    table = list(csv.reader(io.StringIO(made.exports(Treatment(Levels.parse("0.1 0 | 0 0.01")))["decays.csv"])))
    assert table[0] == ["side", "id", "training_pairs", "decay"]
    assert len(table) == 1 + DATA.n_users + DATA.n_items
    for row in table[1:]:
        assert float(row[3]) in ((0.1, 0.0) if row[0] == "user" else (0.0, 0.01))
    assert [int(row[2]) for row in table[1 : 1 + DATA.n_users]] == DATA.train.counts.tolist()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"dimensions": 0}, "dimensions: expected 1 to 4,096, got 0"),
        ({"decays": ()}, "decays: expected different numbers from 0 to 10"),
        ({"decays": (0.1, 0.1)}, "decays: expected different numbers from 0 to 10"),
        ({"decays": (float("nan"),)}, "decays: expected different numbers from 0 to 10"),
        ({"rates": (0.0,)}, "rates: expected different numbers from 1e-09 to 10"),
        ({"exponents": (9.0,)}, "exponents: expected different numbers from -4 to 4"),
        ({"optimiser": "adams"}, "optimiser: expected adam or sgd, got 'adams'"),
        ({"learning_rate": float("inf")}, "learning_rate: expected a number above 0, at most 100, got inf"),
        ({"metrics": ("recall",)}, "metric: expected recall@k"),
    ],
)
def test_what_is_no_plan_gets_a_line(settings, told):
    with pytest.raises(UserError) as refused:
        DecayPlan(**settings)
    assert told in str(refused.value)
