"""The page on adding a recommender, followed to the letter."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.nightly

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "add-a-recommender.md").read_text(encoding="utf-8")
MODULE, ROW, TEST, BY_HAND, ROW_BY_HAND, TEST_BY_HAND = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
FOLDERS = ("core", "recommenders", "searchers", "studies", "tests")
SMALL = shlex.split(
    "--dataset synthetic --searcher random --trainings 4 --finalists 1 --repeats 1 --max-epochs 2 --baseline BCE "
    "--threads 1 --tracking-uri none"
)


def run(folder, *words):
    environment = os.environ | {"PYTHONPATH": str(ROOT if not (folder / "core").exists() else folder)}
    line = [sys.executable, "-m", *words]
    return subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("line", re.findall(r"`python -m (studies\.run --recommender my_models:\S+)`", PAGE))
def test_a_module_in_the_working_folder_is_searched_a_loss_for(line, tmp_path):
    (tmp_path / "my_models.py").write_text(MODULE, encoding="utf-8")
    done = run(tmp_path, *line.split(), *SMALL)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Best found loss" in done.stdout
    (folder,) = (tmp_path / "results").iterdir()
    assert re.fullmatch(r"random-synthetic-my_models-NeuMF[a-z0-9-]*-0", folder.name)
    result = json.loads((folder / "result.json").read_text())
    assert f"--recommender {result['settings']['recommender']}" in line


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project with what the page adds."""
    copy = tmp_path_factory.mktemp("project")
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    for name, code, test in (("neumf", MODULE, TEST), ("neumf_by_hand", BY_HAND, TEST_BY_HAND)):
        assert f"`recommenders/{name}.py`" in PAGE
        (copy / "recommenders" / f"{name}.py").write_text(code, encoding="utf-8")
        (copy / "tests" / "recommenders" / f"test_{name}.py").write_text(test, encoding="utf-8")
    registry = copy / "recommenders" / "__init__.py"
    text = registry.read_text(encoding="utf-8")
    imports = "from recommenders.neumf import NeuMF\nfrom recommenders.neumf_by_hand import NeuMFByHand\n"
    text = text.replace("from recommenders.models.recommender", f"{imports}from recommenders.models.recommender", 1)
    registry.write_text(text.replace("    }\n)", f"        {ROW}        {ROW_BY_HAND}    }}\n)", 1), encoding="utf-8")
    return copy


def test_the_new_recommenders_keep_the_contract(project):
    files = [f"tests/recommenders/test_{name}.py" for name in ("neumf", "neumf_by_hand", "recommender")]
    done = run(project, "pytest", *files, "-p", "no:cacheprovider", "-k", "NeuMF or every_registered")
    assert done.returncode == 0, done.stdout[-3000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= 50


@pytest.mark.parametrize("name", ["neumf", "neumf-by-hand"])
def test_the_new_recommenders_are_on_the_command_line(project, name):
    done = run(project, "studies.run", "--recommender", f"{name}:size=4", *SMALL)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Best found loss" in done.stdout


def test_the_new_names_are_in_the_help(project):
    text = re.sub(r"[\s│]+", " ", run(project, "studies.run", "--help").stdout)
    assert "neumf (products and a tower of layers, He et al. 2017)" in text


def test_by_hand_and_by_itself_it_is_the_same_model(project):
    code = """
import torch
from recommenders import make_recommender
from recommenders.models.recommender import gather
module, hand = make_recommender("neumf").sized(7, 5), make_recommender("neumf-by-hand")
weights = {n: w[None].double() for n, w in module.initial(7, 5, 0).items()}
own = {n.removesuffix(".weight"): w for n, w in weights.items() if "_" in n}
for i, name in enumerate(("tower.0", "tower.2", "last")):
    own |= {f"weight.{i}": weights[f"{name}.weight"].mT, f"bias.{i}": weights[f"{name}.bias"]}
users, items = torch.arange(20) % 7, torch.arange(20) % 5
one, other = (r.logit(gather(r, w, users, items), None) for r, w in ((module, weights), (hand, own)))
assert torch.allclose(one, other, rtol=1e-12), (one, other)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
