import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.reproduction.reproduction import Table, block, code, difference, number, page, spread
from tests.studies.reproduction.documents import blocks

CELLS = st.text(max_size=20)


@given(st.lists(st.tuples(CELLS, CELLS), max_size=5))
def test_a_table_stays_a_rectangle_in_markdown(rows):
    lines = Table("T", ("a", "b"), tuple(rows)).markdown().split("\n")
    assert lines[0] == "**T**"
    assert lines[2:4] == ["| a | b |", "|---|---|"]
    assert len(lines) == len(rows) + 5
    assert all(line.replace("\\|", "").count("|") == 3 for line in lines[2:-1])


def test_a_row_of_another_length_is_a_defect():
    with pytest.raises(ValueError, match="expected 2 cells"):
        Table("T", ("a", "b"), (("1",),))


def test_rows_that_say_which_cell_is_which_get_dashes_where_they_have_none():
    assert Table.of("T", [{"a": "1", "b": "2"}, {"b": "3"}]) == Table("T", ("a", "b"), (("1", "2"), ("-", "3")))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (number(0.80871), "0.8087"),
        (number(None), "-"),
        (number(math.nan), "-"),
        (number(-0.00001), "0.0000"),
        (number(93792.4, 0), "93,792"),
        (difference(0.81, 0.80), "+0.0100"),
        (difference(0.79, 0.80), "-0.0100"),
        (difference(0.8, 0.80000001), "0.0000"),
        (difference(None, 0.8), "-"),
        (difference(0.8, None), "-"),
        (difference(math.nan, 0.8), "-"),
        (spread([0.5]), "0.5000"),
        (spread([0.4, 0.6]), "0.5000 ±0.1414"),
        (spread([0.4, 0.6, math.nan]), "0.5000 ±0.1414 (2 of 3)"),
        (spread([math.nan]), "-"),
        (spread([]), "-"),
        (code("max(y_hat, y)"), "`max(y_hat, y)`"),
        (code(""), "-"),
    ],
)
def test_numbers_as_text(text, expected):
    assert text == expected


TABLES = [Table("One | two", ("a", "b"), (("1", "2|3"),)), Table("Three", ("c",), ())]


def test_blocks_are_found_as_they_were_written():
    one, other = block("table4", TABLES), block("table5-mlp", TABLES[1:])
    assert blocks(f"# Results\n\n{one}\nText\n{other}") == {"table4": one, "table5-mlp": other}
    assert blocks("no blocks here") == {}


def test_a_page_holds_its_block_notes_and_pictures():
    text = page("table4", "About.", "Made by hand.", TABLES, ["All is well."], ["a.png"])
    assert blocks(text) == {"table4": block("table4", TABLES)}
    for part in ("# table4", "About.", "Made by hand.", "- All is well.", "![a](a.png)"):
        assert part in text


@pytest.mark.parametrize(
    "document",
    [
        "<!-- begin a -->\n",
        "<!-- end a -->\n",
        "<!-- begin a -->\n<!-- end b -->\n",
        "<!-- begin a -->\n<!-- begin b -->\n<!-- end b -->\n<!-- end a -->\n",
        "<!-- begin a -->\n<!-- end a -->\n<!-- begin a -->\n<!-- end a -->\n",
    ],
)
def test_blocks_that_are_not_whole_are_refused(document):
    with pytest.raises(ValueError, match=r"block [ab]: expected"):
        blocks(document)
