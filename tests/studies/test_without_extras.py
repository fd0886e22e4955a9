"""What is not installed costs a line that names it before anything is trained, or one file of many."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from core.common.extras import EXTRAS
from studies import benchmark, compare, evaluate, export, plot, report, reproduce, run, table, tune
from studies.common.command import BAD_INPUT, exit_code
from studies.main import COMMANDS
from studies.reproduction.raw import to_csv
from studies.reproduction.registry import REPRODUCTIONS
from tests.missing import uninstall
from tests.studies.comparison.small import small_arguments as small_comparison
from tests.studies.evaluation.small import OPTIONS as EVALUATION
from tests.studies.reproduction.frames import made_up
from tests.studies.small import as_words, small_arguments
from tests.studies.tuning.small import small_arguments as small_tuning

ROOT = Path(__file__).parents[2]
#: torch loads it itself, whoever asks for what.
BROUGHT_ALONG = {"sympy"}
QUIET = ("--tracking-uri", "none")
CMAES = "optuna:sampler=cmaes"
SERVER = "postgresql+psycopg2://bob:s3cret@nowhere.invalid/db"


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def lines_of(capsys, command, words, code):
    assert exit_code(lambda: command.app([*words], exit_on_error=False, print_error=False)) == code
    return capsys.readouterr().err.strip().splitlines()


def csv_of(name):
    path = Path(f"{name}.csv")
    path.write_bytes(to_csv(made_up(name), REPRODUCTIONS[name].columns))
    return str(path)


#: Command, words, packages that it cannot do without.
REFUSED = {
    "run": (run, small_arguments(searcher=CMAES), ["cmaes"]),
    "run, tracked": (run, [*small_arguments(), "--tracking-uri", SERVER], ["psycopg2"]),
    "compare": (compare, small_comparison(), ["jinja2", "matplotlib", "scikit_posthocs"]),
    "compare, searchers": (compare, small_comparison(searchers=f"random,{CMAES}"), ["cmaes"]),
    "compare, tracked": (compare, [*small_comparison(), "--tracking-uri", SERVER], ["psycopg2"]),
    "compare, on a cluster": (compare, small_comparison(executor="ray"), ["ray"]),
    "evaluate, tracked": (evaluate, [*as_words(EVALUATION), "--tracking-uri", SERVER], ["psycopg2"]),
    "evaluate, tuner": (
        SimpleNamespace(__name__="studies.evaluate", app=evaluate.rankings),
        ["--task", "ranking", "--loss", "SL", "--tuner", "cma", *QUIET],
        ["cmaes"],
    ),
    "tune": (tune, [*small_tuning(loss=(), searcher=CMAES), *QUIET], ["cmaes"]),
    "tune, stored": (tune, [*small_tuning(), *QUIET, "--storage", SERVER], ["psycopg2"]),
    "tune, tracked": (tune, [*small_tuning(), "--tracking-uri", SERVER], ["psycopg2"]),
    "plot": (plot, ["--loss", "MaxR", "--out", "out.png"], ["matplotlib"]),
    "export, sympy": (export, ["--loss", "MaxR", "--to", "sympy", "--out", "out.py"], ["sympy"]),
    "export, latex": (export, ["--loss", "BCE", "--to", "latex", "--out", "out.tex"], ["sympy"]),
}


@pytest.mark.parametrize(
    ("key", "package"), [(key, package) for key, (_, _, packages) in REFUSED.items() for package in packages]
)
def test_what_cannot_be_done_is_refused_in_a_line_before_anything_is_trained(monkeypatch, capsys, key, package):
    command, words, _ = REFUSED[key]
    uninstall(monkeypatch, package)
    told = lines_of(capsys, command, words, BAD_INPUT)
    assert len(told) == 1, told
    assert f"needs {package}, which is not installed: pip install 'loss-search[{EXTRAS[package]}]'" in told[0]
    assert "s3cret" not in told[0]
    assert [path for path in Path().rglob("*") if not path.is_dir()] == []


@pytest.mark.parametrize("package", ["jinja2", "matplotlib"])
def test_a_page_cannot_be_made_without_what_pages_are_made_with(monkeypatch, capsys, studied, package):
    uninstall(monkeypatch, package)
    told = lines_of(capsys, report, ["--run", str(studied / "results/one"), "--out", "out.html"], BAD_INPUT)
    assert told == [
        f"error: the page about a study: needs {package}, which is not installed: pip install 'loss-search[report]'"
    ]


def test_a_study_leaves_everything_else(monkeypatch, capsys):
    uninstall(monkeypatch, "jinja2", "matplotlib", "sympy")
    warned = [
        line
        for line in lines_of(capsys, run, [*small_arguments(trainings=24), *QUIET, "--out", "out"], 0)
        if line.startswith("warning")
    ]
    assert [line.split(":")[1].split()[0] for line in warned] == ["report.html", "loss_sympy.py"]
    assert "loss-search[report]" in warned[0]
    assert "loss-search[sympy]" in warned[1]
    left = {path.name for path in Path("out").iterdir()}
    assert {"result.json", "history.json", "loss.py", "loss.tex", "loss.json"} <= left
    assert left.isdisjoint({"report.html", "loss_sympy.py"})


#: Command, words, what it writes nevertheless, and what it does not.
PICTURES = {
    "evaluate": (evaluate, [*as_words(EVALUATION), *QUIET, "--jobs", "1"], {"result.json", "seeds.csv"}, "losses.png"),
    "tune": (tune, [*small_tuning(), *QUIET, "--jobs", "1"], {"result.json"}, "history.png"),
    "reproduce": (reproduce, ["figure5", "--cached", "figure5.csv"], {"figure5.md"}, "figure5.png"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_without_pictures_all_numbers_are_there(monkeypatch, capsys, name):
    command, words, written, missing = PICTURES[name]
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # for the workers
    csv_of("figure5")
    uninstall(monkeypatch, "matplotlib")
    told = lines_of(capsys, command, [*words, "--out", "out"], 0)
    (warned,) = [line for line in told if line.startswith("warning")]
    assert "needs matplotlib, which is not installed: pip install 'loss-search[report]'" in warned
    left = {path.name for path in Path("out").iterdir()}
    assert written <= left
    assert missing not in left


#: Loads every command, and does what needs no extra.
_LOADS_ALL = """
import json, sys
from tests.missing import Missing
sys.meta_path.insert(0, Missing(*json.loads(sys.argv[1])))
from importlib import import_module
from studies.common.command import exit_code
apps = {name: import_module(f"studies.{name}").app for name in json.loads(sys.argv[2])}
words = json.loads(sys.argv[3])
sys.exit(exit_code(lambda: apps["run"](words, exit_on_error=False, print_error=False)))
"""


@pytest.mark.services
def test_every_command_loads_and_a_tracked_study_runs_where_no_extra_is_installed(migrated):
    Path("mlflow.db").write_bytes(Path(migrated).read_bytes())
    missing = json.dumps(sorted(set(EXTRAS) - BROUGHT_ALONG))
    words = json.dumps([*small_arguments(searcher="gp"), "--out", "out"])
    command = [sys.executable, "-W", "ignore", "-c", _LOADS_ALL, missing, json.dumps(list(COMMANDS)), words]
    done = subprocess.run(
        command, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT), "HOME": str(Path.cwd())}
    )
    assert done.returncode == 0, done.stderr
    assert "report.html could not be written" in done.stderr
    assert Path("out", "result.json").exists()


def test_every_command_is_tried_here():
    tried = {command.__name__.removeprefix("studies.") for command, *_ in (*REFUSED.values(), *PICTURES.values())}
    without_extras = {one.__name__.removeprefix("studies.") for one in (benchmark, table)}
    assert tried | {"report"} | without_extras == set(COMMANDS)
