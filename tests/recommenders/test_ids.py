"""One id is one id, however a number is written, in reading as in predicting."""

from decimal import Decimal
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.common.errors import UserError
from recommenders.data import TableOptions, table_dataset
from recommenders.data.ids import id_text
from recommenders.data.summary import summarise

laws = settings(deadline=None, max_examples=200)
whole = st.integers(-(10**30), 10**30)


@laws
@given(whole, st.integers(0, 9))
def test_a_whole_number_is_its_digits_however_it_is_written(number, zeros):
    digits = str(number)
    assert id_text(number) == id_text(digits) == id_text(f"{digits}.{'0' * zeros}") == digits
    assert id_text(Decimal(f"{digits}.{'0' * zeros}")) == id_text(f" {digits} ") == digits


@laws
@given(st.floats(allow_nan=False, allow_infinity=False).map(float.__trunc__).filter(lambda n: abs(n) < 2**53))
def test_floats_are_the_whole_numbers_that_they_hold(number):
    for one in (float(number), np.float64(number), str(float(number)), pd.Series([number, None]).astype(str)[0]):
        assert id_text(one) == str(number)


@laws
@given(st.floats(2**53, 1e300))
def test_a_float_is_named_as_its_text_is(number):
    assert id_text(number) == id_text(str(number)) == id_text(np.float64(number))


@laws
@given(st.floats(width=32) | st.floats(-3, 3, width=16), st.sampled_from([np.float16, np.float32]))
def test_a_float_of_few_bits_is_the_shortest_decimal_that_it_is(number, kind):
    with np.errstate(over="ignore"):
        one = kind(number)
    if np.isfinite(one):
        text = id_text(one)
        assert kind(text) == one
        assert text == id_text(float(text))
        assert len(text.lstrip("-")) <= len(repr(float(one)).lstrip("-")) or text.endswith("0")
    else:
        assert id_text(one) == ""


@laws
@given(st.text(max_size=12) | st.text("0123456789.+-eE ", max_size=9))
def test_the_text_of_an_id_is_its_own_text(text):
    named = id_text(text)
    assert id_text(named) == named
    if named != text:
        assert Decimal(named) == Decimal(text.strip())
    else:
        assert not text.strip(" \t").isdecimal() or not text.isascii() or text[0] == "0" or text == str(int(text))


@pytest.mark.parametrize(
    "text",
    ["007", "00", "+5", "1e3", "12e5", "1.50", "1.10", "0x10", "1_000", "1,0", "٣", "- 1", "-007", "7.0.0", ".0"],
)
def test_texts_that_only_look_like_numbers_are_names_of_their_own(text):
    assert id_text(text) == text


@pytest.mark.parametrize(
    "one",
    [None, float("nan"), np.nan, pd.NA, pd.NaT, Decimal("NaN"), "", 10**5_000, float("-inf"), Decimal("Infinity")],
    ids=lambda one: type(one).__name__,
)
def test_what_is_missing_is_no_id(one):
    assert id_text(one) == ""


def test_zero_has_no_sign():
    assert {id_text(one) for one in (0, -0.0, 0.0, "-0", "0.0", "-0.0", Decimal("-0.0"))} == {"0"}


ROWS = {"user": [51, 51, 7, 7], "item": [1, 2, 1, 3], "rating": [5, 1, 4, 2]}
WRITTEN = {
    "integers": [51, 51, 7, 7],
    "floats": [51.0, 51.0, 7.0, 7.0],
    "texts": ["51", "51.0", "7", "7.00"],
    "blanks": [" 51", "51 ", "7", "7"],
    "decimals": [Decimal("51.00"), Decimal("51.00"), Decimal("7.00"), Decimal("7.00")],
    "mixed": [51, "51.0", 7.0, "7"],
    "small integers": np.array([51, 51, 7, 7], np.int8),
    "unsigned": np.array([51, 51, 7, 7], np.uint64),
    "single": np.array([51, 51, 7, 7], np.float32),
    "categories": pd.Categorical([51.0, 51.0, 7.0, 7.0]),
    "with gaps": pd.array([51, 51, 7, 7], "Int64"),
}


