"""The page on adding a problem, followed to the letter."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "add-a-problem.md").read_text(encoding="utf-8")
CODE, TEST = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.fixture
def own(tmp_path):
    (tmp_path / "ridge.py").write_text(CODE, encoding="utf-8")
    (tmp_path / "test_ridge.py").write_text(TEST, encoding="utf-8")

    def run(*words):
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        return subprocess.run([sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, text=True)

    return run


@pytest.mark.nightly
def test_the_space_and_the_problem_keep_their_contracts(own):
    done = own("-m", "pytest", "test_ridge.py", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout[-3000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= 35


@pytest.mark.nightly
@pytest.mark.parametrize("searcher", ["gp", "optuna", "rl", "random"])
def test_any_searcher_finds_what_matters(own, searcher):
    done = own("-c", f"from ridge import best; print(best({searcher!r}))")
    assert done.returncode == 0, done.stderr[-3000:]
    if searcher == "gp":  # as the page says
        assert re.fullmatch(r"on on on(?: on| off){5} [\d.]+\n", done.stdout)
