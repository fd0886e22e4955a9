"""The page on adding a problem, followed to the letter."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "add-a-problem.md").read_text(encoding="utf-8")
CODE, TEST, USE = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
COMMANDS = re.search(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL)[1].strip().splitlines()


@pytest.fixture
def own(tmp_path):
    (tmp_path / "ridge.py").write_text(CODE, encoding="utf-8")
    (tmp_path / "test_ridge.py").write_text(TEST, encoding="utf-8")
    (tmp_path / "use.py").write_text(USE, encoding="utf-8")

    def run(*words):
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        return subprocess.run([sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, text=True)

    return run


@pytest.mark.nightly
def test_the_space_and_the_problem_keep_their_contracts(own):
    done = own("-m", "pytest", "test_ridge.py", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout[-3000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= 50


@pytest.mark.nightly
def test_a_search_from_python_finds_what_matters(own):
    done = own("use.py")
    assert done.returncode == 0, done.stderr[-3000:]
    assert re.fullmatch(r"on on on(?: on| off){5} [\d.]+\n", done.stdout)


@pytest.mark.services
def test_the_first_command_prints_what_the_page_shows(own, tmp_path):
    _, *words = shlex.split(COMMANDS[0])
    done = own(*words, "--tracking-uri", "none")
    assert done.returncode == 0, done.stderr[-3000:]
    printed = {" ".join(line.split()) for line in done.stdout.splitlines()}
    shown = re.search(r"```\nFound and known ones\n(.*?)```", PAGE, flags=re.DOTALL)[1]
    wanted = [" ".join(line.split()) for line in shown.splitlines() if line.strip() not in ("", "...")]
    assert len(wanted) == 4
    assert set(wanted) <= printed
    folder = tmp_path / "results" / "gp-ridge-Ridge-0"
    assert json.loads((folder / "result.json").read_text())["problem"]["one"] == "model"
    assert (folder / "report.html").exists()


@pytest.mark.nightly
@pytest.mark.parametrize("number", range(1, len(COMMANDS)))
def test_the_other_commands_work_too(own, number):
    _, *words = shlex.split(COMMANDS[number])
    done = own(*words, "--tracking-uri", "none")
    assert done.returncode == 0, done.stderr[-3000:]
