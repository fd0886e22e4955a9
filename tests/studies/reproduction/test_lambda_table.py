"""The table of lambda-opt: its numbers, and the command as a user meets it."""

from pathlib import Path

import pytest

from studies.common.command import BAD_INPUT, exit_code
from studies.reproduce import app_of
from studies.reproduction.registry import REPRODUCTIONS
from studies.reproduction.slides.lambda_table import METRICS, PUBLISHED
from tests.studies.reproduction.frames import made_up

ROOT = Path(__file__).parents[3]
NAME = "lambda-table"
SHORT = ("--dataset", "synthetic", "--max-epochs", "2", "--dimensions", "4", "--seeds", "2", "--jobs", "1")
#: The rows of the slides as they are printed: Food, then MovieLens-10M.
PRINTED = """
fixed 0.8052 0.3482 0.4163 0.2251 0.2217 0.9497 0.2487 0.3779 0.0727 0.0943
D 0.8109 0.2134 0.3910 0.1292 0.1543 0.9501 0.2365 0.3556 0.0715 0.0909
DU 0.8200 0.3694 0.4814 0.2049 0.2570 0.9554 0.2743 0.4109 0.0809 0.1031
DI 0.8501 0.2966 0.4476 0.1642 0.2039 0.9516 0.2648 0.3952 0.0804 0.1013
DUI 0.8743 0.4470 0.5251 0.2946 0.2920 0.9575 0.3027 0.4367 0.0942 0.1158
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # for the workers


def reproduce(*words):
    return exit_code(lambda: app_of(words)([*words], exit_on_error=False, print_error=False))


def test_published_numbers_are_those_that_are_printed():
    rows = [[name, *(f"{value:.4f}" for value in (*row.food, *row.movies))] for name, row in PUBLISHED.items()]
    assert rows == [line.split() for line in PRINTED.strip().splitlines()]
    assert list(METRICS) == ["AUC", "HR@50", "HR@100", "NDCG@50", "NDCG@100"]


def test_gains_are_over_fixed_decays():
    _, gains = REPRODUCTIONS[NAME].tables(made_up(NAME))
    row = {name: dict(zip(gains.columns, cells, strict=True)) for name, *cells in (r[:1] + r for r in gains.rows)}
    assert row["DUI"]["HR@50: ours"] == "+11.1%"
    assert row["DUI"]["HR@50: Food, paper"] == "+28.4%"
    assert row["1/(n)"]["HR@50: ML-10M, paper"] == "-"
    assert row["DU"]["AUC: ours"] == "-"  # not measured, but published


def test_sentences_say_who_is_ahead():
    said = list(REPRODUCTIONS[NAME].notes(made_up(NAME)))
    assert "DUI beside fixed: +0.0100 test NDCG@50, better with 6 of 6 seeds, Wilcoxon p = 0.031." in said
    assert any(one.startswith("DUI beside fixed-refit: -0.0100 test NDCG@50") for one in said)


def test_measures_prints_and_writes_and_then_has_nothing_to_do(capsys):
    words = (NAME, *SHORT, "--treatment", "DUI-refit", "--treatment", "1/(n)", "--out", "there")
    assert reproduce(*words) == 0
    printed = capsys.readouterr()
    assert "Data synthetic" in printed.err
    assert printed.err.count(": done") == 6
    assert "1/(n)" in printed.out
    raw = Path("there", f"{NAME}.csv").read_bytes()
    assert reproduce(*words) == 0
    again = capsys.readouterr()
    assert (again.out, ": done" in again.err) == (printed.out, False)
    assert reproduce(NAME, "--cached", f"there/{NAME}.csv") == 0
    assert Path("there", f"{NAME}.csv").read_bytes() == raw


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((NAME, "--treatment", "fixd"), "unknown rule of decays 'fixd'"),
        ((NAME, "--seeds", "0"), "--seeds: expected 1 to 50,000"),
        ((NAME, "--dimensions", "0"), "dimensions: expected 1 to 4,096, got 0"),
        ((NAME, "--dataset", "ml-10m"), "unknown data set 'ml-10m'"),
        (("--seeds", "1", NAME), "lambda-table"),
    ],
)
def test_what_cannot_be_is_one_line(words, told, capsys):
    small = () if "--dataset" in words else ("--dataset", "synthetic")
    assert reproduce(*words, *small, "--out", "there") == BAD_INPUT
    (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
    assert line.startswith("error: ")
    assert told in line
