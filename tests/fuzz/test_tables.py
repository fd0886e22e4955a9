"""Any content of a file is a table of ratings or is refused."""

import gzip
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from recommenders.data import load_dataset
from tests.fuzz.targets import FILES, TARGETS, accepts_path, fuzz_options, fuzz_table
from tests.strategies import examples

#: A file takes milliseconds.
file_law = examples(80, 400)
HEADER = b"user_id,item_id,rating,timestamp\n"
GOOD = HEADER + b"".join(b"%d,%d,%d,%d\n" % (i % 9, i, i % 2 * 5, i) for i in range(60))
HALVES = gzip.compress(GOOD[:40], mtime=0) + gzip.compress(GOOD[40:], mtime=0)


def entered(tmp_path, content, name="ratings.csv", dataset="table"):
    """Whether this content is read."""
    path = tmp_path / name
    path.write_bytes(content)
    return accepts_path(dataset, path)


READ = {
    "ids that are formulas of a spreadsheet": HEADER + b"=cmd()|' /C calc'!A0,@SUM(1),5,0\n",
    "ids of 2^63 and more": HEADER + b"9223372036854775808,18446744073709551616,5,0\n-9223372036854775809,1,4,1\n",
    "ids below zero": HEADER + b"-1,-2,5,0\n",
    "ids with a point": HEADER + b"1.5,1e400,5,0\n",
    "pairs that stand twice": HEADER + b"1,2,5,0\n1,2,1,0\n",
    "one row": HEADER + b"1,2,5,0\n",
    "one user": HEADER + b"1,2,5,0\n1,3,1,1\n1,4,5,2\n",
    "one class": HEADER + b"1,2,5,0\n2,2,5,0\n",
    "times below zero": HEADER + b"1,2,5,-9007199254740991\n",
    "a time of -2^63": HEADER + b"1,2,5,-9223372036854775808\n",
    "CRLF": GOOD.replace(b"\n", b"\r\n"),
    "CR": GOOD.replace(b"\n", b"\r"),
    "a byte order mark": b"\xef\xbb\xbf" + GOOD,
    "a column of other things that stands twice": HEADER.replace(b"\n", b",a,a\n") + b"1,2,5,0,x,y\n",
}
REFUSED = {
    "nothing": b"",
    "line ends": b"\n" * 100,
    "a header": HEADER,
    "a zero in an id": HEADER + b"a\0b,1,5,0\n",
    "a zero after an id": HEADER + b"a\0,1,5,0\na,1,4,0\n",
    "zeros": b"\0" * 1_000_000,
    "UTF-16": GOOD.decode().encode("utf-16"),
    "UTF-16 without a mark": GOOD.decode().encode("utf-16-le"),
    "two encodings": HEADER + "é,1,5,0\n".encode() + "é,1,5,0\n".encode("latin-1"),
    "half of a character": GOOD + b"\xc3",
    "half of a surrogate pair": HEADER + b"\xed\xa0\x80,1,5,0\n",
    "a column that stands twice": b"user_id,item_id,rating,rating\n1,2,3,4\n",
    "columns without names": b",,,\n1,2,3,4\n",
    "commands of a terminal": b"\x1b[2J" * 100 + b",\x07\n1,2\n",
    "200,000 columns": b"a," * 200_000 + b"\n1\n",
    "short rows": HEADER + b"1,2\n1\n",
    "long rows": HEADER + b"1,2,3,4,5,6\n",
    "one long row": GOOD + b"1,2,3,4,5,6\n",
    "an open quote over megabytes": HEADER + b'"' + b"1,2,5,0\n" * 400_000,
    "a quote over many lines": HEADER + b'"' + b"1,2,5,0\n" * 1_000 + b'",2,5,0\n',
    "quotes everywhere": HEADER + b'"1,2,5,0\n' * 1_000,
    "a line of 50 MB": HEADER + b"1" * 50_000_000 + b",2,5,0\n",
    "lines, and one of a megabyte": GOOD + b"1" * 1_000_000 + b",2,5,0\n",
    "a header of 5 MB": b"x" * 5_000_000 + b"\n1\n",
    "an infinite rating": HEADER + b"1,2,inf,0\n",
    "no number": HEADER + b"1,2,nan,0\n",
    "a rating too large for a float": HEADER + b"1,2,1e400,0\n",
    "a rating of 5,000 digits": HEADER + b"1,2," + b"9" * 5_000 + b",0\n",
    "a rating in arabic digits": HEADER + "1,2,\u0663,0\n".encode(),
    "a rating in hexadecimal": HEADER + b"1,2,0x5,0\n",
    "a rating that is true": HEADER + b"1,2,True,0\n",
    "a time of 2^63": HEADER + b"1,2,5,9223372036854775808\n",
    "a time below -2^63": HEADER + b"1,2,5,-9223372036854775809\n",
}


@pytest.mark.parametrize("content", READ.values(), ids=READ)
def test_what_is_strange_but_a_table_is_read(tmp_path, content):
    assert entered(tmp_path, content)


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED)
def test_what_is_no_table_is_refused(tmp_path, content):
    assert not entered(tmp_path, content)


