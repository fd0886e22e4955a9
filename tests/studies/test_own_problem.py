"""A problem of one's own, as a user of the commands meets it: the example of bit strings, and what may be wrong."""

import json
import os
import re
from pathlib import Path

import pytest

from core.search.trial import Verdict
from studies.common.command import BAD_INPUT, INTERRUPTED, exit_code
from studies.compare import app as compare_app
from studies.exporting.stored import StoredStudy
from studies.report import app as report_app
from studies.run import app
from studies.study.settings import StudySettings
from studies.tracking.server import open_server
from studies.tune import app as tune_app
from tests.studies.conftest import database

pytestmark = pytest.mark.usefixtures("undrawn")

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "examples" / "bits.py").read_text(encoding="utf-8")
#: Ends or breaks in the middle of a study.
ENDING = """
import os
calls = 0

class Ending(Bits):
    def evaluate(self, candidates, part, seed):
        global calls
        calls += 1
        if calls == int(os.environ.get("OWN_ENDS", 0)):
            kind = {"stop": KeyboardInterrupt, "break": RuntimeError}[os.environ["OWN_HOW"]]
            raise kind("in the middle\\nof a study")
        values = super().evaluate(candidates, part, seed)
        return values[: int(os.environ.get("OWN_FEWER", len(values)))]
"""
SHORT = ("--searcher", "random", "--trainings", "24", "--candidates-per-step", "8", "--repeats", "2")


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A module in the working folder; every test imports its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{tmp_path}")  # for the workers
    name = f"bits_{abs(hash(tmp_path))}"
    Path(f"{name}.py").write_text(EXAMPLE + ENDING, encoding="utf-8")
    return name


def run(*words, app=app, tracking="none"):
    return exit_code(lambda: app([*words, "--tracking-uri", tracking], exit_on_error=False, print_error=False))


def result_of(folder):
    return {**json.loads(Path(folder, "result.json").read_text()), "seconds": None}


@pytest.mark.parametrize("searcher", ["rl", "gp", "optuna", "hybrid", "random"])
def test_every_searcher_finds_better_strings_than_those_that_need_no_search(own, searcher, capsys):
    assert run("--problem", f"{own}:Bits", "--searcher", searcher, "--trainings", "60") == 0
    (folder,) = Path("results").iterdir()
    assert folder.name == f"{searcher}-{own}-Bits-0"
    result = result_of(folder)
    assert result["comparison"]["outcome"] == "ahead"
    assert result["best"]["test"]["share"] > 0.6
    assert len(result["best"]["formula"].split()) == 20
    assert set(result["baselines"]) == {"zeros", "ones"}
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == [
        ".loss-search",
        "history.json",
        "report.html",
        "result.json",
    ]
    assert "Best found bit string: " in capsys.readouterr().out


def test_gp_finds_the_hidden_string(own):
    assert run("--problem", f"{own}:Bits", "--searcher", "gp", "--trainings", "400", "--out", "r") == 0
    assert result_of("r")["best"]["test"] == {"share": 1.0}


def test_the_result_says_how_one_speaks_of_it_and_nothing_of_losses(own):
    assert run("--problem", f"{own}:Bits:length=8", *SHORT, "--out", "r") == 0
    content = result_of("r")
    assert not {"dataset", "recommender", "clamp", "operators", "epsilon", "baseline"} & set(content["settings"])
    assert content["settings"]["problem"] == f"{own}:Bits:length=8"
    assert content["settings"]["duplicates"] == "nothing", "rewards never change"
    assert content["problem"]["many"] == "bit strings"
    assert content["problem"]["metrics"] == [{"name": "share", "higher_is_better": True}]
    assert set(content["problem"]["verdicts"]) < {verdict.value for verdict in Verdict}
    body = Path("r", "report.html").read_text().split("<body")[1].split('id="settings"')[0]
    seen = " ".join(re.sub(r"<[^>]*>", " ", body).split()).lower()
    assert "the found bit string" in seen
    assert not re.search(r"\bloss(es)?\b|gradient|recommender|epsilon", seen)


def test_a_result_is_read_where_the_class_is_not_there(own):
    assert run("--problem", f"{own}:Bits:length=8", *SHORT, "--out", "r") == 0
    Path(f"{own}.py").unlink()
    text = Path("r", "result.json").read_text().replace(own, "gone")
    study = StoredStudy.parse(text, "r")
    assert (study.metric, study.terms.one, len(study.baselines)) == ("share", "bit string", 2)
    Path("r", "result.json").write_text(text)
    assert run("--run", "r", "--out", "again.html", app=report_app) == 0


