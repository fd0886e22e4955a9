"""The page on adding a back end, followed to the letter outside of the project, and in a copy of it."""

import importlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from recommenders.testing.backend import BackendContract

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "add-a-backend.md").read_text(encoding="utf-8")
CODE, TEST, ROW = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
SMALL = shlex.split(
    "--dataset synthetic --searcher random --trainings 4 --finalists 1 --repeats 1 --max-epochs 2 --baseline BCE "
    "--threads 1 --tracking-uri none"
)


@pytest.fixture
def outside(tmp_path):
    """A folder that holds nothing but the two files of the page."""
    (tmp_path / "my_backends.py").write_text(CODE, encoding="utf-8")
    (tmp_path / "test_my_backends.py").write_text(TEST, encoding="utf-8")
    return tmp_path


def run(folder, *words, project=ROOT):
    environment = os.environ | {"PYTHONPATH": str(project)}
    line = [sys.executable, "-m", *words]
    return subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.nightly
def test_it_keeps_the_contract(outside):
    (line,) = re.findall(r"`python -m (pytest test_my_backends\.py)`", PAGE)
    done = run(outside, *line.split(), "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout[-3000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= 30


STEP, GRADIENT = "sub_(rate * (", "loss.gradient(logit.detach(), batch.label)"
WRONG = [
    # what stands on the page, what stands in its place, the law that sees it, and by what it is tried
    (" + decay * copy[name]", "", "an_epoch_is_that_of_a_plain_loop", (45, 16, 1)),
    ("gradient.clamp(-clip, clip)", "gradient", "an_epoch_is_that_of_a_plain_loop", (45, 16, 1)),
    (" / len(batch.label)", "", "an_epoch_is_that_of_a_plain_loop", (45, 16, 1)),
    ("learning_rate[k]", "learning_rate[0]", "an_epoch_is_that_of_a_plain_loop", (45, 16, 1)),
    ("decay * copy[name]", "decay * copy[name] * (gradient != 0)", "a_strong_decay_over_many_steps_stays_exact", ()),
    ("decay * copy[name]", "decay * copy[name] * (gradient != 0)", "without_a_gradient_a_copy_only_decays", ()),
    (GRADIENT, f"({GRADIENT} if loss.encoded else 0 * logit)", "what_it_takes_it_trains_by", ()),
    ("models, k, loss,", "models, k, losses[0],", "a_copy_does_not_depend_on_its_neighbours", (torch.float64,)),
    (STEP, f"{STEP}models.weights[name].sum() + ", "a_broken_copy_leaves_the_others_alone", ()),
    ("torch.sigmoid(", "torch.tanh(", "predictions_are_the_sigmoid_of_the_logit", (10,)),
    ("epoch.training()", "epoch.training(), torch.rand(1)", "nothing_is_changed_but_the_models", ()),
    ("in epoch:", "in epoch:\n            batch.label.mul_(2)", "nothing_is_changed_but_the_models", ()),
    (STEP, f"{STEP}torch.rand(()) + ", "training_is_the_same_for_the_same_seed_and_number_only", ()),
    ("return True", "return False", "it_takes_a_loss", ()),
]


def contract_of(code, folder, monkeypatch):
    """The contract of the class that this code has, without pytest around it."""
    name = f"my_backends_{abs(hash(code))}"
    (folder / f"{name}.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    return type("Contract", (BackendContract,), {"backend": importlib.import_module(name).PlainLoop, "exact": False})()


@pytest.mark.parametrize(("right", "wrong", "law", "arguments"), WRONG)
def test_the_contract_sees_what_is_wrong(tmp_path, monkeypatch, right, wrong, law, arguments):
    assert CODE.count(right) == 1
    getattr(contract_of(CODE, tmp_path, monkeypatch), f"test_{law}")(*arguments)
    with pytest.raises(AssertionError):
        getattr(contract_of(CODE.replace(right, wrong), tmp_path, monkeypatch), f"test_{law}")(*arguments)


def test_every_law_of_the_contract_sees_something():
    assert {f"test_{law}" for _, _, law, _ in WRONG} == {n for n in dir(BackendContract) if n.startswith("test_")}


def metrics(folder):
    """Of the baseline and of the best found loss: which is found, rounding decides over."""
    (folder,) = (folder / "results").iterdir()
    return json.loads((folder / "result.json").read_text())["baselines"]["BCE"]["test"]


@pytest.mark.nightly
def test_a_study_is_trained_by_it(outside, tmp_path_factory):
    (line,) = re.findall(r"`python -m (studies\.run --backend my_backends:PlainLoop)`", PAGE)
    done = run(outside, *line.split(), *SMALL)
    assert done.returncode == 0, done.stderr[-3000:]
    other = tmp_path_factory.mktemp("torch")
    assert run(other, "studies.run", "--backend", "torch", *SMALL).returncode == 0
    assert metrics(outside) == pytest.approx(metrics(other), abs=1e-3)


@pytest.mark.nightly
def test_with_a_row_it_has_a_name(tmp_path):
    for folder in ("core", "recommenders", "searchers", "studies", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "recommenders" / "backends" / "plain.py").write_text(CODE, encoding="utf-8")
    registry = tmp_path / "recommenders" / "backends" / "registry.py"
    text = registry.read_text(encoding="utf-8")
    text = re.sub(r"^BACKENDS: .*(\n .*\n\))?\n", ROW, text, flags=re.MULTILINE)
    importing = "from recommenders.backends.model_copies"
    text = text.replace(importing, f"from recommenders.backends.plain import PlainLoop\n{importing}", 1)
    registry.write_text(text, encoding="utf-8")
    words = ("pytest", "tests/recommenders/test_backends.py", "-k", "TestPlain", "-p", "no:cacheprovider")
    done = run(tmp_path, *words, project=tmp_path)
    assert done.returncode == 0, done.stdout[-3000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= 60
    done = run(tmp_path, "studies.run", "--backend", "plain", *SMALL, project=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Best found loss" in done.stdout
