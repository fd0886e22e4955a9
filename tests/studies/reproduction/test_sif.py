"""The figures of SIF: what their tables say, and the command as a user meets it."""

from pathlib import Path

import pytest

from studies.common.command import BAD_INPUT, exit_code
from studies.reproduce import app_of
from studies.reproduction.registry import REPRODUCTIONS
from studies.reproduction.slides.sif import SEARCHERS, SPACES
from tests.studies.reproduction.frames import made_up

ROOT = Path(__file__).parents[3]
SHORT = ("--dataset", "synthetic", "--max-epochs", "2", "--dimensions", "2", "--seeds", "1", "--jobs", "1")
#: Studies that each comes to, for one length of vectors.
PARTS = {"sif-figure2": 4, "sif-figure4": len(SEARCHERS), "sif-figure8": sum(map(len, SPACES.values()))}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # for the workers


def reproduce(*words):
    return exit_code(lambda: app_of(words)([*words], exit_on_error=False, print_error=False))


def test_gains_are_over_the_product_of_the_same_seeds_and_biases():
    (table,) = REPRODUCTIONS["sif-figure2"].tables(made_up("sif-figure2"))
    rows = [dict(zip(table.columns, cells, strict=True)) for cells in table.rows]
    found = {(one["biases"], one["method"]): one for one in rows}
    assert found["yes", "SIF"]["below the product"] == "-0.0100"
    assert found["no", "SIF"]["below the product"] == "+0.0200"
    assert found["no", "multiply"]["below the product"] == ""
    assert found["no", "Random"]["test RMSE"] == "-"
    assert found["yes", "multiply"]["in standard deviations"] == "0.8289"


def test_sentences_say_who_is_best_and_how_sure_that_is():
    said = REPRODUCTIONS["sif-figure4"].notes(made_up("sif-figure4"))
    assert said[0] == "With biases, 8 numbers, by test RMSE: multiply 0.9325, SIF in nets 0.9425, plus 0.9525."
    assert said[1].startswith(
        "SIF beside multiply: -0.0100 test RMSE below it, better with 0 of 6 seeds, Wilcoxon p = 0"
    )
    assert said[2] == "Without biases, 8 numbers, by test RMSE: SIF in nets 0.9525, plus 0.9625, multiply 0.9725."
    assert said[3].startswith("SIF beside multiply: +0.0200 test RMSE below it, better with 6 of 6 seeds")


@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=[] if one == "sif-figure2" else pytest.mark.nightly) for one in PARTS]
)
def test_measures_prints_and_writes_and_then_has_nothing_to_do(name, capsys):
    words = (name, *SHORT, *(() if name == "sif-figure2" else ("--trainings", "2")), "--out", "there")
    assert reproduce(*words) == 0
    printed = capsys.readouterr()
    assert printed.err.count(": done") == PARTS[name]
    raw = REPRODUCTIONS[name].tables(made_up(name))[0]
    assert raw.title in printed.out
    content = Path("there", f"{name}.csv").read_bytes()
    assert reproduce(*words) == 0
    again = capsys.readouterr()
    assert (again.out, ": done" in again.err) == (printed.out, False)
    assert reproduce(name, "--cached", f"there/{name}.csv") == 0
    assert Path("there", f"{name}.csv").read_bytes() == content


@pytest.mark.nightly
def test_figure_5_is_of_the_searches_of_figure_4(capsys):
    for name in ("sif-figure4", "sif-figure5"):
        assert reproduce(name, *SHORT, "--trainings", "2", "--out", "there") == 0
    printed = capsys.readouterr()
    assert printed.err.count(": done") == len(SEARCHERS)
    assert Path("there", "sif-figure5.png").read_bytes().startswith(b"\x89PNG")
    passes = {line.split()[1]: int(line.split()[2]) for line in printed.out.splitlines() if line[:5].strip() == "2"}
    assert passes["SIF"] > 50  # of the supernet
    assert 0 < passes["Random"] <= 2 * 4 * 2  # trainings, decays, epochs


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("sif-figure2", "--trainings", "5"), "--trainings: sif-figure2 has no use for it; it takes"),
        (("sif-figure4", "--trainings", "0"), "--trainings: expected 1 to 100,000, got 0"),
        (("sif-figure4", "--seeds", "0"), "--seeds: expected 1 to 50,000"),
        (("sif-figure4", "--dimensions", "0"), "dimensions: expected 1 to 1,024, got 0"),
        (("sif-figure4", "--max-epochs", "0"), "max_epochs: expected 1 to"),
        (("sif-figure4", "--dataset", "ml-10m"), "unknown data set of ratings 'ml-10m'"),
        (("--seeds", "1", "sif-figure4"), "sif-figure4"),
    ],
)
def test_what_cannot_be_is_one_line(words, told, capsys):
    assert reproduce(*words, "--out", "there") == BAD_INPUT
    (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
    assert line.startswith("error: ")
    assert told in line
