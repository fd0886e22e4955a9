"""The page on adding a searcher, followed to the letter: in a file of one's own, and in a copy of the project."""

import os
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
CODE, TEST, ROW = (textwrap.dedent(block) for block in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL))
(SECTION,) = (textwrap.dedent(block) for block in re.findall(r" *```markdown\n(.*?)```", PAGE, flags=re.DOTALL))
LINES = [line.split() for line in re.findall(r"`python -m (studies\.run --searcher \S+)`", PAGE)]
FOLDERS = ("core", "docs", "recommenders", "searchers", "studies", "tests")
SMALL = shlex.split(
    "--dataset synthetic --trainings 4 --finalists 1 --repeats 1 --max-epochs 2 --baseline BCE --threads 1 "
    "--tracking-uri none"
)


def run(folder, *words, path):
    line, environment = [sys.executable, "-m", *words], os.environ | {"PYTHONPATH": str(path)}
    return subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A folder with nothing but what the page says."""
    folder = tmp_path_factory.mktemp("own")
    for block, name in ((CODE, "my_searchers.py"), (TEST, "test_my_searchers.py")):
        assert f"Write `{name}`" in PAGE
        (folder / name).write_text(block, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project with what the page adds."""
    copy = tmp_path_factory.mktemp("project")
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in [*ROOT.glob("*.md"), ROOT / "pyproject.toml", ROOT / "Makefile"]:
        shutil.copy(file, copy)
    (file,) = re.findall(r"goes into a file such as `(searchers/\w+\.py)`", PAGE)
    (copy / file).write_text(CODE, encoding="utf-8")
    registry = copy / "searchers" / "__init__.py"
    names = ", ".join(re.findall(r"^class (\w+)", CODE, flags=re.MULTILINE))
    text = registry.read_text(encoding="utf-8")
    text = text.replace(
        "from searchers.hybrid", f"from {file[:-3].replace('/', '.')} import {names}\nfrom searchers.hybrid", 1
    )
    registry.write_text(text.replace("    }\n)", f"        {ROW.strip()}\n    }}\n)", 1), encoding="utf-8")
    return copy


def test_a_searcher_in_the_working_folder_searches(own):
    done = run(own, *LINES[0], *SMALL, path=ROOT)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Best found loss" in done.stdout


def test_a_searcher_in_the_working_folder_is_held_to_the_contract(own):
    done = run(own, "pytest", "test_my_searchers.py", "-p", "no:cacheprovider", path=ROOT)
    assert done.returncode == 0, done.stdout[-3000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= 35


def test_the_new_searcher_keeps_the_contract_without_a_test_of_its_own(project):
    words = ["pytest", "tests/searchers/test_registry.py", "-k", "hill-climbing", "-p", "no:cacheprovider"]
    done = run(project, *words, path=project)
    assert done.returncode == 0, done.stdout[-3000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= 35


def test_a_missing_section_is_asked_for_and_that_of_the_page_is_what_is_missing(project):
    words = ["pytest", "tests/test_docs.py", "-k", "hill-climbing and settings", "-p", "no:cacheprovider"]
    done = run(project, *words, path=project)
    assert "docs/searchers.md: expected a section '## hill-climbing'" in done.stdout
    with (project / "docs" / "searchers.md").open("a", encoding="utf-8") as page:
        page.write(f"\n{SECTION}")
    done = run(project, *words, path=project)
    assert done.returncode == 0, done.stdout[-3000:]


def test_the_new_searcher_is_on_the_command_line(project):
    text = re.sub(r"[\s│]+", " ", run(project, "studies.run", "--help", path=project).stdout)
    assert "hill-climbing (changes the best candidate so far)" in text
    done = run(project, *LINES[1], *SMALL, path=project)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Best found loss" in done.stdout
