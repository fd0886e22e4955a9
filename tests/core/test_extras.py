import re
import sys
import tomllib
from pathlib import Path

import pytest
from sqlalchemy import make_url

from core.common.errors import UserError
from core.common.extras import EXTRAS, lacking, needs, needs_driver
from tests.missing import uninstall

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
#: Extras for those who work on the project, and those that only name others.
NOT_OURS = {"all", "dev"}
#: Packages that are imported by another name.
OTHERWISE = {"interpret_core": "interpret", "psycopg2_binary": "psycopg2", "scikit_learn": "sklearn"}


def names(requirements):
    """As they are imported."""
    given = (re.match(r"[\w.-]+", line)[0].replace("-", "_") for line in requirements)
    return {OTHERWISE.get(name, name) for name in given}


def test_every_package_is_brought_by_its_extra_and_by_nothing_else():
    extras = {n: names(lines) for n, lines in PROJECT["optional-dependencies"].items() if n not in NOT_OURS}
    assert {(package, extra) for extra, packages in extras.items() for package in packages} == set(EXTRAS.items())
    assert names(PROJECT["dependencies"]).isdisjoint(EXTRAS)


def test_all_brings_every_extra():
    (line,) = PROJECT["optional-dependencies"]["all"]
    assert set(re.search(r"\[(.*)\]", line)[1].split(",")) == set(EXTRAS.values())


def test_what_is_there_needs_no_word():
    assert lacking("a page", *EXTRAS) is None
    needs("a page", *EXTRAS)


@pytest.mark.parametrize("package", EXTRAS)
def test_a_missing_package_is_named_with_the_way_to_get_it(monkeypatch, package):
    uninstall(monkeypatch, package)
    with pytest.raises(UserError) as caught:
        needs("this work", package)
    how = f"pip install 'loss-search[{EXTRAS[package]}]'"
    assert str(caught.value) == f"this work: needs {package}, which is not installed: {how}"


def test_several_missing_packages_are_told_at_once(monkeypatch):
    uninstall(monkeypatch, "jinja2", "matplotlib", "scikit_posthocs")
    assert lacking("this work", "jinja2", "sympy", "matplotlib", "scikit_posthocs") == (
        "this work: needs jinja2, matplotlib and scikit_posthocs, which are not installed: "
        "pip install 'loss-search[report,statistics]'"
    )


def test_a_package_that_is_there_and_broken_is_not_called_missing(monkeypatch, tmp_path):
    uninstall(monkeypatch, "cmaes")
    monkeypatch.setattr(sys, "meta_path", sys.meta_path[1:])
    (tmp_path / "cmaes.py").write_text("import a_part_that_nobody_has\n")
    monkeypatch.syspath_prepend(tmp_path)
    told = lacking("this work", "cmaes")
    assert told == "this work: needs cmaes, which cannot be loaded: No module named 'a_part_that_nobody_has'"


@pytest.mark.parametrize("order", [("cmaes", "sympy"), ("sympy", "cmaes")])
def test_a_package_that_is_missing_is_told_before_one_that_lacks_it(monkeypatch, tmp_path, order):
    uninstall(monkeypatch, "cmaes", "sympy")
    monkeypatch.setattr(sys, "meta_path", sys.meta_path[1:])
    (tmp_path / "cmaes.py").write_text("import sympy\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert lacking("this work", *order) == (
        "this work: needs sympy, which is not installed: pip install 'loss-search[sympy]'"
    )


@pytest.mark.parametrize(
    "url", ["postgresql://u:secret@host/db", "postgresql+psycopg2://u:secret@h/db", "postgresql+psycopg://h/d"]
)
def test_the_driver_that_sqlalchemy_takes_is_asked_for_without_telling_the_url(monkeypatch, url):
    driver = make_url(url).get_dialect().driver
    uninstall(monkeypatch, driver)
    with pytest.raises(UserError, match=rf"^--storage: needs {driver}, .*\[postgresql\]") as caught:
        needs_driver("--storage", url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["sqlite:///a.db", "postgresql+asyncpg://u@host/db", "http://host:5000", "mysql://h/d"])
def test_other_databases_need_no_driver_of_ours(monkeypatch, url):
    uninstall(monkeypatch, "psycopg", "psycopg2")
    needs_driver("--storage", url)
