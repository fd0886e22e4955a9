"""The first line is a row or the names of columns, and where that is not plain it is said."""

import pandas as pd
import pytest

from core.common.errors import UserError
from recommenders.data import TableOptions, summarise, table_dataset


@pytest.fixture
def read(tmp_path):
    """The items of a file in order, and what was said of its first line."""

    def read(text, **options):
        path = tmp_path / "x.csv"
        path.write_text(text)
        dataset = table_dataset(path, TableOptions(**options))
        said = [note for note in summarise(dataset).notes if note.startswith("line 1")]
        return dataset.item_ids.tolist(), *said

    return read


TEXT = "alice,dune\nbob,emma\n"
ROW = "line 1 is taken for a row: alice, dune; --header yes if it names the columns"
NAMES = "line 1 is taken for the names of columns: {}; --header no if it is a row"


def test_a_row_of_texts_is_no_header_where_columns_go_by_position(read):
    assert read(TEXT, user_col="1", item_col="2") == (["dune", "emma"], ROW)


def test_a_cell_that_stands_below_itself_is_no_name(read):
    assert read(TEXT + "alice,emma\n") == (["dune", "emma"], ROW)


def test_where_nothing_tells_the_refusal_says_that_it_may_be_a_row(read):
    with pytest.raises(UserError, match=r"no column of users .*; got alice, dune; .*; --header no if line 1 is a row$"):
        read(TEXT)


@pytest.mark.parametrize("header", ["yes", "no"])
def test_what_is_said_of_the_header_holds(read, header):
    assert read(TEXT, header=header, user_col="1", item_col="2") == (["dune", "emma"][header == "yes" :],)
    assert read("1,2\n3,4\n", header=header, user_col="1", item_col="2") == ([2, 4][header == "yes" :],)
    assert read("user,item\n3,4\n", header=header) == ([4] if header == "yes" else ["4", "item"],)


@pytest.mark.parametrize("row", ["1,7,5\n2,3,1\n", "u1,f7,5\nu2,f3,1\n"])
def test_foreign_names_above_other_things_are_names_and_that_is_said(read, row):
    given = {"user_col": "1", "item_col": "2", "rating_col": "3"}
    items, said = read("utente,film,voto\n" + row, **given)
    assert len(items) == 2
    assert said == NAMES.format("utente, film, voto")
    assert read("utente,film,voto\n" + row, **given | {"user_col": "utente"}) == (items,)


@pytest.mark.parametrize(
    "text",
    ["user,item,rating\na,b,5\nc,d,1\n", "rating,movieId,userId\n5,b,a\n1,d,c\n", "a,b,5\nc,d,1\n", "1,b\n2,d\n"],
)
def test_of_what_is_plain_nothing_is_said(read, text):
    assert read(text) == (["b", "d"],)


def test_a_known_name_beside_a_number_is_said_to_be_taken_for_one(read):
    items, said = read("alice,book,5\nbob,song,1\n", user_col="1", rating_col="3")
    assert (items, said) == (["song"], NAMES.format("alice, book, 5"))
    assert read("alice,book,5\nbob,song,1\nalice,emma,2\n")[0] == ["book", "emma", "song"]


AGAIN = "expected a user and an item, got the names of the columns again: 'user' and 'item'; take such rows out"


@pytest.mark.parametrize("names", ["user,item", "\ufeffuser,item", '"user","item"'])
def test_the_names_of_columns_are_no_row_in_the_middle(read, names):
    with pytest.raises(UserError, match=f"x.csv line 3: {AGAIN}"):
        read(f"user,item\n1,2\n{names}\n3,4\n")
    frame = pd.DataFrame({"user": [1, "user"], "item": ["x", "item"]})
    with pytest.raises(UserError, match=f"row 2: {AGAIN}"):
        table_dataset(frame)


def test_a_user_or_an_item_may_be_called_as_its_column_is(read):
    assert read("user,item\nuser,2\nitem,user\n1,item\n") == (["2", "item", "user"],)


def test_excel_s_word_about_the_separator_is_told(read):
    for line in ("sep=;", '"sep=,"', "SEP=;", "sep=\t"):
        with pytest.raises(
            UserError, match=r"line 1: expected the names of columns, got .*which only Excel understands; remove it"
        ):
            read(f"{line}\nuser;item\n1;2\n")


def test_blanks_around_names_can_be_seen(read):
    with pytest.raises(UserError, match="--user-col 'kunde': no such column; got ' kunde ', ' film '; give one"):
        read(" kunde , film \n1,2\n", user_col="kunde", item_col="film")


def test_a_table_whose_columns_have_names_takes_no_other_word():
    frame = pd.DataFrame({"user": [1, 2], "item": [1, 2]})
    with pytest.raises(UserError, match="--header no: expected a file of text, got a table whose columns have names"):
        table_dataset(frame, TableOptions(header="no"))
    with pytest.raises(UserError, match="--header: expected auto or yes or no, got 'maybe'"):
        TableOptions(header="maybe")
