"""Crossed features in scikit-learn: its own checks, pipelines, and models that come from files."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

import studies
from core.common.errors import UserError
from recommenders.data.fields.synthetic import PLANTED, planted_fields
from recommenders.tasks.crosses.export import from_json
from studies import CrossedClassifier, CrossedFeatures
from tests.missing import uninstall

TABLE = planted_fields(1_500)
FRAME = pd.DataFrame(
    {
        one.name: one.values if one.is_number else [(None, None, *one.categories)[code] for code in one.values]
        for one in TABLE.columns
    }
)
Y = pd.Series(np.where(TABLE.label, "yes", "no"), name="bought")
FEW = "has two rows of a class, where three are needed: one to learn from, and one for each half of validation"
#: Checks that cannot pass, and why.
EXPECTED = {
    **dict.fromkeys(
        (
            "check_dont_overwrite_parameters",
            "check_f_contiguous_array_estimator",
            "check_methods_sample_order_invariance",
            "check_methods_subset_invariance",
            "check_dict_unchanged",
            "check_fit2d_predict1d",
        ),
        FEW,
    ),
}


@pytest.fixture(scope="module")
def fitted():
    return CrossedClassifier(levels=1, most_crosses=2).fit(FRAME, Y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks(
    [CrossedClassifier(levels=1, most_crosses=2), CrossedFeatures(levels=1, most_crosses=2)],
    expected_failed_checks=lambda estimator: EXPECTED,
    xfail_strict=True,
)
def test_scikit_learn_takes_it_for_one_of_its_own(estimator, check):
    check(estimator)


@pytest.mark.parametrize("kind", [CrossedClassifier, CrossedFeatures])
def test_what_checks_ask_of_too_few_rows_holds_for_more(kind):
    X, y = np.random.default_rng(0).normal(size=(200, 3)), np.arange(200) % 2
    X[:, 0] += y
    made = kind(levels=1, most_crosses=1)
    before = made.get_params()
    made.fit(np.asfortranarray(X), y)
    assert made.get_params() == before
    if kind is CrossedFeatures:
        made.set_params(encode="ordinal")
    state, ask = set(made.__dict__), made.decision_function if kind is CrossedClassifier else made.transform
    found = ask(X)
    assert set(made.__dict__) == state
    np.testing.assert_array_equal(np.concatenate([ask(X[k : k + 1]) for k in range(30)]), found[:30])
    order = np.random.default_rng(1).permutation(200)
    np.testing.assert_array_equal(ask(X[order]), found[order])
    with pytest.raises(ValueError, match="Reshape your data"):
        ask(X[0])


def test_the_planted_cross_is_found_and_scores_are_those_of_the_model(fitted):
    assert PLANTED in fitted.crosses_
    assert fitted.classes_.tolist() == ["no", "yes"]
    chances = fitted.predict_proba(FRAME)
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    assert (fitted.predict(FRAME) == np.where(chances[:, 1] > 0.5, "yes", "no")).all()
    assert fitted.score(FRAME, Y) > CrossedClassifier(most_crosses=0).fit(FRAME, Y).score(FRAME, Y) + 0.05
    np.testing.assert_array_equal(fitted.decision_function(pl.from_pandas(FRAME)), fitted.decision_function(FRAME))


def test_a_model_from_a_file_gives_the_same_scores_to_the_bit(fitted, tmp_path):
    path = tmp_path / "crosses.json"
    path.write_text(fitted.to_json())
    expected = fitted.decision_function(FRAME)
    other_order = FRAME[FRAME.columns[::-1]].assign(bought=Y)
    for source in (path, str(path), fitted.to_json()):
        again = CrossedClassifier.from_json(source)
        assert np.array_equal(again.decision_function(other_order), expected)
        assert (again.predict(FRAME) == fitted.predict(FRAME)).all()
    assert np.array_equal(from_json(path.read_text()).scores(fitted.columns(FRAME)), expected)
    one, other = CrossedFeatures.from_json(path), CrossedFeatures(levels=1, most_crosses=2).fit(FRAME, Y)
    assert (one.transform(FRAME) != other.transform(FRAME)).nnz == 0
    assert one.get_feature_names_out().tolist() == other.get_feature_names_out().tolist()
    array = CrossedClassifier(most_crosses=1).fit(FRAME.to_numpy(), Y)
    again = CrossedClassifier.from_json(array.to_json())
    assert np.array_equal(again.decision_function(FRAME.to_numpy()), array.decision_function(FRAME.to_numpy()))


def test_files_that_are_none_are_refused_in_a_line(tmp_path):
    with pytest.raises(UserError, match=r"nowhere.json: expected a crosses.json, got No such file"):
        CrossedClassifier.from_json(tmp_path / "nowhere.json")
    with pytest.raises(UserError, match="stored model: expected"):
        CrossedClassifier.from_json("{}")


def test_it_survives_cloning_and_pickling(fitted):
    assert clone(fitted).get_params() == fitted.get_params()
    again = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(again.decision_function(FRAME), fitted.decision_function(FRAME))


def test_settings_are_chosen_in_a_grid_and_features_feed_a_pipeline():
    train, test, y_train, y_test = train_test_split(FRAME, Y, random_state=0)
    grid = GridSearchCV(CrossedClassifier(levels=1), {"most_crosses": [0, 2]}, cv=2).fit(train, y_train)
    assert grid.best_params_ == {"most_crosses": 2}
    scores = [
        make_pipeline(CrossedFeatures(levels=1, most_crosses=n), LogisticRegression(C=0.1))
        .fit(train, y_train)
        .score(test, y_test)
        for n in (0, 2)
    ]
    assert scores[1] > scores[0] + 0.05


def test_features_are_one_of_each_term_and_say_what_they_are():
    made = CrossedFeatures(levels=1, most_crosses=2).fit(FRAME, Y)
    found, names = made.transform(FRAME), made.get_feature_names_out()
    assert sparse.issparse(found)
    assert found.shape == (len(FRAME), len(names))
    assert len(set(names)) == len(names)
    assert (found.sum(axis=1) == len(made.model_.terms)).all()
    red = found[:, names.tolist().index("colour = red")].toarray().ravel() == 1
    assert (red == (FRAME["colour"] == "red")).all()
    dense = made.set_params(encode="onehot-dense").transform(FRAME)
    assert (dense == found.toarray()).all()
    made.set_params(encode="ordinal")
    codes, terms = made.transform(FRAME.assign(colour="never seen")), made.get_feature_names_out().tolist()
    assert terms[-1] == str(made.model_.terms[-1].cross)
    assert set(codes[:, terms.index("colour")]) == {-1}
    shown = made.set_output(transform="pandas").transform(FRAME.head())
    assert list(shown.columns) == terms


def test_categories_are_those_that_are_named_or_typed_so():
    frame = pd.DataFrame(
        {"code": np.arange(300) % 7, "kind": pd.Categorical(np.arange(300) % 3), "b": [True, False] * 150}
    )
    y = (frame["code"] == 3).astype(int)
    for categorical in (["code"], [0]):
        made = CrossedClassifier(categorical=categorical, most_crosses=1).fit(frame, y)
        assert made.model_.categorical >= {"code", "kind"}
        assert (made.predict(frame) == y).all()
    assert "code" not in CrossedClassifier(most_crosses=0).fit(frame, y).model_.categorical
    with pytest.raises(UserError, match="categorical: expected names or positions of columns, got 9"):
        CrossedClassifier(categorical=[9]).fit(frame, y)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"levels": 9}, "levels: expected 1 to 4, got 9"),
        ({"n_jobs": 0}, "n_jobs: expected a number of cores"),
        ({"validation_share": 2.0}, "validation_share: expected a share above 0 and below 1, got 2.0"),
        ({"most_features": None}, "most_features: expected a whole number, got None"),
        ({"spacing": ["w"]}, r"spacing: expected a name, got \['w'\]"),
        ({"spacing": "w"}, "spacing: expected both or width or quantiles, got 'w'"),
        ({"random_state": -1}, r"random_state: expected a whole number from 0 to 2\^32 - 1, got -1"),
        ({"categorical": "code"}, "categorical: expected a list of names or positions of columns, got 'code'"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_a_line(settings, told):
    with pytest.raises(UserError, match=told):
        CrossedClassifier(**settings).fit(FRAME, Y)
    with pytest.raises(UserError, match="encode: expected onehot or"):
        CrossedFeatures(encode="hot").fit(FRAME, Y)


_WORDS = st.text(max_size=3)
_OTHER = st.one_of(
    st.booleans(),
    st.binary(max_size=3),
    st.complex_numbers(),
    st.lists(st.floats(), min_size=1, max_size=2),
    st.dictionaries(_WORDS, st.floats(), min_size=1, max_size=2),
    st.just(object),
    st.just(np.zeros((2, 2))),
)
_BESIDE_NUMBERS = st.one_of(_WORDS, _OTHER)
_NOT_WHOLE = st.one_of(st.none(), st.floats(), _BESIDE_NUMBERS)
WRONG = {
    **dict.fromkeys(("most_crosses", "most_features", "levels", "patience"), _NOT_WHOLE),
    "spacing": st.one_of(st.none(), st.integers(), st.floats(), _BESIDE_NUMBERS),
    "prune": _BESIDE_NUMBERS,
    "validation_share": st.one_of(st.none(), _BESIDE_NUMBERS),
    "categorical": st.one_of(st.none(), st.integers(), st.floats(), _OTHER),
    "random_state": st.one_of(st.floats(), _BESIDE_NUMBERS),
    "n_jobs": st.one_of(st.floats(), _BESIDE_NUMBERS),
    "encode": st.one_of(st.none(), st.integers(), _BESIDE_NUMBERS),
}


@pytest.mark.parametrize("kind", [CrossedClassifier, CrossedFeatures])
@given(data=st.data())
def test_settings_of_another_type_are_refused_in_a_line_that_names_them(kind, data):
    made = kind()
    assert set(made.get_params()) <= set(WRONG)
    name = data.draw(st.sampled_from(sorted(made.get_params())))
    with pytest.raises(UserError) as told:
        made.set_params(**{name: data.draw(WRONG[name])}).fit(FRAME, Y)
    assert str(told.value).startswith(f"{name}: expected ")
    assert ", got " in str(told.value)
    assert "np." not in str(told.value)


def test_numbers_of_numpy_are_settings_and_messages_have_plain_ones():
    made = CrossedClassifier(most_crosses=np.int64(0), levels=np.int8(1), random_state=np.uint32(3)).fit(FRAME, Y)
    assert made.crosses_ == ()
    with pytest.raises(UserError, match=r"got one class: 1\.0; give rows of both"):
        CrossedClassifier().fit(FRAME, np.ones(len(FRAME)))
    with pytest.raises(UserError, match=r"validation_share: .*, got 2\.0$"):
        CrossedClassifier(validation_share=np.float64(2)).fit(FRAME, Y)


@pytest.mark.parametrize("kind", [CrossedClassifier, CrossedFeatures])
def test_tables_without_rows_or_columns_are_refused_in_a_line(kind, fitted):
    array = FRAME[["weight"]].assign(other=1.0)
    for frame, y in ((FRAME, Y), (array.to_numpy(), Y)):
        made = kind(levels=1, most_crosses=1).fit(frame, y)
        again = kind.from_json(made.to_json())
        for one in (made, again):
            ask = one.predict_proba if kind is CrossedClassifier else one.transform
            with pytest.raises(ValueError, match=r"minimum of 1 is required"):
                ask(frame[:0])
    with pytest.raises(UserError, match="X: expected one column or more, got 0 columns"):
        kind().fit(FRAME[[]], Y)


@pytest.mark.parametrize(
    "names", [["inf", "nan"], ["", " "], ["a\nb", "a;b"], ['q"x', "x"], ["/", "a/q10"], ["NaN", "None"], ["\0", "é"]]
)
def test_columns_may_be_called_anything_but_by_one_name(names):
    frame = FRAME[["colour", "weight"]].set_axis(names, axis=1)
    made = CrossedClassifier(levels=1, most_crosses=1).fit(frame, Y)
    again = CrossedClassifier.from_json(made.to_json())
    np.testing.assert_array_equal(again.predict_proba(frame), made.predict_proba(frame))
    with pytest.raises(UserError, match=r"X: expected every column once, got .* twice; rename one of them"):
        CrossedClassifier().fit(frame.set_axis(names[:1] * 2, axis=1), Y)


def test_names_that_are_not_those_of_the_table_are_refused(fitted):
    made = CrossedFeatures(most_crosses=0).fit(FRAME, Y)
    with pytest.raises(ValueError, match="input_features is not equal to feature_names_in_"):
        made.get_feature_names_out(list(FRAME.columns[::-1]))
    with pytest.raises(ValueError, match="The feature names should match"):
        fitted.predict(FRAME[FRAME.columns[::-1]])


def test_without_scikit_learn_a_line_says_how_to_get_it(monkeypatch):
    uninstall(monkeypatch, "sklearn")
    with pytest.raises(UserError, match=r"CrossedClassifier: needs sklearn, .* pip install 'loss-search\[sklearn\]'"):
        studies.CrossedClassifier  # noqa: B018
