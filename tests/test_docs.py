"""What the documents tell a reader to type works."""

import ast
import inspect
import re
import shlex
from dataclasses import fields
from itertools import pairwise
from pathlib import Path

import pytest

from searchers import OF_PROBLEMS, SEARCHERS
from studies.benchmark import app as benchmark_app
from studies.compare import app_of as comparison_of
from studies.evaluate import app_of as evaluation_of
from studies.export import app as export_app
from studies.plot import app as plot_app
from studies.report import app as report_app
from studies.reproduce import app_of as reproduction_of
from studies.run import app_of as study_of
from studies.study.crosses import CrossSettings
from studies.study.decays import DecaySettings, LawSettings
from studies.study.interactions import InteractionSettings
from studies.table import app_of as table_of
from studies.tune import app as tune_app

ROOT = Path(__file__).parents[1]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = re.compile(
    r"(?:`|^)(?:(?:\.venv/bin/)?python -m studies\.|loss-search )"
    r"(run|compare|evaluate|tune|table|benchmark|report|export|plot|reproduce)"
    r"(?: ([^`\n]*))?(?:`|$)",
    flags=re.MULTILINE,
)
APPS = {
    "tune": tune_app,
    "benchmark": benchmark_app,
    "report": report_app,
    "export": export_app,
    "plot": plot_app,
}

#: Commands whose options depend on a word.
OF_WORDS = {
    "run": study_of,
    "compare": comparison_of,
    "evaluate": evaluation_of,
    "reproduce": reproduction_of,
    "table": table_of,
}


def commands():
    return [words for document in DOCUMENTS for words in COMMAND.findall(document.read_text(encoding="utf-8"))]


def test_there_are_commands_to_try():
    assert len(commands()) >= 8


#: The pages on adding a part have tests of their own, in which these exist.
OWN = ("--help", "hill-climbing", "my_searchers", "one_shot", "atan")
KNOWN = [(name, words) for name, words in commands() if not any(word in words for word in OWN)]


@pytest.mark.parametrize(("name", "words"), KNOWN)
def test_commands_in_the_documents_are_understood(name, words):
    typed = shlex.split(words, comments=True)
    app = OF_WORDS[name](typed) if name in OF_WORDS else APPS[name]
    function, bound, _ = app.parse_args(typed, exit_on_error=False, print_error=False)
    assert function.__name__.startswith(name)
    assert bound.arguments or not words


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    links = re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_targets_of_make_are_described_in_the_readme():
    readme, makefile = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "Makefile"))
    targets = re.findall(r"^([a-z]+):.*##", makefile, flags=re.MULTILINE)
    assert [t for t in targets if t not in ("help", "clean") and f"make {t}" not in readme] == []


def settings_table(kind):
    """The fields of a settings class, their defaults and the sentences under them, as a table."""
    body = ast.parse(inspect.getsource(kind)).body[0].body
    sentences = {
        field.target.id: " ".join(text.value.value.split())
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr)
    }
    return [f"| `{f.name}` | {f.default} | {sentences[f.name]} |" for f in fields(kind) if f.name in sentences]


@pytest.mark.parametrize("name", [*SEARCHERS, *OF_PROBLEMS])
def test_settings_of_searchers_are_documented_as_they_are(name):
    page = (ROOT / "docs" / "searchers.md").read_text(encoding="utf-8")
    _, found, rest = page.partition(f"\n## {name}\n")
    assert found, f"docs/searchers.md: expected a section '## {name}' with its settings, see add-a-searcher.md"
    section = rest.split("\n## ")[0]
    documented = [line for line in section.splitlines() if line.startswith("| `") and line.count("|") == 4]
    kind = {**SEARCHERS, **OF_PROBLEMS}[name].settings
    expected = settings_table(kind) if kind else []
    assert [line for line in expected if line not in documented] == []
    assert len(expected) == len([line for line in documented if line in expected])


@pytest.mark.parametrize(
    ("page", "kind"),
    [
        ("interactions", InteractionSettings),
        ("decay", DecaySettings),
        ("decay", LawSettings),
        ("crosses", CrossSettings),
    ],
)
def test_settings_of_problems_are_documented_as_they_are(page, kind):
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    tables = [rest.split("\n\n")[0] for rest in text.split("| setting | default | what |\n|---|---|---|\n")[1:]]
    assert settings_table(kind) in [table.splitlines() for table in tables]


def test_every_promise_names_a_test_that_exists():
    page = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:tests|core/testing)/[\w/]+\.py)(?:::(\w+))?`", page)
    assert len(named) > 25
    missing = [
        (file, test)
        for file, test in named
        if not (ROOT / file).exists() or f"def {test}(" not in (ROOT / file).read_text(encoding="utf-8") + "def ("
    ]
    assert missing == []
