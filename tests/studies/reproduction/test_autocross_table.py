"""The table of AutoCross: its numbers, and the command as a user meets it."""

from pathlib import Path

import pytest

from studies.common.command import BAD_INPUT, exit_code
from studies.reproduce import app_of
from studies.reproduction.registry import REPRODUCTIONS
from studies.reproduction.slides.autocross import PUBLISHED
from tests.studies.reproduction.frames import made_up

ROOT = Path(__file__).parents[3]
NAME = "autocross-table"
#: The rows of the slides as they are printed: Bank, Adult.
PRINTED = """
lr 0.9400 0.9169
autocross 0.9455 0.9280
AC+W&D 0.9420 0.9260
cmi 0.9431 0.9153
Deep 0.9418 0.9130
xDeepFM 0.9419 0.9131
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # for the workers


def reproduce(*words):
    return exit_code(lambda: app_of(words)([*words], exit_on_error=False, print_error=False))


def test_published_numbers_are_those_that_are_printed():
    rows = [[name, *(f"{PUBLISHED[data][name]:.4f}" for data in ("bank", "adult"))] for name in PUBLISHED["bank"]]
    assert rows == [line.split() for line in PRINTED.strip().splitlines()]


def test_the_paper_stands_beside_ours_and_gains_are_by_seed():
    (table,) = REPRODUCTIONS[NAME].tables(made_up(NAME))
    rows = {cells[1]: dict(zip(table.columns, cells, strict=True)) for cells in table.rows}
    assert rows["autocross"]["AUC, paper"] == "0.9280"
    assert rows["autocross"]["difference"] == "+0.0022"
    assert rows["Deep"]["AUC, ours"] == rows["age x sex"]["AUC, paper"] == "-"
    said = REPRODUCTIONS[NAME].notes(made_up(NAME))
    assert said[0] == "adult: autocross beside lr: +0.0100 test AUC, better with 6 of 6 seeds, Wilcoxon p = 0.031."
    assert not any("age x sex" in one for one in said)


def test_measures_prints_and_writes_and_then_has_nothing_to_do(capsys):
    words = (NAME, "--seeds", "2", "--model", "colour x shape x size", "--jobs", "1", "--out", "there")
    assert reproduce(*words) == 0
    printed = capsys.readouterr()
    assert printed.err.count(": done") == 6
    assert "planted: autocross beside lr: +" in " ".join(printed.out.split())
    assert reproduce(*words) == 0
    again = capsys.readouterr()
    assert (again.out, ": done" in again.err) == (printed.out, False)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((NAME, "--model", "xgboost"), "unknown set of crosses 'xgboost'"),
        ((NAME, "--seeds", "0"), "--seeds: expected 1 to 50,000"),
        ((NAME, "--dataset", "adlut"), "unknown table of fields 'adlut'"),
        ((NAME, "--dataset", "adult"), "data set adult: "),
        ((NAME, "--dimensions", "4"), "--dimensions"),
    ],
)
def test_what_cannot_be_is_one_line(words, told, capsys):
    assert reproduce(*words, "--out", "there") == BAD_INPUT
    (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
    assert line.startswith("error: ")
    assert told in line
