"""A back end of one's own, as a user of the commands meets it."""

import json
import os
from pathlib import Path

import pytest

from studies.common.command import BAD_INPUT, INTERRUPTED, exit_code
from studies.compare import app as compare_app
from studies.run import app
from tests.studies.comparison.small import small_arguments as small_comparison
from tests.studies.small import small_arguments

pytestmark = pytest.mark.usefixtures("undrawn")

ROOT = Path(__file__).parents[2]
CODE = """
import os
from recommenders.backends.stacked import StackedBackend

class Own(StackedBackend):
    calls = 0

    def prepare(self, losses):
        Own.calls += 1
        if Own.calls > int(os.environ.get("OWN_ENDS", 10**9)):
            raise KeyboardInterrupt
        return super().prepare(losses)
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A class in the working folder; every test imports its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{tmp_path}")  # for the workers
    name = f"own_backend_{abs(hash(tmp_path))}"
    Path(f"{name}.py").write_text(CODE, encoding="utf-8")
    return name


def run(*words, app=app):
    return exit_code(lambda: app([*words, "--tracking-uri", "none"], exit_on_error=False, print_error=False))


def result(folder):
    content = json.loads(Path(folder, "result.json").read_text())
    assert content.pop("seconds")
    return content, content["settings"].pop("backend")


def test_a_study_is_that_of_the_back_end_that_it_is(own):
    assert run(*small_arguments(backend=f"{own}:Own"), "--out", "own") == 0
    assert run(*small_arguments(backend="torch"), "--out", "torch") == 0
    ours, theirs = result("own"), result("torch")
    assert ours[0] == theirs[0]
    assert (ours[1], theirs[1]) == (f"{own}:Own", "torch")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backend": "jax"}, "--backend: expected auto, compiled, torch or package.module:Class, got 'jax'"),
        ({"backend": "OWN:Nobody"}, "there is no Nobody in module OWN; its backends: Own"),
        ({"backend": "OWN:os"}, "expected a class derived from recommenders.backends.base.Backend, got <module 'os'"),
        (
            {"backend": "compiled", "recommender": "tests.recommenders.modules:PlainMF"},
            "--backend compiled: it cannot train ModuleRecommender on cpu; --backend auto takes one that can",
        ),
        ({"device": "cuda:99"}, "--device cuda:99: torch finds "),
        ({"device": "gpu"}, "--device: expected auto, cpu, cuda or cuda:N for one of several GPUs, got 'gpu'"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(own, options, message, capsys):
    options = {name: value.replace("OWN", own) for name, value in options.items()}
    assert run(*small_arguments(**options)) == BAD_INPUT
    told = capsys.readouterr().err.replace("\n", " ")
    assert message.replace("OWN", own) in told
    assert "Traceback" not in told


def test_a_study_does_not_go_on_with_another_back_end(own, monkeypatch, capsys):
    arguments = (*small_arguments(backend=f"{own}:Own"), "--out", "cut", "--checkpoint-every", "0")
    monkeypatch.setenv("OWN_ENDS", "3")
    assert run(*arguments) == INTERRUPTED
    monkeypatch.delenv("OWN_ENDS")
    source = Path(f"{own}.py")
    source.write_text(CODE + "# changed\n", encoding="utf-8")
    capsys.readouterr()
    assert run(*arguments, "--resume") == BAD_INPUT
    assert "holds a study with backend_source" in capsys.readouterr().err.replace("\n", " ")
    source.write_text(CODE, encoding="utf-8")
    assert run(*arguments, "--resume") == 0


@pytest.mark.services
def test_worker_processes_find_it(own, capsys):
    assert run(*small_comparison(backend=f"{own}:Own"), app=compare_app) == 0
    capsys.readouterr()
    assert run(*small_comparison(backend=f"{own}:Nobody"), app=compare_app) == BAD_INPUT
    assert capsys.readouterr().err.strip().splitlines()[-1].startswith("error: ")
