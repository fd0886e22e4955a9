"""The page on adding an operator, followed to the letter in a copy of the project."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytestmark = pytest.mark.nightly

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "add-an-operator.md").read_text(encoding="utf-8")
FOLDERS = ("core", "recommenders", "searchers", "studies", "tests")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project with the row of the page, and nothing else changed."""
    copy = tmp_path_factory.mktemp("project")
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    function, row = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    (file,) = re.findall(r"In `(core/\S+\.py)` write", PAGE)
    start, rows = (copy / file).read_text(encoding="utf-8").split("#: In the order", 1)
    head, end = rows.rsplit(")  # fmt: skip", 1)
    text = f"{start}{function}\n\n#: In the order{head}{textwrap.indent(row.rstrip(), '    ')},\n)  # fmt: skip{end}"
    (copy / file).write_text(text, encoding="utf-8")
    return copy


def run(project, *words):
    return subprocess.run([sys.executable, "-m", *words], cwd=project, capture_output=True, text=True)


def test_the_new_operator_keeps_all_laws_without_a_test_of_its_own(project):
    files = [f"tests/core/test_{name}.py" for name in ("every_operator", "operators", "interpreter", "choice")]
    done = run(project, "pytest", *files, "-k", "atan or bounds_hold or any_set", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout[-3000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= 35


SMALL = shlex.split("--dataset synthetic --searcher random --trainings 4 --finalists 1 --repeats 1 --max-epochs 2")


def test_the_new_operator_is_searched_with_and_exported(project):
    assert "atan (the angle whose tangent is x)" in re.sub(r"[\s│]+", " ", run(project, "studies.run", "--help").stdout)
    asked = re.search(r"`python -m studies\.run (--operators \S+)`", PAGE)[1].split()
    asked += ["--baseline", re.search(r'`--baseline "(.*?)"`', PAGE)[1]]
    done = run(project, "studies.run", *SMALL, *asked, "--tracking-uri", "none", "--out", "study")
    assert done.returncode == 0, done.stderr[-3000:]
    stored = json.loads((project / "study/result.json").read_text(encoding="utf-8"))
    assert stored["settings"]["operators"] == "+atan"
    assert "--operators +atan" in (project / "study/report.html").read_text(encoding="utf-8")
    for form, text in (("torch", "torch.atan("), ("sympy", "atan("), ("latex", r"\arctan"), ("json", "atan(")):
        done = run(project, "studies.export", "--loss", "atan(y_hat - y)^2", "--to", form)
        assert text in done.stdout, done.stderr[-3000:]
