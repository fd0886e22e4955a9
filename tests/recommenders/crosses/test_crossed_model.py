"""Models that leave the search: scores of new rows, states, and SQL in a real database."""

import json
import sqlite3
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from core.crosses.cross import Cross
from recommenders.backends.compiled.cores import Cores
from recommenders.data.fields import FieldOptions, planted_fields, read_rows, split_fields
from recommenders.data.fields.column import UNSEEN, FieldColumn
from recommenders.tasks.crosses import design as design_module
from recommenders.tasks.crosses import model as model_module
from recommenders.tasks.crosses import stored as stored_module
from recommenders.tasks.crosses.bench import Bench, fit_encoder
from recommenders.tasks.crosses.export import as_json, as_sql, from_json
from recommenders.tasks.crosses.model import CrossedModel
from recommenders.tasks.crosses.plan import CrossPlan
from recommenders.tasks.crosses.search import fit_crosses
from recommenders.tasks.crosses.stored import model_of, state_of
from recommenders.tasks.crosses.words import Words
from tests.strategies import law

DATA = split_fields("planted", planted_fields(1_500), FieldOptions(), 0)
CROSSES = tuple(map(Cross.parse, ("colour x shape x size", "day x weight/q10")))
PLAN = CrossPlan(levels=2, keep="all", refit=False)
CORES = Cores(1)
MODEL = fit_crosses(DATA, PLAN, CROSSES, fit_encoder(DATA, PLAN, CORES), CORES)
QUOTED = 'it\'s "so"'


def texts(column):
    return [None if code == 0 else column.categories[code - 2] for code in column.values.tolist()]


def frame_of(columns):
    return pd.DataFrame({one.name: one.values if one.is_number else texts(one) for one in columns})


def rows(frame):
    """The columns of a frame, as a table that was read by itself."""
    return read_rows(frame, MODEL.categorical)


def test_scores_are_those_of_the_training_whoever_reads_the_rows(monkeypatch):
    bench = Bench(DATA, MODEL.encoder, DATA.rows("train", "test"), DATA.parts["train"].stop, CORES)
    weights = bench.last(PLAN, CROSSES)
    expected = bench.logistic(CROSSES).scores(weights)
    np.testing.assert_allclose(MODEL.scores(DATA.columns), expected, rtol=0, atol=1e-12)
    monkeypatch.setattr(model_module, "_BLOCK", 100)
    shuffled = rows(frame_of(DATA.columns[::-1]).iloc[::-1])  # categories have other codes
    np.testing.assert_allclose(MODEL.scores(shuffled)[::-1], expected, rtol=0, atol=1e-12)
    chances = MODEL.probabilities(DATA.columns)
    np.testing.assert_allclose(chances, 1 / (1 + np.exp(-expected)))


def test_large_crosses_are_looked_up_among_known_combinations_and_hashed_ones_among_buckets(monkeypatch):
    expected = MODEL.scores(DATA.columns)
    monkeypatch.setattr(model_module, "_DENSE", 1)
    np.testing.assert_allclose(model_of(state_of(MODEL)).scores(DATA.columns), expected, atol=1e-12)
    monkeypatch.setattr(design_module, "MOST_BUCKETS", 16)
    monkeypatch.setattr(stored_module, "MOST_BUCKETS", 16)
    hashed = fit_crosses(DATA, PLAN, CROSSES, MODEL.encoder, CORES)
    assert {len(one.weights) for one in hashed.terms if one.keys is None and len(one.cross) > 1} == {16}
    again = from_json(as_json(hashed))
    assert np.array_equal(again.scores(DATA.columns), hashed.scores(DATA.columns))
    with pytest.raises(UserError, match="SQL: expected crosses of fewer combinations"):
        as_sql(hashed)


def test_values_never_seen_have_no_weight_and_missing_ones_have_their_own():
    frame = pd.DataFrame(
        {
            "colour": ["pink", "red", None],
            "shape": ["round"] * 3,
            "size": ["small"] * 3,
            "place": ["p0"] * 3,
            "day": ["mon"] * 3,
            "weight": [0.1, np.nan, 1e9],
        }
    )
    scores = MODEL.scores(rows(frame))
    assert np.isfinite(scores).all()
    assert len(set(scores.tolist())) == 3
    constant = MODEL.tables["colour"]
    assert constant[0] == constant[1] == 0  # no training row was without a colour


