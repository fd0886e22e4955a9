"""Tables of fields: what columns become, what is said of them, and what is refused in a line."""

import gzip

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from recommenders.data.columns import FIELD, Chunk, Column
from recommenders.data.fields import FieldOptions, load_fields, read_fields
from recommenders.data.fields import encoding as encoding_module
from recommenders.data.fields.column import BUCKETS, FIRST, MISSING, bucket
from tests.strategies import law

YES_NO = FieldOptions(target="bought")


@pytest.fixture
def table(tmp_path):
    """Write a file and read it."""

    def read(text, options=YES_NO, name="mine.csv"):
        file = tmp_path / name
        content = text if isinstance(text, bytes) else text.encode()
        file.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return read_fields([file], options)

    return read


def by_name(found):
    return {one.name: one for one in found.columns}


def texts(column):
    known = {MISSING: "", **{FIRST + k: one for k, one in enumerate(column.categories)}}
    return [known[code] for code in column.values.tolist()]


ROWS = "age,town,bought\n31,Rome,yes\n?,Oslo,no\n18.5,,no\n,Rome ,yes\n"


@pytest.mark.parametrize("name", ["mine.csv", "mine.csv.gz"])
def test_numbers_categories_and_missing_values_are_told_apart(table, name):
    found = table(ROWS, name=name)
    columns = by_name(found)
    assert {one: own.kind for one, own in columns.items()} == {"age": "number", "town": "category"}
    np.testing.assert_array_equal(columns["age"].values, [31, np.nan, 18.5, np.nan])
    assert texts(columns["town"]) == ["Rome", "Oslo", "", "Rome"]
    assert columns["town"].values.dtype == np.uint16
    assert (found.label.tolist(), found.target, found.classes) == ([1, 0, 0, 1], "bought", ("no", "yes"))
    assert "target bought: yes is predicted, against no" in found.notes


def test_numbers_that_are_names_are_categories_where_they_are_named(table):
    found = table(ROWS, FieldOptions(target="3", categorical=("age",)))
    assert texts(by_name(found)["age"]) == ["31", "?", "18.5", ""]
    assert list(by_name(table(ROWS, FieldOptions(target="bought", leave_out=("age",))))) == ["town"]


def test_parquet_and_frames_give_what_text_gives(table, tmp_path):
    frame = pd.DataFrame(
        {
            "age": [31, np.nan, 18.5, np.nan],
            "town": pd.Categorical(["Rome", "Oslo", None, "Rome"]),
            "since": pd.to_datetime(["1970-01-02", None, "1970-01-03", "1970-01-02"]),
            "member": [True, False, False, True],
            "bought": [1, 0, 0, 1],
        }
    )
    frame.to_parquet(tmp_path / "mine.parquet")
    for source in (frame, tmp_path / "mine.parquet"):
        found = by_name(read_fields([source], YES_NO))
        np.testing.assert_array_equal(found["age"].values, [31, np.nan, 18.5, np.nan])
        np.testing.assert_array_equal(found["since"].values, [86400, np.nan, 2 * 86400, 86400])
        assert found["member"].values.tolist() == [1, 0, 0, 1]
        assert texts(found["town"]) == ["Rome", "Oslo", "", "Rome"]


@law
@given(st.lists(st.sampled_from(["1", "2.5", "-3e2", "", "?", "nan", "x", "007", " 4"]), min_size=1, max_size=30))
def test_a_column_of_text_has_numbers_if_all_its_cells_are_numbers_or_missing(cells):
    frame = pd.DataFrame({"one": pd.Series(cells, dtype="string"), "bought": [k % 2 for k in range(len(cells))]})
    if len(cells) < 2:
        return
    (found,) = read_fields([frame], YES_NO).columns
    missing = {"", "?", "nan"}
    assert found.is_number == ("x" not in cells and not set(cells) <= missing)
    if found.is_number:
        expected = [np.nan if one in missing else float(one) for one in cells]
        np.testing.assert_array_equal(found.values, expected)
    else:
        assert texts(found) == [one.strip() for one in cells]


