"""Raw results come back as they were, and nothing else is taken for them."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from studies.reproduction.raw import Column, frame, from_csv, read_csv, to_csv

COLUMNS = (
    Column("name", str),
    Column("kind", str, known=frozenset({"a", "b"})),
    Column("place", int, optional=True),
    Column("value", float),
    Column("note", str, optional=True),
)
HEADER = "name,kind,place,value,note\n"
ROWS = st.fixed_dictionaries(
    {
        "name": st.text(min_size=1).filter(lambda text: text.replace("\0", " ").strip()),
        "kind": st.sampled_from("ab"),
        "place": st.none() | st.integers(-(10**6), 10**6),
        "value": st.floats(-1e100, 1e100),
        "note": st.text(),
    }
)


def read(text):
    return from_csv(text.encode() if isinstance(text, str) else text, COLUMNS, "x.csv")


@given(st.lists(ROWS, min_size=1, max_size=5))
def test_what_is_written_is_read_back(rows):
    content = to_csv(frame(COLUMNS, rows), COLUMNS)
    back = read(content)
    assert to_csv(back, COLUMNS) == content
    for row, one in zip(rows, back.to_dict("records"), strict=True):
        assert one["name"] == re.sub("[\r\n\0]", " ", row["name"])
        assert one["value"] == pytest.approx(row["value"], rel=1e-5, abs=1e-300)
        assert (math.isnan(one["place"]) and row["place"] is None) or one["place"] == row["place"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected the columns name,kind,place,value,note"),
        ("a,b\n1,2\n", "expected the columns"),
        (HEADER, "expected 1 to 20,000 rows, got 0"),
        (HEADER + "x,a,1,0.5\n", "row 2: expected 5 cells, got 4"),
        (HEADER + "x,a,1,0.5,,\n", "row 2: expected 5 cells, got 6"),
        (HEADER + "\n", "row 2: expected 5 cells, got 0"),
        (HEADER + "x,a,1,,\n", "row 2, value: expected a number, got nothing"),
        (HEADER + " ,a,1,0.5,\n", "row 2, name: expected some text, got nothing"),
        (HEADER + "x,c,1,0.5,\n", "row 2, kind: expected a or b"),
        (HEADER + "x,a,1,0.5,\nx,a,one,0.5,\n", "row 3, place: expected a whole number, got 'one'"),
        (HEADER + "x,a,1.5,0.5,\n", "whole number"),
        (HEADER + "x,a,1_0,0.5,\n", "whole number"),
        (HEADER + f"x,a,{'9' * 5000},0.5,\n", "whole number"),
        (HEADER + "x,a,1,nan,\n", "finite number, got 'nan'"),
        (HEADER + "x,a,1,inf,\n", "finite number"),
        (HEADER + "x,a,1,1e999,\n", "finite number"),
        (HEADER + "x,a,1,0x10,\n", "finite number"),
        (HEADER + "x,a,1,__import__('os'),\n", "finite number"),
        (HEADER + "x,a,\N{ARABIC-INDIC DIGIT ONE},0.5,\n", "whole number"),
        (HEADER + '"x,a,1,0.5,\n', "expected a CSV file"),
        (b"\xff\xfe\x00", "expected a CSV file"),
        (b"\x00" * 100, "expected"),
        (HEADER + "x" * 200_000 + ",a,1,0.5,\n", "expected a CSV file"),
        (HEADER + "x,a,1,0.5,\n" * 20_001, "expected 1 to 20,000 rows"),
    ],
    ids=lambda value: str(value)[-40:],
)
def test_what_is_not_raw_results_gets_one_line(text, message):
    with pytest.raises(UserError, match=message) as caught:
        read(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300
    assert "x.csv" in str(caught.value)


@given(st.binary(max_size=200))
def test_no_bytes_do_harm(content):
    try:
        raw = read(HEADER.encode() + content)
    except UserError:
        return
    assert list(raw.columns) == [column.name for column in COLUMNS]
    assert len(raw) > 0


def test_files_that_cannot_be_read(tmp_path):
    for path in (tmp_path, tmp_path / "missing.csv", tmp_path / ("x" * 5000), tmp_path / "a\0b"):
        with pytest.raises(UserError, match=r"--cached .*cannot read it"):
            read_csv(path, COLUMNS)
    (tmp_path / "large.csv").write_bytes(b"x" * 5_000_001)
    with pytest.raises(UserError, match="at most 5,000,000 bytes"):
        read_csv(tmp_path / "large.csv", COLUMNS)
