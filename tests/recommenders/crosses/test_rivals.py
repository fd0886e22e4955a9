"""What crosses are compared with: each learns what was planted, is the same again, and takes whatever rows have."""

import numpy as np
import pytest

from core.common.errors import UserError
from core.crosses.tree import CrossSet
from recommenders.data.fields import FieldOptions, planted_fields, split_fields
from recommenders.data.fields.column import FIRST, UNSEEN, FieldColumn
from recommenders.data.fields.dataset import FieldData
from recommenders.data.fields.reading import FieldTable
from recommenders.tasks.crosses.plan import CrossPlan
from recommenders.tasks.crosses.problem import CrossProblem
from recommenders.tasks.crosses.rivals import tuned
from recommenders.tasks.crosses.rivals.registry import RIVALS, Rival
from recommenders.tasks.crosses.rivals.rival import columns_of, matrix_of
from tests.missing import uninstall

#: A setting of each that is quick, and by how much it is ahead of the regression without crosses on 3,000 rows.
QUICK = {
    "lightgbm": ({"num_leaves": 7, "learning_rate": 0.1}, (0.02, 0.2)),
    "catboost": ({"depth": 6, "learning_rate": 0.1, "one_hot_max_size": 10}, (0.1, 0.3)),
    "ebm": ({"interactions": 5, "learning_rate": 0.1, "smoothing_rounds": 0}, (0.005, 0.2)),
    "wide-deep": (
        {"size": 8, "width": 32, "layers": 1, "dropout": 0.0, "learning_rate": 3e-3, "decay": 0.0},
        (0.005, 0.2),
    ),
    "cmi": ({"prior": 10.0, "at_once": 4, "bins": 10}, (0.005, 0.2)),
}


def data(n=3_000):
    return split_fields("planted", planted_fields(n), FieldOptions(), 0)


def problem(n=3_000):
    return CrossProblem(data(n), CrossPlan(levels=2), 2, 3, 0, 1)


def test_there_is_a_setting_of_each():
    assert {name: [*setting] for name, (setting, _) in QUICK.items()} == {
        name: [one for one in kind.settings if one in QUICK[name][0]] for name, kind in RIVALS.items()
    }


@pytest.mark.parametrize("name", QUICK)
def test_each_finds_what_was_planted_and_the_same_again(name):
    own, (setting, (least, most)) = data(), QUICK[name]
    label, x = own.label[own.parts["test"]], matrix_of(own, own.parts["test"])
    (plain,) = (problem().result(one).test["auc"] for one in problem().fitted([CrossSet()], 0))
    made = RIVALS[name].make(own)
    tried = made.fit(setting, None, 3)
    assert all(one > 0 for one in tried.rounds)
    scores = [kind.fit(setting, tried.rounds, 3).score(x) for kind in (made, RIVALS[name].make(own))]
    np.testing.assert_array_equal(*scores)
    assert least < tuned.auc(scores[0], label) - plain < most
    assert tuned.auc(tried.score(x), label) == pytest.approx(tuned.auc(scores[0], label), abs=0.03)


def strange(n=400):
    """A table whose training part has one category in a column, no missing number and no third colour."""
    rng = np.random.default_rng(0)
    colour = rng.integers(2, size=n) + FIRST
    number = rng.normal(size=n)
    label = (rng.random(n) < 1 / (1 + np.exp(-2.0 * (colour - FIRST) - number))).astype(np.uint8)
    same = np.full(n, FIRST)
    rest = slice(n - 40, n)
    number[n - 40 : n - 20], colour[n - 20 : n - 10] = np.nan, FIRST + 2
    colour[n - 10 :], same[n - 5 :], label[rest] = UNSEEN, 0, np.arange(40) % 2
    columns = (
        FieldColumn("colour", colour.astype(np.uint16), ("red", "green", "blue")),
        FieldColumn("same", same.astype(np.uint16), ("one",)),
        FieldColumn("number", number),
    )
    ends = {"train": (0, 240), "choose": (240, 300), "stop": (300, 360), "test": (360, n)}
    parts = {name: slice(*own) for name, own in ends.items()}
    return FieldData("strange", columns, label, parts, "label", ("0", "1"), "made")


@pytest.mark.parametrize("name", QUICK)
def test_each_scores_missing_and_unseen_values_and_learns_beside_a_column_of_one_category(name):
    own, (setting, _) = strange(), QUICK[name]
    made = RIVALS[name].make(own)
    scores = made.fit(setting, None, 0).score(matrix_of(own, own.parts["test"]))
    assert scores.shape == (40,)
    assert np.isfinite(scores).all()
    part = own.parts["stop"]
    assert tuned.auc(np.asarray(made.fit(setting, None, 0).score(matrix_of(own, part))), own.label[part]) > 0.7


def test_the_best_of_the_settings_is_chosen_by_other_rows_than_end_a_training():
    made = problem()
    rival = made.known("lightgbm").variants[0].trained
    (found,) = made.fitted([rival], 0)
    (plain,) = (made.result(one) for one in made.fitted([CrossSet()], 0))
    assert made.result(found).test["auc"] > plain.test["auc"] + 0.02
    assert found.passes > tuned.TRIALS
    (again,) = made.fitted([rival], 5)
    assert again == found


def test_rows_are_columns_again():
    own = strange()
    for one, again in zip(own.columns, columns_of(own, matrix_of(own, slice(None))), strict=True):
        assert (one.name, one.categories) == (again.name, again.categories)
        np.testing.assert_array_equal(one.values, again.values)


@pytest.mark.parametrize("name", ["lightgbm", "catboost", "ebm"])
def test_rivals_that_are_not_installed_are_told(monkeypatch, name):
    (package,) = RIVALS[name].packages
    uninstall(monkeypatch, package)
    with pytest.raises(UserError, match=rf"--baseline {name}: needs {package}, .*pip install 'loss-search\[rivals\]'"):
        Rival(name)


def test_hashed_columns_get_a_line():
    hashed = FieldColumn("id", np.arange(400, dtype=np.uint32))
    table = FieldTable((hashed,), (np.arange(400) % 3 == 0).astype(np.uint8), "y", ("0", "1"))
    own = split_fields("x", table, FieldOptions(), 0)
    with pytest.raises(UserError, match="--baseline cmi: expected columns of fewer values"):
        tuned.fit_rival(Rival("cmi"), own, 0)
