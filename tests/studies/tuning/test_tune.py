"""The command as a user meets it, and what MLflow has of it."""

import json
import shlex
from pathlib import Path

import pytest

from studies.common.command import BAD_INPUT, exit_code
from studies.tracking.server import connect
from studies.tune import app, dashboard
from studies.tuning.report import REPORT_FILES
from tests.studies.tuning.small import SEARCH, small_arguments

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # for the workers


def tune(*words):
    return exit_code(lambda: app([*words], exit_on_error=False, print_error=False))


def left_behind():
    return sorted(str(path) for path in Path().rglob("*"))


def runs(role):
    client, experiment_id = connect("sqlite:///mlflow.db", "loss-search-tuning")
    found = client.search_runs([experiment_id], f"tags.role = '{role}'", max_results=100)
    return client, sorted(found, key=lambda run: int(run.data.tags.get("trial", 0)))


@pytest.mark.parametrize("path", ["out", "t 2", "it's $HOME", "-x"])
def test_the_command_that_looks_closer_can_be_pasted(path):
    name, file = shlex.split(dashboard(Path(path)))
    assert (name, Path(file)) == ("optuna-dashboard", Path(path) / "optuna-journal.log")
    assert not file.startswith("-")


def test_prints_a_summary_and_writes_files_pictures_and_runs(capsys, migrated):
    Path("mlflow.db").write_bytes(migrated.read_bytes())
    assert tune(*small_arguments(), "--out", "out") == 0
    printed = capsys.readouterr()
    for text in (
        "The best of 3 trials",
        "With seeds that chose nothing",
        "To use them: python -m studies.run --searcher rl --seed 0 --dataset synthetic",
        "mlflow ui",
    ):
        assert text in printed.out
    assert "optuna-dashboard out/optuna-journal.log" in printed.out
    assert "trial 2: epsilon" in printed.err
    content = json.loads(Path("out/result.json").read_text())
    assert [tried["number"] for tried in content["trials"]] == [0, 1, 2]
    assert Path("out/history.png").read_bytes().startswith(b"\x89PNG")
    assert Path("out/settings.png").exists()
    kept = {path.name for path in Path("out").iterdir() if not path.name.startswith((".", "parts", "optuna-journal"))}
    assert kept <= set(REPORT_FILES), "these are looked for before anything is tried"
    client, trials = runs("trial")
    assert [run.data.tags["trial"] for run in trials] == ["0", "1", "2"]
    assert {run.info.status for run in trials} == {"FINISHED"}
    assert trials[0].data.params == {"epsilon": "1e-06"}
    assert trials[0].data.metrics["valid_auc"] == pytest.approx(content["trials"][0]["value"])
    history = client.get_metric_history(trials[0].info.run_id, "valid_auc_per_seed")
    assert {str(point.step): point.value for point in history} == content["trials"][0]["per_seed"]
    _, (study,) = runs("tuning")
    assert study.info.status == "FINISHED"
    assert {run.data.tags["mlflow.parentRunId"] for run in trials} == {study.info.run_id}
    assert study.data.params["loss"] == "log(y_hat/(y))^2"
    files = {file.path for file in client.list_artifacts(study.info.run_id)}
    assert {"result.json", "history.png", "settings.png"} <= files

    assert tune(*small_arguments(trials=4), "--out", "out") == 0, "the same command goes on"
    assert "3 done" in capsys.readouterr().err
    _, (again,) = runs("tuning")
    assert again.info.run_id == study.info.run_id
    assert [run.data.tags["trial"] for run in runs("trial")[1]] == ["0", "1", "2", "3"]

    assert tune(*small_arguments(seeds=3), "--out", "out") == BAD_INPUT
    assert "was made with seeds 2, this one has 3" in capsys.readouterr().err
    assert tune(*small_arguments(seeds=3, trials=1), "--out", "out", "--no-resume", "--tracking-uri", "none") == 0
    assert len(json.loads(Path("out/result.json").read_text())["trials"]) == 1
    assert {path.name for path in Path("out").glob("*.before")} == {"parts.before", "optuna-journal.log.before"}


def test_thresholds_of_a_search_are_tuned_by_default(capsys):
    options = {name: value for name, value in SEARCH.items() if name != "epsilon"}
    words = small_arguments(**(options | {"trials": 1, "epsilon": 0.1}))
    words = [word for word in words if word not in ("--loss", "log(y_hat/(y))^2")]
    assert tune(*words, "--tracking-uri", "none", "--out", "out") == 0
    assert set(json.loads(Path("out/result.json").read_text())["present"]) == {
        "proxy_delta",
        "eta",
        "min_positive_rate",
        "xi",
    }
    assert (
        "To use them: python -m studies.run --searcher random --seed 0 --dataset synthetic" in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--vary", "etaa"], "unknown setting to vary 'etaa'"),
        (["--loss", "log("], "malformed formula"),
        (["--trials", "0"], "--trials: expected at least 1"),
        (["--jobs", "0"], "--jobs: expected at least 1"),
        (["--storage", "sqlite:////proc/nowhere/x.db"], "--storage sqlite:////proc/nowhere/x.db: cannot use it"),
        (["--storage", "postgresql+psycopg2://127.0.0.1:9/x"], "cannot use it"),
        (["--dataset", "table"], "--data"),
        (["--dataset", "table", "--data", "missing.csv"], "missing.csv"),
        (["--out", "/proc/nowhere"], "cannot write there"),
        (["--tracking-uri", "sqlite:////proc/nowhere/mlflow.db"], "cannot use it"),
        (["--checkpoint-every", "-1"], "--checkpoint-every: expected seconds"),
        (["--storage", "sqlite:///x.db", "--no-resume"], "give another --study-name instead"),
    ],
    ids=str,
)
def test_bad_input_gets_one_line_and_leaves_nothing_behind(capsys, words, message):
    options = {"--loss": "MaxR", "--dataset": "synthetic", "--tracking-uri": "none"} | {}
    given = [word for pair in options.items() if pair[0] not in words for word in pair]
    assert tune(*given, *words) == BAD_INPUT
    printed = capsys.readouterr()
    lines = printed.err.strip().splitlines()
    assert len(lines) == 1, printed.err
    assert message in lines[0]
    assert printed.out == ""
    assert left_behind() == []


def test_help_names_every_option(capsys):
    assert tune("--help") == 0
    text = capsys.readouterr().out
    options = "loss vary trials seeds confirm prune objective storage study-name resume no-resume checkpoint-every"
    assert all(f"--{name}" in text for name in options.split())
