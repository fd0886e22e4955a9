"""What the documents tell a reader to type works."""

import re
import shlex
from pathlib import Path

import pytest

from studies.run import app

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = re.compile(r"`python -m studies\.run ([^`]*)`")


def commands():
    return [words for document in DOCUMENTS for words in COMMAND.findall(document.read_text(encoding="utf-8"))]


def test_there_are_commands_to_try():
    assert len(commands()) >= 8


@pytest.mark.parametrize("words", [words for words in commands() if "--help" not in words])
def test_commands_in_the_documents_are_understood(words):
    function, bound, _ = app.parse_args(shlex.split(words), exit_on_error=False, print_error=False)
    assert function.__name__ == "run"
    assert bound.arguments or not words


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    links = re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_targets_of_make_are_described_in_the_readme():
    readme, makefile = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "Makefile"))
    targets = re.findall(r"^([a-z]+):.*##", makefile, flags=re.MULTILINE)
    assert [t for t in targets if t not in ("help", "clean") and f"make {t}" not in readme] == []
