"""The command as a user meets it."""

import json
import os
import shutil
from pathlib import Path

import pytest

from studies.common.command import BAD_INPUT, exit_code
from studies.report import app
from studies.run import app as run_app
from tests.studies.conftest import database
from tests.studies.pages import Reader
from tests.studies.small import small_arguments


def report(*words):
    return exit_code(lambda: app([*words], exit_on_error=False, print_error=False))


@pytest.fixture(autouse=True)
def in_a_copy(studied, tmp_path, monkeypatch):
    shutil.copytree(studied, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")


def refused(capsys, *words):
    assert report(*words) == BAD_INPUT
    captured = capsys.readouterr()
    lines = captured.err.strip().splitlines()
    assert len(lines) == 1, captured.err
    assert captured.out == ""
    return lines[0]


def test_a_study_leaves_its_page_and_the_command_draws_the_same(capsys):
    page = Path("results/one/report.html")
    before = page.read_bytes()
    page.unlink()
    assert report("--run", "results/one") == 0
    assert capsys.readouterr().out == "Written to results/one/report.html\n"
    assert page.read_bytes() == before
    found = json.loads(Path("results/one/result.json").read_text())["best"]["formula"]
    assert found in Reader(before.decode()).text
    assert b"is missing" not in before


def test_the_result_itself_may_be_named_and_the_page_put_elsewhere():
    assert report("--run", "results/one/result.json", "--out", "page.html") == 0
    assert "is missing" not in Path("page.html").read_text()


def test_without_a_history_there_is_a_page_too():
    Path("results/one/history.json").unlink()
    assert report("--run", "results/one") == 0
    assert "is missing" in Path("results/one/report.html").read_text()


def test_it_comes_from_mlflow_too(studied):
    from mlflow import MlflowClient

    client, options = MlflowClient(database(studied)), ("--tracking-uri", database(studied))
    (experiment,) = client.search_experiments(filter_string="name = 'loss-search'")
    runs = client.search_runs([experiment.experiment_id], max_results=100)
    (parent,) = (run.info.run_id for run in runs if "mlflow.parentRunId" not in run.data.tags)
    assert report("--run", parent, *options) == 0
    page = Path("report.html").read_text()
    assert f"--run {parent}" in page
    assert Reader(page).headings[0] == "Found and known losses"
    child = next(run.info.run_id for run in runs if "mlflow.parentRunId" in run.data.tags)
    assert report("--run", child, "--out", "child.html", *options) == 0
    assert Path("child.html").read_text() == page.replace(parent, child)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "expected --run"),
        (("--run", ""), "expected --run"),
        (("--run", "results/two"), "--run results/two: expected the folder of a study or the id of a run"),
        (("--run", "results"), "a folder without result.json"),
        (("--run", "mlflow.db"), "mlflow.db: expected the result.json of a study"),
        (("--run", "0" * 32, "--tracking-uri", "none"), "there is no such database"),
        (("--run", "results/one", "--out", "no/such/page.html"), "there is no folder no/such; make it first"),
        (("--run", "results/one", "--out", "results"), "expected the name of a file, got a folder"),
        (("--run", "results/one", "--nobody", "1"), "Unknown option"),
    ],
)
def test_bad_input_is_told_in_a_line(words, message, capsys):
    assert message in refused(capsys, *words)


def test_a_run_that_is_not_there_is_told_in_a_line(studied, capsys):
    assert "cannot use it" in refused(capsys, "--run", "0" * 32, "--tracking-uri", database(studied))


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b'{"metric": "f1"}', b"{}"])
def test_a_broken_history_is_told_in_a_line(content, capsys):
    before = Path("results/one/report.html").read_bytes()
    Path("results/one/history.json").write_bytes(content)
    assert "history.json of" in refused(capsys, "--run", "results/one")
    assert Path("results/one/report.html").read_bytes() == before


def test_a_folder_that_cannot_be_written_is_told_in_a_line(capsys, monkeypatch):
    if os.geteuid() == 0:
        monkeypatch.setattr(Path, "touch", lambda *_: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    Path("results/one").chmod(0o500)
    message = refused(capsys, "--run", "results/one")
    Path("results/one").chmod(0o700)
    assert "cannot write there: Permission denied" in message


def test_a_page_that_cannot_be_drawn_does_not_cost_the_study(monkeypatch, capsys):
    def broken(*_):
        raise RuntimeError("no ink")

    monkeypatch.setattr("studies.reporting.page.report_page", broken)
    words = [*small_arguments(), "--tracking-uri", "none", "--out", "two"]
    assert exit_code(lambda: run_app(words, exit_on_error=False, print_error=False)) == 0
    assert "report.html could not be written: no ink" in capsys.readouterr().err
    assert Path("two/result.json").exists()
    assert not Path("two/report.html").exists()
