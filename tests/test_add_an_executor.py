"""The page on adding an executor, followed to the letter in a folder outside of the repository."""

import json
import os
import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.studies.comparison.small import small_arguments

pytestmark = pytest.mark.services

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "add-an-executor.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What the page says to write."""
    path = tmp_path_factory.mktemp("outside")
    blocks = [textwrap.dedent(block) for block in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)]
    names = re.findall(r"`(\w+\.py)`[.:]", PAGE)
    assert len(blocks) == len(names) == 2
    for name, block in zip(names, blocks, strict=True):
        (path / name).write_text(block, encoding="utf-8")
    return path


def run(folder, *words):
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{folder}"}
    return subprocess.run([sys.executable, "-m", *words], cwd=folder, env=environment, capture_output=True, text=True)


def test_it_keeps_the_contract(folder):
    (words,) = re.findall(r"`python -m (pytest [^`]*)`", PAGE)
    done = run(folder, *words.split(), "-q", "-W", "error", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout[-3000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= 10


@pytest.mark.nightly
def test_a_comparison_comes_to_the_same_with_it(folder):
    (line,) = re.findall(r"`python -m (studies\.compare [^`]*)`", PAGE)
    results = []
    for out, words in (("theirs", shlex.split(line)), ("ours", ["studies.compare"])):
        options = small_arguments(seeds=1, searchers="random", trainings=4)
        done = run(folder, *words, *options, "--tracking-uri", "none", "--out", out, "--jobs", "2")
        assert done.returncode == 0, done.stderr[-3000:]
        results.append(json.loads((folder / out / "result.json").read_text()))
    for result in results:
        result["command"] = None  # names the folder
        for one in result["runs"]:
            one["seconds"] = None
            for point in one["points"]:
                point["seconds"] = None
    assert results[0] == results[1]