def test_reading_settings_imports_nothing():
    assert StudySettings.from_dict({"problem": "nobody.has:This"}).search.problem == "nobody.has:This"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--problem", "{}:Bitz"), "there is no Bitz in module {}; its problems: Bits, Ending"),
        (("--problem", "{}x:Bits"), "there is no module {}x"),
        (("--problem", "{}:Bits:width=3"), "unknown setting of {}:Bits 'width': expected one of length, noise"),
        (("--problem", "{}:Bits:length=big"), "length: expected a whole number, got 'big'"),
        (("--problem", "{}:Bits:length=0"), "expected a length of at least 1"),
        (("--problem", "{}:BIT"), "expected a class derived from core.phases.problem.StudyProblem, got Kind"),
        (
            ("--problem", "bitz"),
            "unknown problem 'bitz': expected one of crosses, decay, interaction, law, loss, ranking, table.",
        ),
        (("--problem", "loss:size=3"), "loss has no settings"),
        (("--problem", "{}:Bits", "--recommender", "mlp"), "--recommender: --problem {}:Bits has no use for it"),
        (("--problem", "{}:Bits", "--operators", "+exp"), "--operators: --problem {}:Bits has no use for it"),
        (("--problem", "{}:Bits", "--data", "{}.py"), "--data: --problem {}:Bits has no use for it"),
        (
            ("--problem", "{}:Bits", "--baseline", "twos"),
            "unknown bit string 'twos': expected one of ones, zeros",
        ),
        (("--problem", "{}:Bits", "--guess", "0 1 2"), "--guess '0 1 2' is outside of the search space"),
        (("--problem", "{}:Ending"), "evaluate: expected 2 numbers, one for each candidate, got [0.5]"),
    ],
)
def test_what_cannot_be_is_one_line_and_leaves_nothing(own, words, message, capsys, monkeypatch):
    monkeypatch.setenv("OWN_FEWER", "1")
    assert run(*(word.format(own) for word in words), *SHORT) == BAD_INPUT
    captured = capsys.readouterr()
    (told,) = captured.err.strip().splitlines()
    assert told.startswith("error: ")
    assert message.format(*[own] * 2) in told
    assert captured.out == ""
    assert not Path("results").exists()


def test_other_commands_say_that_they_are_about_losses(own, capsys):
    assert run("--problem", f"{own}:Bits", app=tune_app) == BAD_INPUT
    assert "--problem: expected loss" in capsys.readouterr().err


def test_a_problem_that_breaks_in_the_middle_ends_the_study_with_a_line(own, monkeypatch, capsys):
    monkeypatch.setenv("OWN_ENDS", "3")
    monkeypatch.setenv("OWN_HOW", "break")
    assert run("--problem", f"{own}:Ending", *SHORT) == BAD_INPUT
    told = capsys.readouterr().err.strip().splitlines()[-1]
    assert told == f"error: problem {own}:Ending: raised RuntimeError: in the middle"


@pytest.mark.parametrize("calls", [3, 6, 8])
def test_an_interrupted_study_goes_on_with_the_same_class_only(own, calls, monkeypatch, capsys):
    arguments = ("--problem", f"{own}:Ending:noise=0.1", *SHORT, "--checkpoint-every", "0")
    assert run(*arguments, "--out", "whole") == 0
    monkeypatch.setenv("OWN_HOW", "stop")
    monkeypatch.setenv("OWN_ENDS", str(__import__(own).calls + calls))
    assert run(*arguments, "--out", "cut") == INTERRUPTED
    source = Path(f"{own}.py")
    source.write_text(source.read_text() + "# changed\n", encoding="utf-8")
    capsys.readouterr()
    assert run(*arguments, "--out", "cut", "--resume") == BAD_INPUT
    assert "holds a study with problem_source" in capsys.readouterr().err
    source.write_text(source.read_text().removesuffix("# changed\n"), encoding="utf-8")
    assert run(*arguments, "--out", "cut", "--resume") == 0
    assert result_of("cut") == result_of("whole")


@pytest.mark.services
def test_searchers_are_compared_on_it_by_processes_with_mlflow(own, migrated, capsys):
    Path("mlflow.db").write_bytes(Path(migrated).read_bytes())
    words = "--searchers gp --seeds 2 --noise-seeds 2 --trainings 24 --repeats 2".split()  # noqa: SIM905
    place = database(Path.cwd())
    assert run("--problem", f"{own}:Bits:noise=0.05", *words, app=compare_app, tracking=place) == 0
    (folder,) = Path("results").iterdir()
    assert folder.name == f"compare-{own}-Bits-noise-0.05"
    content = result_of(folder)
    assert {run["searcher"] for run in content["runs"]} == {"gp", "random"}
    assert [one["name"] for one in content["baselines"]] == ["zeros", "ones"]
    assert content["noise"]["loss"] == "zeros"
    assert len(set(content["noise"]["converged"])) == 2, "noise is what seeds move"
    assert "one and the same bit string" in " ".join(content["conclusion"])
    with open_server(place) as client:
        runs = client.search_runs([client.get_experiment_by_name("loss-search-comparison").experiment_id])
    assert {run.data.tags.get("problem") for run in runs} == {f"{own}:Bits:noise=0.05"}
    before = {path.name for path in Path(folder, "parts").iterdir()}
    again = ("--seeds" if word == "--seeds" else word for word in words)
    assert run("--problem", f"{own}:Bits:noise=0.05", *again, app=compare_app, tracking=place) == 0
    assert {path.name for path in Path(folder, "parts").iterdir()} == before
