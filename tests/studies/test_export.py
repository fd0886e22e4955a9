"""The command as a user meets it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from studies.common.command import BAD_INPUT, exit_code
from studies.export import app
from tests.core.export.written import imported
from tests.studies.conftest import database


def export(*words):
    return exit_code(lambda: app([*words], exit_on_error=False, print_error=False))


@pytest.fixture(autouse=True)
def in_the_study(studied, monkeypatch):
    monkeypatch.chdir(studied)


def refused(capsys, *words):
    assert export(*words) == BAD_INPUT
    captured = capsys.readouterr()
    lines = captured.err.strip().splitlines()
    assert len(lines) == 1, captured.err
    assert captured.out == ""
    return lines[0]


def found():
    return json.loads(Path("results/one/result.json").read_text())


@pytest.mark.parametrize("form", ["torch", "sympy", "latex", "json"])
def test_the_found_loss_comes_from_the_folder_of_a_study(form, capsys):
    assert export("--run", "results/one", "--to", form) == 0
    assert found()["best"]["formula"] in capsys.readouterr().out


def test_it_comes_from_mlflow_too(studied, capsys):
    from mlflow import MlflowClient

    client = MlflowClient(uri := database(studied))
    (experiment,) = client.search_experiments(filter_string="name = 'loss-search'")
    runs = client.search_runs([experiment.experiment_id], max_results=100)
    (parent,) = (run for run in runs if "mlflow.parentRunId" not in run.data.tags)
    assert export("--run", parent.info.run_id, "--tracking-uri", uri) == 0
    from_mlflow = capsys.readouterr().out
    assert export("--run", "results/one/result.json") == 0
    assert capsys.readouterr().out == from_mlflow
    child = next(run for run in runs if run.data.params.get("name") == "MaxR")
    assert export("--run", child.info.run_id, "--tracking-uri", uri) == 0
    assert "A known loss beside what was found" in capsys.readouterr().out


def test_the_file_is_written_and_works_in_a_process_without_this_project(tmp_path):
    assert export("--loss", "MaxR", "--epsilon", "0.1", "--out", str(tmp_path / "loss.py")) == 0
    program = (
        "import sys, torch; from loss import Loss; p = torch.tensor([0.2, 0.9]); y = torch.tensor([0.0, 1.0]);"
        "print(Loss()(p, y).item()); assert 'core' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    expected = ((0.2 + 0.1) / 0.1 + (1.1 / 1.0)) / 2
    assert float(done.stdout) == pytest.approx(expected, rel=1e-5)


def test_a_simpler_loss_can_be_picked(capsys):
    front = found()["front"]
    assert export("--run", "results/one", "--pick", f"complexity<={front[0]['complexity']}") == 0
    assert capsys.readouterr().out.startswith(f'"""{front[0]["name"]}')


def test_simplified(capsys, tmp_path):
    assert export("--loss", "(y - y_hat)^2 + y", "--simplified") == 0
    assert capsys.readouterr().out.startswith('"""(y - y_hat)^2\n')


def test_epsilon_takes_the_place_of_the_studys(capsys, tmp_path):
    assert export("--run", "results/one", "--name", "MaxR", "--epsilon", "0.5") == 0
    text = capsys.readouterr().out
    assert imported(text, tmp_path).EPSILON == 0.5
    assert "The smoothing term here is 0.5, in the study it was" in text


def test_an_evaluation_is_told_to_have_found_none(tmp_path, capsys):
    (tmp_path / "result.json").write_text('{"protocol": "paper", "settings": {"loss": ["BCE"]}}')
    told = refused(capsys, "--run", str(tmp_path))
    assert "got that of an evaluation, which found no loss" in told
    assert "unknown setting" not in told


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "expected either --run"),
        (("--loss", "MaxR", "--run", "results/one"), "expected either --run"),
        (("--loss", "log(y_hat"), "log(y_hat"),
        (("--loss", "y_hat", "--to", "pdf"), "unknown form 'pdf': expected one of json, latex, sympy, torch"),
        (("--loss", "y_hat", "--pick", "best"), "--pick and --name choose among the losses of a study"),
        (("--run", "results/one", "--pick", "shortest"), "pick: expected best, complexity<=N"),
        (("--run", "results/one", "--name", "nobody"), "this study has no loss 'nobody'"),
        (("--run", "results/two"), "--run results/two: expected the folder of a study or the id of a run"),
        (("--run", "results"), "a folder without result.json"),
        (("--run", "mlflow.db"), "mlflow.db: expected the result.json of a study"),
        (("--run", "0" * 32), "cannot use it"),
        (("--run", "0" * 32, "--tracking-uri", "sqlite:///other.db"), "there is no such database"),
        (("--run", "0" * 32, "--tracking-uri", "none"), "there is no such database"),
        (("--loss", "y_hat", "--epsilon", "0"), "--epsilon: expected a number above 0"),
        (("--loss", "y_hat", "--xi", "2"), "xi: expected a number between 0 and 1"),
        (("--loss", "y_hat", "--clamp", "hard"), "unknown clamp rule 'hard'"),
        (("--loss", "y_hat", "--out", "no/such/loss.py"), "there is no folder no/such; make it first"),
        (("--loss", "y_hat", "--out", "results"), "expected the name of a file, got a folder"),
        (("--loss", "y_hat", "--out", "/dev/null"), "expected the name of a file, got a folder or a device"),
        (("--loss", "y_hat", "--out", "x" * 5000), "File name too long"),
        (("--run", "x" * 5000), "File name too long"),
        (("--run", "\0"), "--run"),
    ],
)
def test_bad_input_is_told_in_a_line(words, message, capsys):
    assert message in refused(capsys, *words)


def test_nothing_is_left_behind_where_nothing_is_asked_for(studied, capsys):
    before = sorted(studied.rglob("*"))
    assert export("--loss", "y_hat") == 0
    capsys.readouterr()
    refused(capsys, "--run", "0" * 32, "--tracking-uri", "sqlite:///other.db")
    assert sorted(studied.rglob("*")) == before