@law
@given(st.integers(0, 2**32 - 1))
def test_sql_gives_the_same_scores_in_a_database(seed):
    rng = np.random.default_rng(seed)
    frame = frame_of([one.taken(rng.integers(len(DATA.label), size=30)) for one in DATA.columns])
    frame.loc[0, "colour"], frame.loc[1, "day"], frame.loc[2, "weight"] = "never seen", None, np.nan
    edges = MODEL.encoder.binnings["weight"].edges
    frame.loc[3:9, "weight"] = edges[rng.integers(len(edges), size=7)]
    found = in_database(frame, as_sql(MODEL))
    np.testing.assert_allclose(found, MODEL.scores(rows(frame)), rtol=0, atol=1e-9)


def in_database(frame, expression):
    with sqlite3.connect(":memory:") as database:
        frame.to_sql("t", database, index=False)
        found = database.execute(f"SELECT {expression} FROM t ORDER BY rowid").fetchall()
    database.close()
    return [one for (one,) in found]


def test_sql_quotes_names_and_values():
    column = FieldColumn(QUOTED, np.array([2, 3] * 300, np.uint16), (QUOTED, "x' OR 1=1"))
    table = planted_fields(600)
    data = split_fields("x", replace(table, columns=(column, *table.columns[:1])), FieldOptions(), 0)
    crosses = (Cross.parse(f"{json.dumps(QUOTED)} x colour"),)
    model = fit_crosses(data, PLAN, crosses, fit_encoder(data, PLAN, CORES), CORES)
    frame = frame_of(data.columns)
    np.testing.assert_allclose(in_database(frame, as_sql(model)), model.scores(data.columns), rtol=0, atol=1e-9)
    with pytest.raises(UserError, match="without a zero"):
        as_sql(fitted_with(replace(column, categories=("a\0b", "c")), table))


def fitted_with(column, table):
    data = split_fields("x", replace(table, columns=(column,)), FieldOptions(), 0)
    return fit_crosses(data, PLAN, (), fit_encoder(data, PLAN, CORES), CORES)


def test_models_read_back_the_same_bits():
    again = from_json(as_json(MODEL))
    assert np.array_equal(again.scores(DATA.columns), MODEL.scores(DATA.columns))
    assert as_json(again) == as_json(MODEL)
    assert (again.target, again.classes, again.crosses) == (MODEL.target, MODEL.classes, CROSSES)


def test_buckets_are_those_of_the_training_in_words():
    buckets, words = MODEL.buckets(DATA.columns), Words(MODEL.encoder)
    for k, term in enumerate(MODEL.terms):
        train = buckets[DATA.parts["train"], k]
        assert np.array_equal(np.bincount(train, minlength=len(term.counts)), term.counts)
        told = words.of_cross(term.cross, np.flatnonzero(term.counts), term.keys)
        assert len(set(told)) == len(told)
    (colours,) = (k for k, one in enumerate(MODEL.terms) if str(one.cross) == "colour")
    values = next(one for one in DATA.columns if one.name == "colour")
    spoken = words.of_cross(MODEL.terms[colours].cross, buckets[:9, colours], None)
    assert spoken == [f"colour = {text}" for text in texts(values)[:9]]
    weight = next(one.values for one in DATA.columns if one.name == "weight")
    (crossed,) = (k for k, one in enumerate(MODEL.terms) if str(one.cross) == "day x weight/q10")
    low, high = MODEL.terms[crossed], MODEL.encoder.binnings["weight"].cuts[MODEL.terms[crossed].cross.features[1]]
    (said,) = words.of_cross(low.cross, buckets[np.nanargmin(weight) :][:1, crossed], low.keys)
    assert said.endswith(f" & weight/q10 < {high[0]:.3g}")


def test_a_weight_of_nothing_takes_no_place():
    terms = [replace(one, weights=one.weights * (one.counts > 20)) for one in MODEL.terms]
    model = CrossedModel(MODEL.encoder, terms, MODEL.bias, MODEL.target, MODEL.classes)
    state = json.loads(as_json(model))
    assert sum(len(one["weights"]) for one in state["terms"]) == sum(np.count_nonzero(one.weights) for one in terms)
    again = from_json(as_json(model))
    assert np.array_equal(again.scores(DATA.columns), model.scores(DATA.columns))
    assert as_sql(again) == as_sql(model)
    assert len(as_sql(model)) < len(as_sql(MODEL))


def test_a_model_explains_itself():
    first, *others = MODEL.explained()
    assert first.term == "colour x shape x size"
    assert first.n_weights <= 4 * 3 * 4
    assert first.spread > others[0].spread > 0
    added = MODEL.scores(DATA.columns)[DATA.parts["train"]].std()
    assert 0 < first.spread < 1.2 * added


