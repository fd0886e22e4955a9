"""Phase III by an executor: the same result to the bit, killed and gone on with, too."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.phases.contender import TrainingResult
from studies.common.command import BAD_INPUT, INTERRUPTED, exit_code
from studies.run import app_of
from studies.running.spreading import Shares, read_result
from studies.storage.output import plain
from tests.studies.small import small_arguments

NOWHERE = ("--tracking-uri", "none")
CROSSES = ("--problem", "crosses", "--searcher", "random", "--trainings", "3", "--finalists", "2", "--baseline", "lr")
RANKING = ("--task", "ranking", "--dataset", "synthetic", "--max-epochs", "2", "--every", "1", "--negatives", "16")
RANKING += ("--tuning-settings", "3", "--tuning-epochs", "4", "--trainings", "3", "--repeats", "2", "--baseline", "SL")
RANKING += ("--finalists", "2", "--searcher", "random")

numbers = st.floats(allow_nan=False) | st.just(math.nan)
metrics = st.dictionaries(st.sampled_from(("auc", "log_loss")), numbers)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(*words):
    return exit_code(lambda: app_of(words)([*words], exit_on_error=False, print_error=False))


def result(folder):
    def timeless(content):
        return {name: value for name, value in content.items() if "seconds" not in name}

    return json.loads(Path(folder, "result.json").read_text(), object_hook=timeless)


@pytest.mark.parametrize("executor", ["inline", "processes:tries=2"])
def test_a_study_comes_to_the_same_wherever_its_finals_are_trained(executor):
    words = [word for word in small_arguments() if word != "--no-model"]  # which is trained in the command's process
    assert run(*words, *NOWHERE, "--out", "here") == 0
    assert run(*words, *NOWHERE, "--out", "there", "--executor", executor, "--jobs", "2") == 0
    assert result("there") == result("here")
    assert {path.name for path in Path("there").iterdir()} == {path.name for path in Path("here").iterdir()}


@pytest.mark.parametrize("words", [CROSSES, RANKING], ids=["crosses", "ranking"])
def test_other_problems_do_too(words):
    assert run(*words, *NOWHERE, "--no-model", "--out", "here") == 0
    assert run(*words, *NOWHERE, "--no-model", "--out", "there", "--executor", "inline") == 0
    assert result("there") == result("here")


def interrupted_after(monkeypatch, n, *words):
    """A study that is interrupted once so many trainings are tasks that are done."""
    told, on_part = [], Shares.on_part

    def tell(shares, task, result):
        on_part(shares, task, result)
        told.append(task)
        if len(told) == n:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Shares, "on_part", tell)
        assert run(*words, *NOWHERE, "--out", "there", "--checkpoint-every", "0", "--executor", "inline") == INTERRUPTED


@pytest.mark.parametrize("then", [("--executor", "inline"), ()], ids=["elsewhere", "here"])
@pytest.mark.parametrize("n", [1, 5])
def test_what_was_interrupted_is_gone_on_with_wherever_it_is_trained_then(monkeypatch, n, then):
    words = small_arguments()
    assert run(*words, *NOWHERE, "--out", "here") == 0
    interrupted_after(monkeypatch, n, *words)
    assert any(Path("there/parts").glob("*.json"))
    assert run(*words, *NOWHERE, "--out", "there", "--resume", *then) == 0
    assert result("there") == result("here")
    assert not Path("there/parts").exists()


def test_finals_that_were_begun_here_are_gone_on_with_elsewhere(monkeypatch):
    words = (*small_arguments(), *NOWHERE, "--checkpoint-every", "0")
    assert run(*words, "--out", "here") == 0
    epochs = []

    def epoch(progress, curves):
        epochs.append(curves)
        if len(epochs) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("studies.run.LiveProgress.on_epoch", epoch)
        assert run(*words, "--out", "there") == INTERRUPTED
    assert run(*words, "--out", "there", "--resume", "--executor", "inline") == 0
    assert result("there") == result("here")


def test_without_resume_what_was_trained_is_set_aside(monkeypatch):
    interrupted_after(monkeypatch, 1, *small_arguments())
    assert run(*small_arguments(), *NOWHERE, "--out", "there") == 0
    assert any(Path("there/parts.before").glob("*.json"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--executor", "nobody"), "unknown executor 'nobody'"),
        (("--executor", "processes:tries=0"), "tries: expected at least 1, got 0"),
        (("--jobs", "2"), "--jobs: of --executor, which is not given"),
        (("--executor", "inline", "--jobs", "0"), "--jobs: expected at least 1, got 0"),
    ],
)
def test_what_cannot_be_gets_one_line_and_leaves_nothing(capsys, words, message):
    assert run(*small_arguments(), *NOWHERE, "--out", "out", *words) == BAD_INPUT
    assert message in capsys.readouterr().err
    assert not Path("out").exists()


@given(metrics, metrics, st.lists(numbers), metrics)
def test_what_a_task_came_to_is_read_as_it_was(validation, test, curve, chosen):
    before = TrainingResult(3, 2, validation, test, tuple(curve), chosen)
    stored = json.loads(json.dumps(plain(before.to_dict()), allow_nan=False))
    assert plain(read_result(stored).to_dict()) == plain(before.to_dict())
