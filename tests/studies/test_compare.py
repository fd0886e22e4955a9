"""The command as a user meets it: what it prints, writes and refuses."""

import functools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from recommenders.data import DataFiles
from studies.common.command import BAD_INPUT, INTERRUPTED, exit_code
from studies.compare import app
from studies.comparison.settings import ComparePlaces, CompareSettings, command
from studies.study.parts import compose
from tests.studies.comparison.small import small_arguments
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # for the workers


def compare(*words):
    return exit_code(lambda: app([*words], exit_on_error=False, print_error=False))


def left_behind():
    return sorted(str(p) for p in Path().rglob("*"))


def test_writes_a_report_and_prints_a_summary(capsys):
    assert compare(*small_arguments(), "--tracking-uri", "none", "--out", "deep/er") == 0
    printed = capsys.readouterr()
    for text in ("gp", "random", "noise floor", "too few seeds", "deep/er/report.html"):
        assert text in printed.out
    for text in ("Noise floor, and phases I and II", "gp seed 1: best validation auc 0.", "Phase III"):
        assert text in printed.err
    result = json.loads(Path("deep/er/result.json").read_text())
    assert [run["searcher"] for run in result["runs"]] == ["gp", "gp", "random", "random"]
    assert result["command"].startswith("python -m studies.compare --searchers gp,random --seeds 2")
    assert result["conclusion"]
    lines = Path("deep/er/runs.csv").read_text().splitlines()
    assert lines[0] == "kind,searcher,seed,search_auc,loss,epsilon,validation_auc,test_auc"
    assert len(lines) == 1 + len(result["runs"]) + len(result["baselines"])
    assert Path("deep/er/report.html").read_text().startswith("<!DOCTYPE html>")
    assert Path("deep/er/anytime.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"searchers": "gp,annealing"}, "unknown searcher 'annealing'"),
        ({"searchers": "optuna:sampler=grid"}, "optuna sampler: expected"),
        ({"seeds": 0}, "--seeds: expected at least 1"),
        ({"seeds": "many"}, "--seeds"),
        ({"jobs": 0}, "--jobs: expected at least 1"),
        ({"searcher": "gp"}, "--searcher"),
        ({"executor": "proceses"}, "unknown executor 'proceses'"),
        ({"trainings": -1}, "trainings: expected at least 1"),
        ({"dataset": "table"}, "--data"),
        ({"dataset": "table", "data": "missing.csv"}, "missing.csv"),
        ({"out": "/proc/nowhere"}, "cannot write there"),
        ({"tracking_uri": "sqlite:////proc/nowhere/mlflow.db"}, "cannot use it"),
    ],
    ids=str,
)
def test_bad_input_gets_one_line_and_leaves_nothing_behind(capsys, changes, message):
    assert compare(*small_arguments(**{"tracking_uri": "none"} | changes)) == BAD_INPUT
    printed = capsys.readouterr()
    lines = printed.err.strip().splitlines()
    assert len(lines) == 1, printed.err
    assert message in lines[0]
    assert printed.out == ""
    assert left_behind() == []


def test_an_executor_is_chosen_by_its_name_and_changes_nothing(monkeypatch):
    words = [*small_arguments(searchers="random", seeds=1, trainings=4), "--tracking-uri", "none"]
    assert compare(*words, "--out", "processes", "--jobs", "2") == 0

    def refuse(*_):
        raise AssertionError("a process was asked")

    monkeypatch.setattr("studies.execution.processes.ProcessExecutor.run", refuse)
    assert compare(*words, "--out", "inline", "--executor", "inline") == 0
    results = [json.loads(Path(out, "result.json").read_text())["baselines"] for out in ("processes", "inline")]
    assert results[0] == results[1]


def living(group):
    """Processes of a group that have not ended; those that nobody has waited for do not count."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] not in "ZX":
            found.append(path.parent.name)
    return found


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, INTERRUPTED), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.nightly)]
)
@pytest.mark.services
def test_a_signal_ends_all_processes_and_keeps_what_is_finished(number, code):
    words = [sys.executable, "-m", "studies.compare", *small_arguments(trainings=10**6), "--tracking-uri", "none"]
    listen = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a background job starts deaf to it
    options = {"stderr": subprocess.PIPE, "text": True, "start_new_session": True, "preexec_fn": listen}
    started = subprocess.Popen([*words, "--out", "cut"], env=os.environ, **options)
    parts = Path("cut/parts")
    assert eventually(lambda: list(parts.glob("*.json")) or started.poll() is not None), "the noise floor is measured"
    assert started.poll() is None, started.stderr.read()
    os.killpg(started.pid, number)  # as a terminal does
    _, told = started.communicate()
    assert started.returncode == code
    assert "Traceback" not in told
    assert eventually(lambda: not living(started.pid)), "multiprocessing's own helper ends a moment later"
    assert all(json.loads(path.read_text())["kind"] for path in parts.glob("*.json"))


def test_the_command_to_repeat_it_says_what_is_not_default():
    settings = compose(
        CompareSettings, {"searchers": "gp,random", "epsilon": (0.1, 0.01), "weight_decay": 1e-4, "minutes": 2.5}
    )
    places = ComparePlaces(files=DataFiles(data=Path("my ratings.csv")))
    text = command(settings, places)
    assert text == (
        "python -m studies.compare --searchers gp,random --epsilon 0.1 --epsilon 0.01 "
        "--weight-decay 0.0001 --minutes 2.5 --data 'my ratings.csv'"
    )
    assert command(CompareSettings(), ComparePlaces()) == "python -m studies.compare"


@pytest.mark.services
def test_what_is_there_is_set_aside_where_that_is_asked_for(capsys):
    words = [*small_arguments(searchers="random", seeds=1), "--tracking-uri", "none", "--out", "out"]
    assert compare(*words) == 0
    parts = sorted(path.name for path in Path("out/parts").iterdir())
    capsys.readouterr()
    assert compare(*words, "--resume") == 0
    assert "are there from before" in capsys.readouterr().err
    assert compare(*words, "--no-resume") == 0
    assert "are there from before" not in capsys.readouterr().err
    assert sorted(path.name for path in Path("out/parts.before").iterdir()) == parts
    assert sorted(path.name for path in Path("out/parts").iterdir()) == parts