def test_a_great_many_numbers_become_numbers_before_the_end(table, monkeypatch):
    monkeypatch.setattr(encoding_module, "_SURELY_NUMBERS", 5)
    rows = "".join(f"{k}.5,{k % 2}\n" for k in range(20))
    (found,) = table("one,bought\n" + rows).columns
    assert found.values.tolist() == [k + 0.5 for k in range(20)]
    monkeypatch.setattr(encoding_module, "_SURELY_NUMBERS", 1)
    encoder = encoding_module.ColumnEncoder("one", 0)
    first, second = (
        Chunk("t", "row", range(row, row + 2), {f"{FIELD}0": Column(pa.array(cells))})
        for row, cells in ((1, ["1", "2"]), (3, ["?", "x"]))
    )
    encoder.add(first)
    told = "t row 4: column 'one': a number expected, as in all rows before, got 'x'; name it in categorical"
    with pytest.raises(UserError, match=told):
        encoder.add(second)


def test_too_many_categories_are_hashed_and_equal_ones_stay_equal(table, monkeypatch):
    monkeypatch.setattr(encoding_module, "MOST_CATEGORIES", 3)
    rows = "".join(f"v{k % 7},{k % 2}\n" for k in range(21))
    (found,) = table("one,bought\n" + rows).columns
    assert (found.kind, found.n_codes) == ("hashed", FIRST + BUCKETS)
    assert found.values.tolist() == [FIRST + bucket(f"v{k % 7}") for k in range(21)]
    assert found.values.dtype == np.uint32


def test_rows_without_a_target_are_left_out(table):
    found = table(ROWS + "40,Oslo,\n")
    assert len(found) == 4
    assert "1 row without a target left out" in found.notes[0]


@pytest.mark.parametrize(
    ("values", "options", "classes"),
    [
        ("01", {}, ("0", "1")),
        (("no", "yes"), {}, ("no", "yes")),
        (("good", "good", "bad"), {}, ("good", "bad")),
        (("good", "good", "bad"), {"positive": "good"}, ("bad", "good")),
        (("a", "b", "c"), {"positive": "c"}, ("another value", "c")),
    ],
)
def test_the_class_that_is_predicted_is_said_or_guessed(table, values, options, classes):
    rows = "".join(f"{k},{value}\n" for k, value in enumerate(values))
    found = table("one,bought\n" + rows, FieldOptions(target="bought", **options))
    assert found.classes == classes
    assert found.label.tolist() == [int(value == classes[1]) for value in values]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "expected rows, got an empty table"),
        ("a,bought\n", "expected rows, got an empty table"),
        (b"a,bought\n1\0,0\n2,1\n", "line 2: expected utf-8 text, got a zero byte"),
        ("a,bought\n1,0\n2,1,3\n", "expected rows of 2 cells, got more|got 3"),
        ("a,a,bought\n1,2,0\n", "expected every column once, got 'a' twice; rename one"),
        ("a,b\n1,0\n", "target 'bought': no such column; got a, b; give one of these or"),
        ("a,bought\n1,0\n2,0\n", "target 'bought': expected two values, got 1: 0"),
        ("a,bought\n1,x\n2,y\n3,z\n", "expected two values, got 3: x, y, z; name another column"),
        ('{"a": 1}', "expected a table, got JSON"),
    ],
)
def test_hostile_tables_get_a_line(table, text, told):
    with pytest.raises(UserError, match=told):
        table(text)


def test_cells_that_are_not_there_are_missing(table):
    found = by_name(table("bought,b,c\n1,x\n0\n"))
    assert [one.values.tolist() for one in found.values()] == [[FIRST, MISSING], [MISSING, MISSING]]


def test_names_that_are_not_there_get_a_line(table):
    for setting in ("categorical", "leave_out"):
        with pytest.raises(UserError, match=f"{setting} 'nowhere': no such column"):
            table(ROWS, FieldOptions(target="bought", **{setting: ("nowhere",)}))
    with pytest.raises(UserError, match="positive 'maybe': the target has no such value; got yes, no"):
        table(ROWS, FieldOptions(target="bought", positive="maybe"))
    with pytest.raises(UserError, match="expected columns beside the target"):
        table("bought,b\n1,0\n0,1\n", FieldOptions(target="bought", leave_out=("b",)))