def rows(dataset):
    parts = (dataset.train, dataset.validation, dataset.test)
    return [(dataset.user_ids[p.user].tolist(), dataset.item_ids[p.item].tolist(), p.label.tolist()) for p in parts]


@pytest.mark.parametrize("users", WRITTEN.values(), ids=WRITTEN)
def test_reading_goes_by_it_in_every_kind_of_table(users, tmp_path):
    options = TableOptions(split="random")
    expected = rows(table_dataset(pd.DataFrame(ROWS), options))
    frame = pd.DataFrame(ROWS | {"user": users})
    frame.to_csv(tmp_path / "x.csv", index=False)
    typed = frame.astype({"user": str}) if frame["user"].map(type).nunique() > 1 else frame
    pq.write_table(pa.Table.from_pandas(typed), tmp_path / "x.parquet")
    for source in (frame, pa.Table.from_pandas(typed), tmp_path / "x.csv", tmp_path / "x.parquet"):
        dataset = table_dataset(source, options)
        assert dataset.user_ids.tolist() == [7, 51]
        assert rows(dataset) == expected


def test_parts_of_several_types_share_their_ids(tmp_path):
    train, validation, test = (pd.DataFrame(ROWS) for _ in range(3))
    validation.assign(user=[51.0, 51, 7, 7]).to_csv(tmp_path / "validation.csv", index=False)
    test.assign(user=["51", "51.00", "7", "7"]).to_parquet(tmp_path / "test.parquet")
    dataset = table_dataset(train, validation=tmp_path / "validation.csv", test=tmp_path / "test.parquet")
    assert dataset.user_ids.tolist() == [7, 51]
    assert summarise(dataset).parts["test"].cold_users == summarise(dataset).parts["validation"].cold_users == 0


@laws
@given(st.lists(st.sampled_from(["51", "51.0", "7", "07", "x", "1.50", "1.5", " 7", "-3.0", "-3"]), min_size=1))
def test_pieces_number_the_same_ids_alike(cells):
    from recommenders.data.columns import Piece, TextColumn
    from recommenders.data.gathering import Gatherer

    gatherer = Gatherer(len(cells), frozenset())
    for row, cell in enumerate(cells):
        column = TextColumn(pd.Series([cell], dtype=object))
        gatherer.add(Piece("x line", [row], {"user": column, "item": column}))
    found = gatherer.done("x")
    assert [str(one) for one in found.user_ids[found.user].tolist()] == [id_text(cell) for cell in cells]


IDS = {
    "uint64": (pa.array([2**64 - 1, 1], pa.uint64()), ["1", str(2**64 - 1)]),
    "decimal256": (pa.array([Decimal("51.00"), Decimal("1.50")], pa.decimal256(50, 2)), ["1.5", "51"]),
    "a dictionary of integers": (pa.array([5, 3]).dictionary_encode(), [3, 5]),
    "a dictionary of floats": (pa.array([5.0, 3.0]).dictionary_encode(), [3, 5]),
    "halves": (pa.array(np.array([5.0, 1.5], np.float16)), ["1.5", "5"]),
    "floats of 32 bits": (pa.array([0.1, 5], pa.float32()), ["0.1", "5"]),
    "halves with fractions": (pa.array(np.array([0.1, 1.6], np.float16)), ["0.1", "1.6"]),
    "longer floats of 32 bits": (pa.array([1234567.5, 1e-5], pa.float32()), ["1234567.5", "1e-05"]),
    "a dictionary of floats of 32 bits": (pa.array([0.1, 5], pa.float32()).dictionary_encode(), ["0.1", "5"]),
    "a dictionary of halves": (
        pa.DictionaryArray.from_arrays(pa.array([1, 0]), pa.array(np.array([0.1, 5], np.float16))),
        ["0.1", "5"],
    ),
    "views of text": (pa.array(["5.0", "x"], pa.string_view()), ["5", "x"]),
    "large text": (pa.array(["5.0", "3"], pa.large_string()), [3, 5]),
    "UUIDs": (pa.array([bytes(15) + b"\2", bytes(16)], pa.uuid()), [str(UUID(int=0)), str(UUID(int=2))]),
}