def test_a_file_without_a_target_is_scored(tmp_path):
    frame = frame_of([one.taken(slice(0, 20)) for one in DATA.columns]).assign(weight=None, place=7)
    frame.to_csv(tmp_path / "new.csv", index=False)
    found = read_rows(tmp_path / "new.csv", MODEL.categorical)
    assert {one.name: one.kind for one in found if one.name in ("weight", "place")} == {
        "weight": "category",
        "place": "category",
    }
    np.testing.assert_array_equal(MODEL.scores(found), MODEL.scores(rows(frame)))


def broken(change):
    state = json.loads(as_json(MODEL))
    change(state)
    return json.dumps(state)


def _first_five(term, keys):
    term.update(keys=keys, weights=term["weights"][:5], counts=term["counts"][:5])


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[]",
        '{"form": "crossed model", "version": 1}',
        broken(lambda state: state.pop("bias")),
        broken(lambda state: state["terms"][0]["weights"].pop()),
        broken(lambda state: state["terms"][-1]["keys"].pop()),
        broken(lambda state: state["terms"][-1].update(keys=state["terms"][-1]["keys"][::-1])),
        broken(lambda state: state["terms"][-1]["keys"].__setitem__(-1, 2**40)),
        broken(lambda state: state["terms"][0]["places"].__setitem__(-1, 2**20)),
        broken(lambda state: state["terms"][0]["counts"].__setitem__(0, -1)),
        broken(lambda state: state["terms"][0].update(cross="nowhere")),
        broken(lambda state: state["terms"][0].update(cross="colour x __import__('os')")),
        broken(lambda state: state["columns"][0].update(name=["x"])),
        broken(lambda state: state["columns"].clear()),
        broken(lambda state: state["terms"].clear()),
        broken(lambda state: state["terms"][0]["weights"].__setitem__(0, "inf")),
        broken(lambda state: state.update(bias=float("nan"))),
        broken(lambda state: state["terms"][0].update(decay=float("inf"))),
        broken(lambda state: state["terms"][0].update(spread=float("nan"))),
        broken(lambda state: [cut["edges"].reverse() for one in state["columns"] for cut in one["cuts"]]),
        broken(lambda state: [cut["edges"].__setitem__(0, "nan") for one in state["columns"] for cut in one["cuts"]]),
        broken(lambda state: state["columns"].append(state["columns"][0])),
        broken(lambda state: state["terms"].append(state["terms"][0])),
        broken(lambda state: [one["categories"].append("red") for one in state["columns"] if one["name"] == "colour"]),
        broken(lambda state: [one["weights"].__setitem__(0, 1e308) for one in state["terms"]]),
        broken(lambda state: state["terms"][0]["weights"].__setitem__(0, 1e308)),
        broken(lambda state: state.update(bias=-1e308)),
        broken(lambda state: _first_five(state["terms"][-1], [0, 2**63 - 1, -(2**63), -1, 5])),
    ],
)
def test_what_is_no_model_is_refused_in_a_line(text):
    with pytest.raises(UserError, match="stored model: expected"):
        from_json(text)


def test_the_largest_edges_are_compared_without_a_warning():
    def widest(state):
        for one in state["columns"]:
            for cut in one["cuts"]:
                cut["edges"][0], cut["edges"][-1] = -1.7e308, 1.7e308

    np.testing.assert_array_equal(np.isfinite(from_json(broken(widest)).scores(DATA.columns)), True)


def test_a_small_file_does_not_take_all_memory(monkeypatch):
    monkeypatch.setattr(stored_module, "_MOST_SPREAD_OUT", 10)
    with pytest.raises(UserError, match="at most 10 buckets in all"):
        from_json(as_json(MODEL))


def test_rows_that_do_not_fit_are_refused_in_a_line():
    with pytest.raises(UserError, match="expected the column 'colour', got shape"):
        MODEL.scores(DATA.columns[1:2])
    swapped = [
        FieldColumn("weight", np.zeros(2, np.uint16), ("x",)),
        *(one.taken(slice(0, 2)) for one in DATA.columns[:-1]),
    ]
    with pytest.raises(UserError, match=r"column 'weight': expected numbers, as in the table .* got categories"):
        MODEL.scores(swapped)


def test_a_weight_of_unseen_values_is_not_said_in_sql():
    def tamper(state):
        crossed = next(one for one in state["terms"] if one["keys"] is not None)
        crossed.update(keys=[UNSEEN], weights=[1.0], counts=[0])

    with pytest.raises(UserError, match="SQL: expected weights of values that training rows had"):
        as_sql(from_json(broken(tamper)))