def test_a_target_has_two_values_and_a_known_name_decides_between_several(table):
    def guessed(head, *rows, **options):
        found = table(f"{head}\n" + "\n".join(rows), FieldOptions(**options))
        return found.target, found.notes

    many = [f"{k},{'yn'[k % 2]},{k % 2},{k % 3}" for k in range(12)]
    target, notes = guessed("income,bought,sex,age", *many)
    assert target == "bought"
    assert notes[:2] == ("target bought: y is predicted, against n", "income has more than two values")
    assert guessed("age,income,sex,n", *many)[0] == "income"
    assert guessed("sex,label,bought,n", *many)[0] == "label"
    target, notes = guessed("one,two,n", *(f"{k},{'ab'[k % 2]},{k % 3}" for k in range(12)))
    assert (target, notes[1]) == ("two", "target two is the only column of two values; target=NAME names another")
    assert guessed("income,one,two,n", *many, positive="7")[0] == "income"
    assert guessed("income,one,two,n", *many, leave_out=("two",))[0] == "one"
    with pytest.raises(UserError, match=r"target recognised; got one, two with two values; name it with target$"):
        guessed("income,one,two,n", *many)
    with pytest.raises(UserError, match="target 'income': expected two values, got 12"):
        guessed("income,n", *(f"{k},{k % 3}" for k in range(12)))
    told = "got column 1, column 2, column 3; name it with target; line 1 is taken for a row: a, b, c"
    with pytest.raises(UserError, match=told):
        guessed("a,b,c", *(f"{'aef'[k % 3]},{k},{k % 3}" for k in range(12)))


@pytest.mark.parametrize("name", ["inf", "nan", "-inf", "NaN", "?", "null", ""])
def test_a_column_may_be_called_what_its_cells_are(table, name):
    rows = "".join(f"{'' if not name and k % 2 else name if k % 3 else 'x'},{k},{k % 2}\n" for k in range(12))
    found = table(f"{name},n,bought\n" + rows, FieldOptions())
    assert [one.name for one in found.columns] == [name or "column 1", "n"]
    assert len(found) == 12


@pytest.mark.parametrize("shift", [0, 2**53, 2**60])
def test_whole_numbers_that_floats_do_not_hold_are_warned_of(table, shift):
    rows = [[k + shift, k % 2] for k in range(8)]
    text = "big,y\n" + "".join(f"{big},{y}\n" for big, y in rows)
    for found in (table(text, FieldOptions()), read_fields([pd.DataFrame(rows, columns=["big", "y"])], FieldOptions())):
        warned = [note for note in found.notes if "big has whole numbers beyond 2^53, which are rounded" in note]
        assert bool(warned) == bool(shift)
        assert (len(set(found.columns[0].values.tolist())) < 8) == bool(shift)
    (named,) = table(text, FieldOptions(categorical=("big",))).columns
    assert len(named.categories) == 8


def test_large_measures_are_no_whole_numbers(table):
    assert not any("2^53" in note for note in table("a,y\n1e300,0\n0.5,1\n", FieldOptions()).notes)


def test_columns_are_named_by_position_too(table):
    found = by_name(table(ROWS, FieldOptions(target="3", categorical=("1",), leave_out=("2",))))
    assert {name: one.kind for name, one in found.items()} == {"age": "category"}
    with pytest.raises(UserError, match="leave_out 'bought': it is the target; name another column"):
        table(ROWS, FieldOptions(target="bought", leave_out=("3",)))


def test_what_is_left_out_may_have_any_type():
    frame = pd.DataFrame({"nest": [[1, 2], [3]], "a": [1.0, 2.0], "y": [0, 1]})
    with pytest.raises(UserError, match=r"column .nest.: numbers or text expected, got list.*leave it out"):
        read_fields([frame], FieldOptions())
    assert list(by_name(read_fields([frame], FieldOptions(leave_out=("nest",))))) == ["a"]


def test_a_table_is_described_and_leaks_are_said_aloud(tmp_path):
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=400)
    frame = pd.DataFrame(
        {
            "number": rng.normal(size=400),
            "same": ["always"] * 400,
            "copy": np.where(y == 1, "won", "lost"),
            "as number": y * 3.0,
            "id": [f"row {k}" for k in range(400)],
            "town": rng.choice(["Rome", "Oslo"], size=400),
            "y": y,
        }
    )
    frame.to_csv(tmp_path / "leaky.csv", index=False)
    data = load_fields("table", tmp_path / "leaky.csv")
    told = "\n".join(data.lines())
    assert told.startswith("Data leaky: 400 rows of 5 columns, ")
    assert "2 columns of numbers: number, as number" in told
    assert "3 columns of categories: copy (2), id (400), town (2)" in told
    assert "left out, since all rows are alike: same" in told
    for name in ("copy", "as number"):
        assert f"warning: {name} tells the target by itself" in told
    assert "warning: id has a value of its own in most rows" in told
    assert "town tells" not in told
    assert "number tells" not in told.replace("as number tells", "")
    assert data.described()["parts"] == {name: rows.stop - rows.start for name, rows in data.parts.items()}