@pytest.mark.parametrize(("array", "expected"), IDS.values(), ids=IDS)
def test_ids_of_every_type_are_read(array, expected, tmp_path):
    table = pa.table({"user": array, "item": [1, 2], "rating": [5, 1]})
    assert table_dataset(table).user_ids.tolist() == expected
    try:
        pq.write_table(table, tmp_path / "x.parquet")
    except pa.ArrowNotImplementedError:  # halves, and in older versions views of text
        return
    assert table_dataset(tmp_path / "x.parquet").user_ids.tolist() == expected


@pytest.mark.parametrize(
    "array",
    [[True, False], [b"a", b"b"], pa.array([b"a", b"b"], pa.binary(1)), [[1], [2]], pa.array([1, 2], pa.time32("s"))],
    ids=["bool", "binary", "fixed_size_binary", "list", "time32"],
)
def test_ids_of_other_types_are_refused_by_name(array, request):
    kind = request.node.callspec.id
    with pytest.raises(UserError, match=f"column 'user': numbers or text expected for user, got {kind}"):
        table_dataset(pa.table({"user": array, "item": [1, 2]}))


@pytest.mark.parametrize(("kind", "most"), [("float64", 2**53), ("float32", 2**24)])
def test_floats_that_may_stand_for_several_ids_are_refused(kind, most):
    frame = pd.DataFrame({"user": np.array([1, most - 1], kind), "item": [1, 2], "rating": [5, 1]})
    assert table_dataset(frame).user_ids.tolist() == [1, most - 1]
    with pytest.raises(UserError, match=rf"users below {most} expected, got .* keep them as whole numbers"):
        table_dataset(frame.assign(user=np.array([1, most], kind)))


LARGE = {
    "a column": lambda one: [51.0, one],
    "categories": lambda one: pd.Categorical([51.0, one]),
    "objects of one kind": lambda one: pd.Series([51.0, one], dtype=object),
    "objects of several kinds": lambda one: pd.Series(["x", one], dtype=object),
    "objects of NumPy's": lambda one: pd.Series(["x", np.float64(one)], dtype=object),
    "categories of several kinds": lambda one: pd.Categorical(["x", one]),
    "a sparse column": lambda one: pd.arrays.SparseArray([51.0, one]),
    "the other order of bytes": lambda one: np.array([51.0, one], ">f8"),
}


@pytest.mark.parametrize("held", LARGE.values(), ids=LARGE)
@pytest.mark.parametrize("role", ["user", "item"])
def test_floats_that_are_no_ids_are_refused_wherever_they_are_held(held, role):
    frame = pd.DataFrame({"user": [1, 2], "item": [1, 2], "rating": [5, 1]})
    assert len(table_dataset(frame.assign(**{role: held(2.0**53 - 1)})).user_ids) == 2
    with pytest.raises(UserError, match=f"as floats of 64 bits, {role}s below {2**53} expected, got 1{'0' * 17},"):
        table_dataset(frame.assign(**{role: held(1e17)}))
    with pytest.raises(UserError, match=f"finite numbers expected for {role}, got inf; leave out"):
        table_dataset(frame.assign(**{role: held(float("-inf"))}))


def test_floats_in_a_dictionary_of_arrow_s_are_refused_where_a_row_has_them():
    values = pa.array([1.0, 1e17, 3.0])
    table = pa.table({"user": pa.DictionaryArray.from_arrays(pa.array([0, 2]), values), "item": [1, 2]})
    assert table_dataset(table).user_ids.tolist() == [1, 3]
    with pytest.raises(UserError, match="below"):
        table_dataset(table.set_column(0, "user", pa.DictionaryArray.from_arrays(pa.array([0, 1]), values)))


@pytest.mark.parametrize("cells", [[True, "x"], [np.True_, 1], [1 + 2j, "x"], [1 + 2j, 3j], np.array([1j, 2j])])
def test_truths_and_complex_numbers_are_no_ids(cells):
    user = cells if isinstance(cells, np.ndarray) else pd.Series(cells, dtype=object)
    with pytest.raises(UserError, match=r"row 1: column 'user': numbers, text or dates expected, got (bool|complex)"):
        table_dataset(pd.DataFrame({"user": user, "item": [1, 2]}))