PACKED = {
    "good": (True, gzip.compress(GOOD)),
    "two packed files in one": (True, HALVES),
    "cut short": (False, gzip.compress(GOOD)[:-20]),
    "without its check": (False, gzip.compress(GOOD)[:-8]),
    "with a wrong check": (False, gzip.compress(GOOD)[:-8] + b"\0" * 8),
    "broken in the middle": (False, HALVES[:60] + b"\xff" * 9 + HALVES[69:]),
    "with something behind it": (False, gzip.compress(GOOD) + b"more"),
    "nothing": (False, b""),
    "not packed at all": (True, GOOD),
    "packed twice": (False, gzip.compress(gzip.compress(GOOD))),
}


@pytest.mark.parametrize(("read", "content"), PACKED.values(), ids=PACKED)
def test_packed_files_are_read_whole_or_refused(tmp_path, read, content):
    assert entered(tmp_path, content, "ratings.csv.gz") == read


RECORD = b'{"reviewerID": "u", "asin": "i", "overall": 5, "unixReviewTime": 3}\n'
RECORDS = {
    "good": (True, RECORD),
    "a field that stands twice": (True, RECORD.replace(b"{", b'{"asin": [], ')),
    "a deep field of another name": (True, RECORD.replace(b"{", b'{"x": ' + b"[" * 500 + b"]" * 500 + b", ")),
    "a deeper one": (False, RECORD.replace(b"{", b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b", ")),
    "a line of 5 MB": (False, RECORD.replace(b'"u"', b'"' + b"u" * 5_000_000 + b'"')),
    "a huge integer": (False, RECORD.replace(b"5", b"9" * 100_000)),
    "a large integer": (False, RECORD.replace(b"5", b"9" * 400)),
    "NaN": (False, RECORD.replace(b"5", b"NaN")),
    "Infinity": (False, RECORD.replace(b"5", b"-Infinity")),
    "a truth for an id": (False, RECORD.replace(b'"u"', b"true")),
    "a zero in an id": (False, RECORD.replace(b'"u"', b'"u\\u0000"')),
    "half of a surrogate pair": (False, RECORD.replace(b'"u"', b'"' + b"x" * 100_000 + b'\\ud800"')),
    "two on a line": (False, RECORD.strip() * 2),
    "a list of them": (False, b"[" + RECORD.strip() + b"]"),
}


@pytest.mark.parametrize(("read", "content"), RECORDS.values(), ids=RECORDS)
def test_records_are_read_or_refused(tmp_path, read, content):
    assert entered(tmp_path, content, "reviews.json", "electronics") == read


def test_a_good_file_is_read_to_the_end_and_a_bad_one_refused_by_name(tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_bytes(GOOD.replace(b"timestamp", b"x"))
    assert len(load_dataset("table", path).train) == 48
    path.write_bytes(READ["one class"])
    with pytest.raises(UserError, match="the train part"):
        load_dataset("table", path)


CELLS = st.sampled_from(
    (*TARGETS["table"].words, "", " ", "1", "5", "a", "\x1c", "é", "\ud800", "1e5", "+5", "-0", "_")
)
#: Lone surrogates become bytes that are no UTF-8.
encoded = partial(str.encode, errors="surrogatepass")


@st.composite
def tables(draw):
    """The first byte chooses the kind of file, the rest is nearly a table of any kind."""
    separator = draw(st.sampled_from((",", "\t", "::")))
    names = draw(st.permutations(("user_id", "item_id", "rating", "timestamp"))) + draw(st.lists(CELLS, max_size=2))
    rows = draw(st.lists(st.lists(CELLS, min_size=3, max_size=5) | st.just(["1", "2", "5", "0"]), max_size=6))
    lines = [separator.join(cells) for cells in ([names] if draw(st.booleans()) else []) + rows]
    kind = draw(st.integers(0, len(FILES) - 1))
    return bytes([kind]) + encoded(draw(st.sampled_from(("\n", "\r\n", "\r", "\n\n"))).join(lines))


@file_law
@given(tables() | st.binary(max_size=200))
def test_any_content_is_read_or_refused(content):
    fuzz_table(content)


@file_law
@given(st.data())
def test_one_slip_in_good_options_is_read_or_refused(data):
    seed = data.draw(st.sampled_from(TARGETS["options"].seeds))
    start = data.draw(st.integers(0, len(seed)))
    stop = data.draw(st.integers(start, min(len(seed), start + 12)))
    word = data.draw(st.sampled_from(TARGETS["options"].words).map(str.encode) | st.binary(max_size=3))
    fuzz_options(seed[:start] + word + seed[stop:])


@file_law
@given(st.data())
def test_one_slip_in_a_good_file_is_read_or_refused(data):
    seed = data.draw(st.sampled_from(TARGETS["table"].seeds))
    start = data.draw(st.integers(1, len(seed)))
    stop = data.draw(st.integers(start, min(len(seed), start + 3)))
    fuzz_table(seed[:start] + data.draw(st.binary(max_size=3) | CELLS.map(encoded)) + seed[stop:])
