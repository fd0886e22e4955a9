"""No row is lost to a quotation mark without a word."""

import csv
import io

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.common.errors import UserError
from recommenders.data import table_dataset
from recommenders.data.quotes import Quotes, cells_of
from recommenders.data.summary import summarise

laws = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


def gone_through(text, separator=",", n_columns=4, step=None):
    content = text.encode()
    quotes = Quotes(separator, n_columns)
    for start in range(0, len(content), step or len(content)):
        quotes.take(content[start : start + (step or len(content))], final=False)
    quotes.take(b"", final=True)
    return quotes.stray, quotes.n_swallowed


def read(tmp_path, text, name="x.tsv"):
    path = tmp_path / name
    path.write_text(text, newline="")
    return table_dataset(path)


STRAY = (
    'user\titem\trating\ttitle\n1\ta\t5\t"Heroes\n2\tb\t4\tLow\n1\tc\t3\tThe {}\n2\td\t1\tx\n2\te\t2\ty\n3\tf\t5\tq\n'
)


@pytest.mark.parametrize("end", ['"Best"', 'Best"', "Best", '"Best'])
@pytest.mark.parametrize("separator", ["\t", "::", "|", ",", ";"])
def test_a_mark_that_begins_a_title_swallows_no_row(tmp_path, end, separator):
    dataset = read(tmp_path, STRAY.format(end).replace("\t", separator))
    assert summarise(dataset).rows == 6
    assert dataset.item_ids.tolist() == list("abcdef")
    assert "quotation marks are read as text: the one in line 2 ends no cell" in summarise(dataset).notes


def test_quoted_ids_beside_a_stray_mark_are_bare(tmp_path):
    dataset = read(tmp_path, 'user\titem\trating\ttitle\n"1"\t"a"\t"5"\t"Heroes\n"2"\t"b"\t"1"\t"x"\n')
    assert (dataset.user_ids.tolist(), dataset.item_ids.tolist()) == ([1, 2], ["a", "b"])


def test_an_id_with_an_open_mark_is_refused_with_its_line(tmp_path):
    with pytest.raises(UserError, match="line 3: item: expected an id, got '\"b', in which a quotation mark is open"):
        read(tmp_path, 'user\titem\n1\ta\n1\t"b\n2\tc\n')


def test_where_a_stray_mark_parts_other_cells_its_line_is_told(tmp_path):
    rows = "".join(f'{n},a{n},5,"one, two"\n' for n in range(9))
    with pytest.raises(UserError, match="the quotation mark in line 11 ends no cell, so all are text"):
        read(tmp_path, "user,item,rating,title\n" + rows + '9,c,1,"the "end"\n')


@pytest.mark.parametrize("name", ['"title', '"ti"tle"', 'ti"tle'])
def test_a_stray_mark_in_a_name_swallows_no_column(tmp_path, name):
    assert summarise(read(tmp_path, f"user\titem\t{name}\trating\n1\ta\tx\t5\n2\tb\ty\t1\n")).rows == 2


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_cells_over_several_lines_are_read_as_csv_has_them_and_said(tmp_path, end):
    rows = ["user,item,rating,title", f'1,a,5,"two{end}lines"', f'1,b,4,"{end}{end}"', "2,c,1,x", ""]
    dataset = read(tmp_path, end.join(rows), "x.csv")
    assert summarise(dataset).rows == 3
    assert "3 lines belong to the row before, in quoted cells that go over several lines" in summarise(dataset).notes


texts = st.text('ab"\n ,;x', max_size=6)


@laws
@given(
    rows=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(1, 5), texts), min_size=1, max_size=12),
    separator=st.sampled_from([",", "\t", ";", "|"]),
    step=st.integers(1, 40),
)
def test_what_csv_writers_write_is_in_order_or_told(tmp_path, rows, separator, step):
    made = io.StringIO()
    writer = csv.writer(made, delimiter=separator, lineterminator="\n")
    writer.writerows([("user", "item", "rating", "title"), *rows])
    text = made.getvalue()
    stray, n_swallowed = gone_through(text, separator, step=step)
    assert (stray, n_swallowed) == gone_through(text, separator), "wherever it is cut"
    try:
        dataset = read(tmp_path, text, "x.csv")
    except UserError:
        assert stray is not None
        return
    assert (n_swallowed == 0) == (not any("go over several lines" in note for note in summarise(dataset).notes))
    if stray is None:
        assert summarise(dataset).rows == len(rows) == len(text.splitlines()) - 1 - n_swallowed


@laws
@given(st.lists(st.text('ab" ', max_size=5), min_size=3, max_size=12), st.integers(1, 20))
def test_rows_without_line_ends_in_cells_are_never_fewer_than_lines(tmp_path, titles, step):
    text = "user\titem\trating\ttitle\n" + "".join(f"{n}\ti{n}\t{n % 5}\t{title}\n" for n, title in enumerate(titles))
    assert summarise(read(tmp_path, text)).rows == len(titles)
    assert gone_through(text, "\t", step=step) == gone_through(text, "\t")


@laws
@given(st.lists(st.text('ab",: \t', max_size=5), min_size=1, max_size=6), st.sampled_from([",", "\t"]))
def test_names_are_cells_as_csv_has_them(names, separator):
    made = io.StringIO()
    csv.writer(made, delimiter=separator, lineterminator="").writerow(names)
    assert cells_of(made.getvalue(), separator) == (names if names != [""] else [""])


def test_many_cells_over_lines_take_time_in_proportion():
    """A step over each cell, not over all before it."""

    class Counting(bytes):
        counted = 0

        def count(self, *args):
            Counting.counted += 1
            return super().count(*args)

    quotes = Quotes(",", 2)
    quotes.take(b"a,b\n", final=False)
    quotes._rest = Counting()
    quotes.take(Counting(b'1,"x\ny"\n' * 500), final=True)
    assert quotes.n_swallowed == 500
    assert Counting.counted < 10


def test_an_open_mark_takes_no_more_memory_than_a_line(monkeypatch):
    monkeypatch.setattr("recommenders.data.quotes.MAX_LINE", 1_000)
    quotes = Quotes(",", 2)
    quotes.take(b"a,b\n", final=False)
    for _ in range(50):
        quotes.take(b'"xy\n' + b"1,2\n" * 100, final=False)
        assert len(quotes._rest) <= 1_500
    assert quotes.stray == 2


def test_a_large_table_of_quoted_cells_is_read(tmp_path):
    n = 20_000
    frame = pd.DataFrame({"user": range(n), "item": range(n), "rating": [1, 5] * (n // 2), "text": 'a "quoted"\nline'})
    frame.to_csv(tmp_path / "x.csv", index=False, quoting=csv.QUOTE_ALL)
    assert summarise(table_dataset(tmp_path / "x.csv")).rows == n
