"""The page on adding a searcher, followed to the letter in a copy of the project."""

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
PAGE = (ROOT / "docs" / "add-a-searcher.md").read_text(encoding="utf-8")
FOLDERS = ("core", "recommenders", "searchers", "studies", "tests")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project with what the page adds."""
    copy = tmp_path_factory.mktemp("project")
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    code, row = (textwrap.dedent(block) for block in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL))
    (file,) = re.findall(r"Write `(searchers/\w+\.py)`", PAGE)
    (copy / file).write_text(code, encoding="utf-8")
    registry = copy / "searchers" / "__init__.py"
    names = ", ".join(re.findall(r"^class (\w+)", code, flags=re.MULTILINE))
    text = registry.read_text(encoding="utf-8")
    text = text.replace(
        "from searchers.hybrid", f"from {file[:-3].replace('/', '.')} import {names}\nfrom searchers.hybrid", 1
    )
    registry.write_text(text.replace("    }\n)", f"        {row.strip()}\n    }}\n)", 1), encoding="utf-8")
    return copy


def run(project, *words):
    return subprocess.run([sys.executable, "-m", *words], cwd=project, capture_output=True, text=True)


def test_the_new_searcher_keeps_the_contract_without_a_test_of_its_own(project):
    done = run(project, "pytest", "tests/searchers/test_registry.py", "-k", "hill-climbing", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout[-3000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= 20


SMALL = shlex.split("--dataset synthetic --trainings 4 --finalists 1 --repeats 1 --max-epochs 2 --baseline BCE")


def test_the_new_searcher_is_on_the_command_line(project):
    text = re.sub(r"[\s│]+", " ", run(project, "studies.run", "--help").stdout)
    assert "hill-climbing (changes the best program so far)" in text
    line = re.search(r"`python -m (studies\.run --searcher hill-climbing\S*)`", PAGE)[1].split()
    done = run(project, *line, *SMALL, "--tracking-uri", "none")
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Best found loss" in done.stdout
