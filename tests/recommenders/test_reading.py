import gzip
import io
import json
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from core.common.errors import UserError
from recommenders.data.amazon import FIELDS, read_json_lines
from recommenders.data.dataset import Ratings
from recommenders.data.movielens import load_ml_1m
from recommenders.data.options import TableOptions
from recommenders.data.reading import open_table, read_sources
from recommenders.data.sniffing import MAX_COLUMNS
from recommenders.data.text_table import _TabbedFile
from tests.strategies import examples

HEADER = "user_id,item_id,rating,timestamp\n"
RECORD = {"reviewerID": "u", "asin": "i", "overall": 5.0, "unixReviewTime": 3}
laws = examples(60, 400, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def table(tmp_path):
    """Reads a CSV of this text (or bytes)."""

    def read(text, name="ratings.csv", **options):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_sources([open_table(path, TableOptions(**options))])

    return read


@pytest.fixture
def json_lines(tmp_path):
    """Reads a file of these records, or of these lines."""

    def read(*records, name="ratings.json"):
        lines = [record if isinstance(record, str) else json.dumps(record) for record in records]
        content = "".join(f"{line}\n" for line in lines).encode()
        path = tmp_path / name
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return read_json_lines(path, FIELDS)

    return read


def as_published(ratings: Ratings) -> list[tuple]:
    """Rows with their published ids."""
    columns = [ratings.user_ids[ratings.user], ratings.item_ids[ratings.item], ratings.rating]
    return list(zip(*(c.tolist() for c in columns), strict=True))


# -0 is another way of writing 0, see tests/recommenders/test_ids.py
plain_id = st.integers(0, 10**12) | st.text("abcXYZ0123456789-_", min_size=1, max_size=5).filter(
    lambda text: text != "-0"
)
row = st.tuples(plain_id, plain_id, st.floats(-10, 10), st.integers(0, 2**40))


@laws
@given(rows=st.lists(row, min_size=1, max_size=20))
def test_what_is_written_is_read_in_its_order(table, rows):
    ratings = table(HEADER + "".join(f"{u},{i},{r!r},{t}\n" for u, i, r, t in rows))
    assert [(str(u), str(i), r) for u, i, r in as_published(ratings)] == [(str(u), str(i), r) for u, i, r, _ in rows]
    assert ratings.timestamp.tolist() == [t for *_, t in rows]
    assert len(ratings) == len(rows)


@laws
@given(rows=st.lists(row, min_size=1, max_size=20))
def test_ids_are_numbered_from_zero_in_their_order_without_a_gap(table, rows):
    ratings = table(HEADER + "".join(f"{u},{i},{r!r},{t}\n" for u, i, r, t in rows))
    for number, ids in ((ratings.user, ratings.user_ids), (ratings.item, ratings.item_ids)):
        assert sorted(set(number.tolist())) == list(range(len(ids)))
        assert ids.tolist() == sorted(set(ids.tolist()))
        assert number.dtype == np.int64


def test_plain_numbers_are_ordered_as_numbers_and_others_as_text(table):
    ratings = table(HEADER + "10,10,5,0\n9,9,4,0\n100,x,3,0\n9,007,3,0\n")
    assert ratings.user_ids.tolist() == [9, 10, 100]
    assert ratings.user.tolist() == [1, 0, 2, 0]
    assert ratings.item_ids.tolist() == ["007", "10", "9", "x"]


def test_leading_zeros_make_other_ids(table):
    assert table(HEADER + "7,1,5,0\n07,1,5,0\n").user_ids.tolist() == ["07", "7"]


def test_numbers_too_long_for_64_bits_are_ids_too(table):
    long = str(10**25)
    assert table(f"{HEADER}{long},1,5,0\n9,1,5,0\n").user_ids.tolist() == [long, "9"]


@pytest.mark.parametrize("text", ["nan", "NA", "None", "null", "-"])
def test_ids_that_look_like_nothing_are_ids(table, text):
    assert table(f"{HEADER}{text},1,5,0\n2,1,5,0\n").user_ids.tolist() == sorted([text, "2"])


def test_the_order_of_columns_is_free_and_others_are_ignored(table):
    ratings = table("rating,title,item_id,user_id\n3,x,20,1\n4,y,10,2\n")
    assert as_published(ratings) == [(1, 20, 3.0), (2, 10, 4.0)]
    assert ratings.timestamp is None


@pytest.mark.parametrize("separator", ["\t", "::"])
def test_a_table_without_header_has_its_columns_in_order(table, separator):
    text = "\n".join(separator.join(cells) for cells in (("7", "3", "4.5", "99"), ("5", "3", "1", "98")))
    ratings = table(text)
    assert as_published(ratings) == [(7, 3, 4.5), (5, 3, 1.0)]
    assert ratings.timestamp.tolist() == [99, 98]


@pytest.mark.parametrize("wrap", [str.encode, lambda text: b"\xef\xbb\xbf" + text.encode()], ids=["plain", "bom"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_line_ends_and_byte_order_marks_are_no_data(table, wrap, newline):
    assert as_published(table(wrap(f"user_id,item_id,rating{newline}1,2,5{newline}"))) == [(1, 2, 5.0)]


def test_gzip_is_unpacked(table, json_lines):
    assert as_published(table(gzip.compress(f"{HEADER}1,2,5,0\n".encode()), "ratings.csv.gz")) == [(1, 2, 5.0)]
    assert as_published(json_lines(RECORD, name="ratings.json.gz")) == [("u", "i", 5.0)]


@pytest.mark.parametrize("missing", ["user_id", "item_id", "rating"])
def test_a_missing_column_is_named(tmp_path, missing):
    columns = [column for column in ("user_id", "item_id", "rating") if column != missing]
    (tmp_path / "ratings.csv").write_text(f"{','.join(columns)}\n1,2\n")
    known = {"user_id": "no column of users recognised", "item_id": "no column of items recognised"}
    with pytest.raises(UserError, match=f"{known.get(missing, 'missing column rating')}; got {', '.join(columns)}"):
        load_ml_1m(tmp_path / "ratings.csv", 0)


@pytest.mark.parametrize("cell", ["", "x", "nan", "NaN", "inf", "-inf", "4,5", "0x10"])
@pytest.mark.parametrize("column", ["rating", "timestamp"])
def test_a_cell_that_is_no_finite_number_is_refused_with_its_line(table, column, cell):
    cells = {"rating": "4", "timestamp": "0"} | {column: f'"{cell}"'}
    got = f"'{cell}'" if cell else "an empty cell"
    advice = {"rating": "fill it in, or leave", "timestamp": "write all times .* --time-col none"}[column]
    advice = "write it with a point" if cell == "4,5" else advice
    with pytest.raises(
        UserError, match=rf"ratings.csv line 3: {column}: a finite number expected, got {got}; {advice}"
    ):
        table(f"{HEADER}1,2,5,0\n1,3,{cells['rating']},{cells['timestamp']}\n")


@pytest.mark.parametrize("cell", ["", " "])
@pytest.mark.parametrize(("column", "row_"), [("user", "{},1,5,0"), ("item", "1,{},5,0")])
def test_an_empty_id_is_refused_with_its_line(table, column, row_, cell):
    with pytest.raises(UserError, match=f"line 4: an? {column} expected, got an empty cell"):
        table(f"{HEADER}1,2,5,0\n1,3,4,0\n{row_.format(cell)}\n")


@pytest.mark.parametrize("separator", ["\t", "::"])
def test_lines_of_a_table_without_header_are_counted_from_its_first(table, separator):
    rows = ("1", "2", "5", "0"), ("1", "3", "x", "0"), ("1", "4", "y", "0")
    with pytest.raises(UserError, match=r"line 2: rating: .* got 'x' \(and 1 more such lines\)"):
        table("\n".join(separator.join(cells) for cells in rows))


def test_line_ends_of_several_kinds_are_no_obstacle(table):
    assert len(table(HEADER + "1,2,5,0\r1,3,5,0\n1,4,5,0\r\n1,5,5,0\r")) == 4


def test_blank_lines_count(table):
    with pytest.raises(UserError, match="line 5: rating"):
        table(f"{HEADER}\n\n1,2,5,0\n1,3,x,0\n")


def test_a_short_row_lacks_cells(table):
    with pytest.raises(UserError, match="line 3: an item expected, got an empty cell"):
        table("rating,user_id,item_id\n5,1,2\n4,2\n")


@pytest.mark.parametrize(
    "text",
    [
        "user_id,item_id,rating\n1,2,5,100\n2,3,4,100\n",
        "1\t2\t5\t100\t9\n3\t4\t5\t100\t9\n",
        "1::2::5::100::9\n3::4::5::100::9\n",
    ],
    ids=["header", "tabs", "colons"],
)
def test_cells_beyond_the_columns_shift_nothing(table, text):
    try:
        ratings = table(text)
    except UserError:
        return  # refusing is as good
    assert ratings.user_ids.tolist() in ([1, 2], [1, 3])


def test_one_row_with_a_cell_too_many_is_refused_with_its_line(table):
    with pytest.raises(UserError, match="line 3"):
        table("user_id,item_id,rating\n1,2,5\n2,3,4,100\n")


@pytest.mark.parametrize(
    "extra",
    ["user", "item", "title"],
)
def test_a_further_column_of_any_name_is_ignored(table, extra):
    ratings = table(f"user_id,item_id,rating,{extra}\n1,2,5,7\n1,3,4,8\n")
    assert ratings.user.shape == ratings.item.shape == (2,)
    assert as_published(ratings) == [(1, 2, 5.0), (1, 3, 4.0)]


@pytest.mark.parametrize("text", ["", "\n\n", HEADER, "user_id,item_id,rating"])
def test_a_file_without_ratings_is_refused(table, text):
    with pytest.raises(UserError, match=r"ratings\.csv: expected ((ratings|rows), got an empty table|a table)"):
        table(text)


@pytest.mark.parametrize("path", ["nowhere.csv", "nowhere.csv.gz", "."])
def test_a_file_that_cannot_be_opened_is_refused_by_both_readers(tmp_path, path):
    with pytest.raises(UserError, match=re.escape(str(tmp_path / path))):
        open_table(tmp_path / path, TableOptions())
    with pytest.raises(UserError, match="could not read it"):
        read_json_lines(tmp_path / path, FIELDS)


def broken_gzip() -> bytes:
    """A gzip file with a good beginning and rubbish in its middle."""
    whole = gzip.compress(HEADER.encode() + b"".join(b"%d,%d,5,0\n" % (i, i * 7 % 13) for i in range(3000)), mtime=0)
    return whole[:40] + b"\xff" * 40 + whole[80:]


GARBAGE = [
    pytest.param("a.csv", b"\xff\xfe\x00garbage\x80", id="not utf-8"),
    pytest.param("a.csv", b"\x00" * 40, id="zeros"),
    pytest.param("a.csv", b'user_id,item_id,rating\n"1,2,5\n', id="open quote"),
    pytest.param("a.csv.gz", b"\x00garbage", id="not gzip"),
    pytest.param("a.csv.gz", gzip.compress(HEADER.encode() * 50)[:30], id="cut gzip"),
    pytest.param("a.csv.gz", broken_gzip(), id="broken gzip"),
]


@pytest.mark.parametrize(("name", "content"), GARBAGE)
def test_garbage_is_refused_as_a_table(table, name, content):
    with pytest.raises(UserError, match=re.escape(name)):
        table(content, name)


@pytest.mark.parametrize(("name", "content"), GARBAGE)
def test_garbage_is_refused_as_json(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError, match=re.escape(name)):
        read_json_lines(path, FIELDS)


@pytest.mark.parametrize("ending", ["zip", "xz", "tar"])
def test_garbage_under_the_name_of_another_archive_is_refused(table, ending):
    with pytest.raises(UserError, match="ratings"):
        table(b"garbage\x00", f"ratings.{ending}")


@laws
@given(content=st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(table, content):
    try:
        ratings = table(HEADER.encode() + content)
    except UserError:
        return
    assert len(ratings) >= 1
    assert np.isfinite(ratings.rating).all()


@pytest.mark.parametrize("time", ["1e300", "-1e300", str(2**63), "9" * 30])
def test_a_timestamp_that_64_bits_do_not_hold_is_refused_and_shown(table, time):
    with pytest.raises(UserError, match=rf"line 2: timestamps below 2\^63 expected, got '{time}'"):
        table(f"{HEADER}1,2,5,{time}\n1,3,4,0\n")


@pytest.mark.parametrize(
    "line", ["{}x", '{"asin": 1}', "[]", "3", "null", "[" * 100_000], ids=lambda line: f"{line:.12}"
)
def test_a_line_that_is_no_such_object_is_refused_with_its_number(json_lines, line):
    with pytest.raises(UserError, match=r"line 2: expected a JSON object with reviewerID, .*, unixReviewTime, got '"):
        json_lines(RECORD, line, RECORD)


def test_empty_lines_and_a_byte_order_mark_are_no_objects(json_lines):
    marked = f"\ufeff{json.dumps(RECORD)}"
    assert as_published(json_lines(marked, "", RECORD | {"asin": "j"}, "", " ")) == [("u", "i", 5.0), ("u", "j", 5.0)]
    with pytest.raises(UserError, match="line 3: rating: a finite number expected"):
        json_lines(RECORD, "", RECORD | {"overall": "x"})


@pytest.mark.parametrize("field", ["overall", "unixReviewTime"])
@pytest.mark.parametrize(
    "value",
    ["x", "", None, True, [1], {}, 10**400],
    ids="{!r:.9}".format,
)
def test_a_json_value_that_is_no_finite_number_is_refused_with_its_line(json_lines, field, value):
    with pytest.raises(UserError, match=f"line 2: {FIELDS[field]}: a finite number expected"):
        json_lines(RECORD, RECORD | {field: value})


@pytest.mark.parametrize("field", ["reviewerID", "asin"])
@pytest.mark.parametrize("value", ["", " ", None, [1], {}], ids=repr)
def test_a_json_id_that_is_missing_is_refused_with_its_line(json_lines, field, value):
    with pytest.raises(UserError, match=f"line 2: an? {FIELDS[field]} expected"):
        json_lines(RECORD, RECORD | {field: value})


def test_a_json_id_that_is_no_text_is_refused(json_lines):
    with pytest.raises(UserError):
        json_lines(RECORD, json.dumps(RECORD | {"asin": "\ud800"}))


def test_numbers_may_be_ids_in_json(json_lines):
    ratings = json_lines(RECORD | {"reviewerID": 10}, RECORD | {"reviewerID": 9})
    assert ratings.user_ids.tolist() == [9, 10]


def test_an_empty_json_file_is_refused(json_lines):
    with pytest.raises(UserError, match="empty table"):
        json_lines()


def test_ids_that_differ_in_a_zero_only_are_not_merged(json_lines):
    with pytest.raises(UserError, match="line 2: a user of one line and at most 1000 characters expected, got 'u"):
        json_lines(RECORD, RECORD | {"reviewerID": "u\0"})


@pytest.mark.parametrize("length", [1_000, 1_001])
def test_an_id_has_at_most_a_thousand_characters(table, length):
    text = HEADER + "1,2,5,0\n" * 3 + "x" * length + ",2,5,0\n"
    if length <= 1_000:
        assert table(text).user_ids.tolist() == ["1", "x" * length]
    else:
        with pytest.raises(UserError, match=r"line 5: a user of one line and at most 1000 .* got 'xxx.*xxx'$"):
            table(text)


def test_an_id_stands_on_one_line(table):
    with pytest.raises(UserError, match=r"line 3: an item of one line .* got 'a\\nb'"):
        table(HEADER + '1,2,5,0\n1,"a\nb",5,0\n')


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", ["", "end"])
def test_lines_are_counted_past_cells_that_go_over_several(table, end, last):
    rows = ["user_id,item_id,rating,title", f'1,2,5,"two{end}lines"', f'1,3,4,"{end}{end}"', "1,4,x,"]
    with pytest.raises(UserError, match="line 7: rating: a finite number expected, got 'x'"):
        table(end.join(rows) + end * bool(last))


def test_a_column_that_stands_twice_is_refused_if_it_is_wanted(table):
    with pytest.raises(UserError, match="expected every column once, got rating twice; leave out one of them"):
        table("user_id,item_id,rating,rating\n1,2,5,1\n")
    assert as_published(table("user_id,x,item_id,x,rating,x\n1,7,2,8,5,9\n")) == [(1, 2, 5.0)]


def test_a_header_has_at_most_so_many_columns(table):
    names = [f"c{i}" for i in range(MAX_COLUMNS - 3)]
    assert as_published(table(f"user_id,item_id,rating,{','.join(names)}\n1,2,5\n")) == [(1, 2, 5.0)]
    with pytest.raises(UserError, match=f"expected at most {MAX_COLUMNS} columns, got {MAX_COLUMNS + 1}"):
        table(f"user_id,item_id,rating,{','.join([*names, 'x'])}\n1,2,5\n")


@pytest.mark.parametrize("content", [b"1,2,5,0\n1,\xff,5,0\n", b"1,2,5,0\n1,\0,5,0\n"], ids=["byte", "zero"])
def test_what_is_no_text_is_refused_with_its_line(table, content):
    with pytest.raises(UserError, match="line 3: expected utf-8 text, got"):
        table(HEADER.encode() + content)


def test_a_timestamp_out_of_range_is_refused_with_its_line(table):
    with pytest.raises(UserError, match=r"line 3: timestamps below 2\^63 expected, got '9223372036854775808'"):
        table(f"{HEADER}1,2,5,0\n1,3,4,{2**63}\n")


@laws
@given(rows=st.lists(st.lists(st.sampled_from(("a", ":", "1", "b:", ":c", "7")), min_size=1, max_size=5), max_size=60))
def test_separators_of_two_characters_are_found_wherever_a_piece_ends(rows):
    text = "\n".join("::".join(cells) for cells in rows)
    for size in (32, 50, 1_000):
        raw, pieces = _TabbedFile(io.BytesIO(text.encode()), b"::"), []
        while piece := raw.read(size):
            pieces.append(piece)
        expected = "\n".join("\t".join(row.split("::")) for row in text.split("\n"))
        assert b"".join(pieces).decode() == expected
