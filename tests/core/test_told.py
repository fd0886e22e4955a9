"""Tables that problems tell what they found by."""

import csv
import io
import math
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.common.restoring import read
from core.phases.told import ToldTable, shown
from tests.strategies import law

CELLS = st.one_of(st.text("ab,\"'\n=", max_size=6), st.integers(-9, 9), st.floats(allow_nan=False), st.none())


@law
@given(st.lists(st.tuples(CELLS, CELLS), max_size=5))
def test_a_table_is_read_back_from_plain_data_and_from_csv(rows):
    table = ToldTable("a", "b", ("one", "two"), tuple(rows), 1)
    assert read(ToldTable, asdict(table)) == table
    again = list(csv.reader(io.StringIO(table.as_csv(), newline="")))
    assert again == [["one", "two"], *(["" if one is None else str(one) for one in row] for row in rows)]
    assert all(0 <= one <= 1 for one in table.bars)
    assert len(table.bars) == len(rows)


def test_bars_are_shares_of_the_longest_one_whatever_its_sign():
    table = ToldTable("a", "b", ("x",), ((-2.0,), (1,), (math.nan,), (None,)), 0)
    assert table.bars == (1.0, 0.5, 0.0, 0.0)
    assert ToldTable("a", "b", ("x",), ((1.0,),)).bars == ()
    assert table.is_number == (True,)


@pytest.mark.parametrize("wrong", [{"rows": ((1, 2),)}, {"rows": (), "bar": 1}])
def test_what_has_another_shape_is_refused(wrong):
    with pytest.raises(ValueError, match="a: "):
        ToldTable(**{"title": "a", "text": "b", "columns": ("x",), "bar": None, **wrong})


def test_cells_are_short():
    cells = ["text", 12345, 0.123456, 0.0000224, -1234.5, 1e9, None, math.inf]
    assert [shown(one) for one in cells] == ["text", "12,345", "0.1235", "0.00002", "-1,234.5000", "1e+09", "", ""]
