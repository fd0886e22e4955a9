"""Whatever is said about the data is shown."""

import pytest

from studies.reporting.page import data_notes, format_setting


def test_scalars_tables_and_sentences():
    notes = data_notes(
        {
            "name": "mine",
            "n_users": 30_000,
            "train": 10,
            "density": 0.0123456,
            "parts": {"train": {"rows": 10, "cold_users": 1}, "test": {"rows": 3}},
            "notes": ["guessed the columns"],
            "warnings": ("few rows",),
            "split": None,
            "sizes": {"a": 1},
        }
    )
    expected = [("data set", "mine"), ("users", "30,000"), ("density", "0.01235"), ("split", "-"), ("sizes, a", "1")]
    assert list(notes.entries) == expected
    assert notes.table == (("part", "rows", "cold users"), ("train", "10", "1"), ("test", "3", "-"))
    assert notes.sentences == (("notes", "guessed the columns"), ("warnings", "few rows"))


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (float("nan"), "-"), (True, "yes"), (2**70, "a huge number"), ([], "-"), ([1, "a"], "1, a")],
)
def test_values_are_for_reading(value, text):
    assert format_setting(value) == text


def test_parts_are_told_where_there_is_no_table():
    assert data_notes({"train": 5, "parts": 3}).entries == (("train rows", "5"), ("parts", "3"))
