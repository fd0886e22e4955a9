"""The command as a user meets it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from matplotlib.image import imread

from studies.common.command import BAD_INPUT, exit_code
from studies.plot import app
from tests.studies.conftest import database

ROOT = Path(__file__).parents[2]
MANY = tuple(word for n in range(1, 9) for word in ("--loss", "*".join(["y_hat"] * n)))


def plot(*words):
    return exit_code(lambda: app([*words], exit_on_error=False, print_error=False))


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def refused(capsys, *words):
    assert plot(*words) == BAD_INPUT
    captured = capsys.readouterr()
    lines = captured.err.strip().splitlines()
    assert len(lines) == 1, captured.err
    assert captured.out == ""
    return lines[0]


def told(capsys, *words):
    assert plot(*words) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def test_a_picture_lies_where_it_is_said_to_and_what_it_shows_is_told(capsys):
    out = told(capsys, "--loss", "MaxR", "--loss", "(y_hat - y)^2", "--clamp", "none")
    assert "  MaxR: max of ratios, Table 4; eps 0.1, clamp none\n" in out
    assert "  (y_hat - y)^2: a formula; eps 1e-06, clamp none\n" in out
    assert "  BCE: binary cross entropy\n" in out
    assert out.endswith("Written to loss-curves.png\n")
    assert sorted(path.name for path in Path().iterdir()) == [".loss-search", "loss-curves.png"]
    height, width, _ = imread("loss-curves.png").shape
    assert 1100 <= width <= 1300
    assert 1100 <= height <= 1300
    assert Path("loss-curves.png").stat().st_size < 300_000


@pytest.mark.services
@pytest.mark.parametrize(
    ("ending", "start", "most"),
    [
        ("png", b"\x89PNG", 300_000),
        pytest.param("SVG", b"<?xml", 200_000, marks=pytest.mark.nightly),
        pytest.param("pdf", b"%PDF", 80_000, marks=pytest.mark.nightly),
    ],
)
def test_the_same_losses_give_the_same_bytes_in_any_process(ending, start, most, tmp_path, capsys):
    words = ["--loss", "MaxR", "--loss", "log(y_hat*y)", "--scale", "normalised", "--out"]
    told(capsys, *words, f"here.{ending}")
    subprocess.run(
        [sys.executable, "-m", "studies.plot", *words, str(tmp_path / f"there.{ending}")],
        env={"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "HOME": str(tmp_path)},
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    content = Path(f"here.{ending}").read_bytes()
    assert content == Path(f"there.{ending}").read_bytes()
    assert content.startswith(start)
    assert len(content) < most


def test_a_found_loss_has_its_own_settings(studied, capsys):
    best = json.loads((studied / "results/one/result.json").read_text())["best"]
    for run in (studied / "results/one", studied / "results/one/result.json"):
        out = told(capsys, "--run", str(run), "--loss", "MaxR", "--epsilon", "0.5", "--xi", "1e-3")
        found, given, beside = (line for line in out.splitlines() if line.startswith("  "))
        assert found.startswith(f"  found: {best['formula']}: Found by loss-search: random with seed 0, for mf on")
        epsilon = 1e-6 if best["epsilon"] is None else best["epsilon"]
        assert found.endswith(f"({run}); eps {epsilon:g}, clamp signed, xi 1e-06")
        assert given.endswith("eps 0.5, clamp none")
        assert beside == "  BCE: binary cross entropy"


def test_it_comes_from_mlflow_too(studied, capsys):
    from mlflow import MlflowClient

    client = MlflowClient(uri := database(studied))
    (experiment,) = client.search_experiments(filter_string="name = 'loss-search'")
    runs = client.search_runs([experiment.experiment_id], max_results=100)
    child = next(run for run in runs if run.data.params.get("name") == "MaxR")
    parent = child.data.tags["mlflow.parentRunId"]
    out = told(capsys, "--run", parent, "--run", child.info.run_id, "--tracking-uri", uri)
    assert "  found: " in out
    assert "  MaxR: A known loss beside what was found by loss-search" in out


def test_what_the_others_stand_beside_can_be_chosen_and_is_never_drawn_twice(capsys):
    assert told(capsys, "--loss", "MaxR", "--no-beside").count("\n  ") == 1
    assert "\n  focal: " in told(capsys, "--loss", "MaxR", "--beside", "focal")
    for words in (("--loss", "bce"), ("--loss", "MSE", "--beside", "MSE")):
        assert told(capsys, *words).count("\n  ") == 1
    out = told(capsys, "--loss", "MaxR", "--loss", "MaxR", "--loss", "MaxR", "--epsilon", "0.2")
    assert out.count("MaxR is asked for more than once: drawn once.") == 2


def test_factors_constants_and_gaps_are_told(capsys):
    words = ["--loss", "MSE", "--loss", "y", "--loss", "((1/(y_hat*y))^2)^2", "--clamp", "none", "--epsilon", "1e-100"]
    out = told(capsys, *words, "--scale", "normalised")
    assert "is as large as that of BCE:\n" in out
    assert "  MSE times 2: mean squared error" in out
    assert "y: a constant, with a gradient of 0 everywhere: flat lines.\n" in out
    assert "((1/(y_hat*y))^2)^2: not finite for y = 0 at 199 of 199 predictions" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "expected --loss (a formula or name), --run (a study) or several of them"),
        (("--loss", "MaxQ"), "unknown loss 'MaxQ': expected one of BCE, LogMin"),
        (("--loss", "maxxr"), "Did you mean 'MaxR'?"),
        (("--loss", "log(y_hat"), "malformed formula at position 9: expected ')'"),
        (("--loss", ""), "malformed formula"),
        (("--loss", "y_hat", "--beside", "BCEE"), "Did you mean 'BCE'?"),
        (("--loss", "y_hat", "--beside", "MSE", "--no-beside"), "expected --beside or --no-beside, got both"),
        (("--loss", "y_hat", "--scale", "log"), "unknown scale 'log': expected one of normalised, raw"),
        (("--loss", "y_hat", "--epsilon", "0"), "--epsilon: expected a number above 0"),
        (("--run", "results/two", "--epsilon", "0.1"), "--epsilon is for what --loss gives"),
        (("--loss", "y_hat", "--xi", "2"), "xi: expected a number between 0 and 1"),
        (("--loss", "y_hat", "--clamp", "hard"), "unknown clamp rule 'hard'"),
        (("--run", "results/two"), "--run results/two: expected the folder of a study or the id of a run"),
        (("--run", "."), "a folder without result.json"),
        (("--run", "0" * 32, "--tracking-uri", "sqlite:///other.db"), "there is no such database"),
        (("--loss", "y_hat", "--out", "curves.gif"), "expected a file whose name ends in .png, .svg or .pdf"),
        (("--loss", "y_hat", "--out", "curves"), "expected a file whose name ends in .png, .svg or .pdf"),
        (("--loss", "y_hat", "--out", "no/such/curves.png"), "there is no folder no/such; make it first"),
        (("--loss", "y_hat", "--out", "folder.png"), "expected the name of a file, got a folder"),
        (("--loss", "y_hat", "--out", "/proc/curves.png"), "cannot write there"),
        (("--loss", "y_hat", "--out", "x" * 5000 + ".png"), "File name too long"),
        (MANY, "at most 8 losses fit into one picture, got 9, with BCE beside"),
    ],
)
def test_bad_input_is_told_in_a_line_and_leaves_nothing(words, message, capsys):
    Path("folder.png").mkdir()
    assert message in refused(capsys, *words)
    assert [path.name for path in Path().iterdir()] == ["folder.png"]


def test_a_picture_from_before_stays_where_a_new_one_is_refused(capsys):
    told(capsys, "--loss", "MaxR")
    before = Path("loss-curves.png").read_bytes()
    refused(capsys, "--loss", "MaxQ")
    assert Path("loss-curves.png").read_bytes() == before
    told(capsys, "--loss", "SumR")
    assert Path("loss-curves.png").read_bytes() != before
