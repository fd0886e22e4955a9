"""A recommender of one's own, as a user of the commands meets it."""

import json
import os
from pathlib import Path

import pytest

from recommenders.data import DataFiles
from studies.common.command import BAD_INPUT, INTERRUPTED, exit_code
from studies.compare import app as compare_app
from studies.run import app
from studies.run import default_folder as folder_of_run
from studies.storage.output import folder_name
from studies.tune import app as tune_app
from tests.studies.comparison.small import small_arguments as small_comparison
from tests.studies.small import small_arguments, small_settings

pytestmark = pytest.mark.usefixtures("undrawn")

ROOT = Path(__file__).parents[2]
CODE = """
import os
import torch
from torch import nn

class Own(nn.Module):
    calls = 0

    def __init__(self, n_users, n_items, size: int = 3):
        super().__init__()
        self.user, self.item = nn.Embedding(n_users, size), nn.Embedding(n_items, size)
        self.noise = nn.Dropout(0.1)

    def forward(self, user, item):
        Own.calls += 1
        if Own.calls > int(os.environ.get("OWN_ENDS", 10**9)):
            kind = {"stop": KeyboardInterrupt, "break": RuntimeError}[os.environ["OWN_HOW"]]
            raise kind("in the middle\\nof a study")
        return (self.noise(self.user(user)) * self.item(item)).sum(-1)
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A class in the working folder; every test imports its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{tmp_path}")  # for the workers
    name = f"own_{abs(hash(tmp_path))}"
    Path(f"{name}.py").write_text(CODE, encoding="utf-8")
    return name


def run(*words, app=app):
    return exit_code(lambda: app([*words], exit_on_error=False, print_error=False))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{}:Owm", "there is no Owm in module {}; its recommenders: Own"),
        ("{}x:Own", "there is no module {}x"),
        ("{}:Own:width=3", "unknown setting of {}:Own 'width': expected one of size"),
        ("{}:Own:size=big", "size: expected a whole number, got 'big'"),
        ("{}:Own:size=-1", "its constructor raised"),
        ("{}:nn", "expected a class derived from torch.nn.Module, got <module"),
    ],
)
def test_what_cannot_be_is_one_line_and_leaves_nothing(own, line, message, capsys):
    arguments = small_arguments(recommender=line.format(own))
    assert run(*arguments, "--tracking-uri", "none") == BAD_INPUT
    captured = capsys.readouterr()
    (told,) = captured.err.strip().splitlines()
    assert told.startswith("error: ")
    assert message.format(own) in told
    assert captured.out == ""
    assert not Path("results").exists()


def test_an_explicit_init_std_that_the_class_does_not_take_is_refused(own, capsys):
    assert run(*small_arguments(recommender=f"{own}:Own"), "--init-std", "0.3", "--tracking-uri", "none") == BAD_INPUT
    assert "unknown setting" in capsys.readouterr().err


def test_a_class_that_breaks_in_the_middle_ends_the_study_with_a_line(own, monkeypatch, capsys):
    monkeypatch.setenv("OWN_ENDS", "200")
    monkeypatch.setenv("OWN_HOW", "break")
    assert run(*small_arguments(recommender=f"{own}:Own"), "--tracking-uri", "none") == BAD_INPUT
    told = capsys.readouterr().err.strip().splitlines()[-1]
    assert told == f"error: recommender {own}:Own: its forward raised RuntimeError: in the middle"


def test_an_interrupted_study_goes_on_with_the_same_class_only(own, monkeypatch, capsys):
    arguments = (*small_arguments(recommender=f"{own}:Own:size=2"), "--tracking-uri", "none")
    assert run(*arguments, "--out", "whole") == 0
    monkeypatch.setenv("OWN_ENDS", "0")
    monkeypatch.setenv("OWN_HOW", "stop")
    module = __import__(own)
    monkeypatch.setenv("OWN_ENDS", str(module.Own.calls + 200))
    assert run(*arguments, "--out", "cut", "--checkpoint-every", "0") == INTERRUPTED
    monkeypatch.delenv("OWN_ENDS")
    source = Path(f"{own}.py")
    source.write_text(CODE + "# changed\n", encoding="utf-8")
    capsys.readouterr()
    assert run(*arguments, "--out", "cut", "--resume") == BAD_INPUT
    assert "holds a study with recommender_source" in capsys.readouterr().err
    source.write_text(CODE, encoding="utf-8")
    assert run(*arguments, "--out", "cut", "--resume") == 0
    whole, cut = (json.loads(Path(name, "result.json").read_text()) for name in ("whole", "cut"))
    for result in (whole, cut):
        result.pop("seconds")
    assert whole == cut


@pytest.mark.services
def test_worker_processes_find_it(own, capsys):
    arguments = small_comparison(recommender=f"{own}:Own", trainings=2, max_epochs=1, repeats=1)
    assert run(*arguments, "--tracking-uri", "none", app=compare_app) == 0
    (folder,) = Path("results").iterdir()
    assert folder.name == f"compare-synthetic-{own}-Own"
    words = "--loss MaxR --dataset synthetic --trials 2 --seeds 1 --max-epochs 2 --tracking-uri none".split()  # noqa: SIM905
    assert run(*words, "--recommender", f"{own}:Own:size=2", app=tune_app) == 0
    capsys.readouterr()
    assert run(*small_comparison(recommender=f"{own}:Nobody"), "--tracking-uri", "none", app=compare_app) == BAD_INPUT
    assert capsys.readouterr().err.strip().splitlines()[-1].startswith("error: ")


def test_names_of_folders_are_legal_and_those_of_ours_as_ever():
    assert (
        folder_of_run(small_settings(recommender="a/b.c:Own:x=1,2"), DataFiles()).name
        == "random-synthetic-a-b.c-Own-x-1-2-0"
    )
    assert folder_of_run(small_settings(), DataFiles()).name == "random-synthetic-mf-0"
    long = folder_name("x" * 500)
    assert len(long) < 200
    assert long != folder_name("x" * 501)
