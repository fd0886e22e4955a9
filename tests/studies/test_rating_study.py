"""Searches on ratings from the command line: options are the problem's settings, what is left behind, and resuming."""

import importlib.util
import json
from pathlib import Path

import pytest
import torch

from studies.common.command import BAD_INPUT, exit_code
from studies.compare import app_of as comparison_of
from studies.comparison.settings import RatingComparison
from studies.run import app_of
from studies.study.interactions import InteractionSettings
from studies.study.task_studies import RatingStudy

DATA = ("--task", "rating", "--dataset", "synthetic", "--dimensions", "2", "--max-epochs", "2", "--decays", "0.01")
SHORT = ("--trainings", "6", "--candidates-per-step", "3", "--repeats", "1", "--finalists", "2", "--simpler", "0")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))  # for the workers


def run(*words, of=app_of):
    return exit_code(lambda: of(words)([*words], exit_on_error=False, print_error=False))


def test_options_are_the_settings_of_the_problem():
    _, bound, _ = app_of(DATA).parse_args([*DATA, "--no-biases", "--space", "nets"], exit_on_error=False)
    line = "interaction:dataset=synthetic:space=nets:dimensions=2:biases=false:decays=0.01:max_epochs=2"
    assert bound.arguments["study"].study.search.problem == line
    asked = InteractionSettings(dimensions=4, decays=(0.1, 0.2))
    for made in (RatingStudy(interaction=asked).study, RatingComparison(interaction=asked).settings.study):
        assert made.search.problem == "interaction:dimensions=4:decays=0.1,0.2"


@pytest.mark.parametrize("space", ["functions", "programs", "nets", "networks"])
def test_a_study_compares_and_leaves_a_module(space, capsys):
    words = (*DATA, *SHORT, "--space", space, "--searcher", "random", "--eta", "10")
    assert run(*words, "--baseline", "NCF", "--baseline", "p*q", "--out", "there") == 0
    result = json.loads(Path("there", "result.json").read_text())
    assert set(result["baselines"]) == {"NCF", "p*q"}
    assert result["best"]["per_seed"][0]["chosen"] == {"decay": 0.01}
    assert "report, for a browser" in capsys.readouterr().out
    spec = importlib.util.spec_from_file_location("found_interaction", Path("there", "interaction.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made = module.Interaction(3) if space == "networks" else module.Interaction()
    assert made(torch.ones(4, 3), torch.ones(4, 3)).shape[0] == 4


@pytest.mark.parametrize("searcher", ["gp", "nasp:epochs=1"])
def test_the_same_seed_gives_the_same_result(searcher):
    found = []
    for name in ("one", "two"):
        words = (*DATA, *SHORT, "--space", "nets", "--searcher", searcher, "--eta", "10", "--baseline", "DeepWide")
        assert run(*words, "--out", name) == 0
        result = json.loads(Path(name, "result.json").read_text())
        found.append((result["finalists"], result["baselines"]))
    assert found[0] == found[1]


def test_searchers_are_compared_on_it(capsys):
    words = (*DATA, "--trainings", "4", "--seeds", "2", "--noise-seeds", "2", "--repeats", "1", "--searchers", "gp")
    assert run(*words, "--jobs", "1", "--out", "there", of=comparison_of) == 0
    assert "noise floor" in " ".join(capsys.readouterr().out.split())
    assert Path("there", "report.html").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--space", "net"), "problem interaction: unknown space of interactions 'net': expected one of"),
        (("--dimensions", "0"), "problem interaction: dimensions: expected 1 to 1,024, got 0"),
        (("--baseline", "NFC"), "unknown interaction 'NFC'"),
        (("--baseline", "network(0)"), "unknown interaction 'network(0)'"),
        (("--guess", "p*y"), "unknown name 'y'"),
        (("--space", "networks", "--searcher", "nasp"), "searcher nasp: expected a problem whose candidates share"),
        (("--task", "ratings"), "unknown task 'ratings'"),
        (
            ("--data", "a.csv", "--validation-data", "b.csv", "--test-data", "c.csv"),
            "--validation-data and --test-data: --problem interaction",
        ),
        (("--dataset", "ml-1m"), "data set ml-1m: give the path of ratings.dat"),
    ],
)
def test_what_cannot_be_is_one_line_and_leaves_nothing(words, told, capsys):
    given = words if "--task" in words else ("--task", "rating", *words)
    small = () if "--dataset" in words else ("--dataset", "synthetic")
    assert run(*given, *small, "--out", "there") == BAD_INPUT
    (said,) = capsys.readouterr().err.strip().splitlines()
    assert said.startswith("error: ")
    assert told in said
    assert not Path("there", "result.json").exists()
