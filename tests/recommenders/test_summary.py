import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommenders.data import Dataset, Interactions
from recommenders.data.dataset import Origin
from recommenders.data.summary import summarise
from recommenders.data.synthetic import planted

N_USERS, N_ITEMS = 5, 7
part = st.lists(st.tuples(st.integers(0, N_USERS - 1), st.integers(0, N_ITEMS - 1), st.booleans()), max_size=20)


def made(*parts, **origin):
    columns = [
        Interactions(
            np.array([u for u, _, _ in rows], dtype=np.int64),
            np.array([i for _, i, _ in rows], dtype=np.int64),
            np.array([y for _, _, y in rows], dtype=np.float32),
        )
        for rows in parts
    ]
    return Dataset("x", *columns, np.arange(N_USERS), np.arange(N_ITEMS), "by hand", Origin(**origin))


@given(part, part, part)
def test_every_number_is_that_of_a_plain_count(train, validation, test):
    summary = summarise(made(train, validation, test))
    rows = train + validation + test
    assert summary.rows == len(rows)
    assert summary.positives == sum(y for *_, y in rows)
    assert summary.density == pytest.approx(len(rows) / (N_USERS * N_ITEMS))
    for name, own in (("validation", validation), ("test", test)):
        told = summary.parts[name]
        assert (told.rows, told.positives) == (len(own), sum(y for *_, y in own))
        assert told.cold_users == len({u for u, *_ in own} - {u for u, *_ in train})
        assert told.cold_items == len({i for _, i, _ in own} - {i for _, i, _ in train})


def test_it_is_told_in_few_lines_and_kept_as_plain_data():
    summary = summarise(planted())
    assert summary.lines()[0].startswith("Data synthetic: 6,000 rows read, 100 users, 80 items, 75.0% of all pairs, ")
    assert len(summary.lines()) <= 4
    assert json.loads(json.dumps(summary.to_dict())) == summary.to_dict()


def test_what_is_unusual_is_warned_of():
    train = [(0, 0, True)] * 999 + [(0, 1, False)]
    doubts = summarise(made(train, [(1, 2, True)] * 150, [(0, 0, True)] * 20)).warnings
    assert any("100.0% of the users of the validation part are not in training" in doubt for doubt in doubts)
    assert any("100.0% of the items of the validation part are not in training" in doubt for doubt in doubts)
    assert any("the test part has only 20 rows" in doubt for doubt in doubts)
    assert any("99.9% of all rows are positive; --positive-at" in doubt for doubt in doubts)
    assert summarise(planted()).warnings == ()


def test_what_was_done_is_told():
    data = made([(0, 0, True)] * 200, [], [], n_rows=300, n_repeated=100, pairs="first", labels="all is", notes=("so",))
    lines = summarise(data).lines()
    assert "  100 rows repeat a user and an item: the first row stays (--pairs)" in lines
    assert lines.index("  so") < lines.index("  all is")
    assert summarise(data).rows == 300
