"""What is said of the project in several files is the same everywhere."""

import fnmatch
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from studies import __version__

ROOT = Path(__file__).parents[1]
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = CONFIG["project"]
ROOMS = ("core", "recommenders", "searchers", "studies")


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def locked():
    return dict(re.findall(r"^([\w.-]+)==(\S+)$", read("constraints.txt"), flags=re.MULTILINE))


def requirements():
    extras = PROJECT["optional-dependencies"].values()
    return [Requirement(line) for lines in (PROJECT["dependencies"], *extras) for line in lines]


def test_the_lock_has_a_version_in_range_for_every_dependency():
    versions = {name.lower(): version for name, version in locked().items()}
    wanted = [one for one in requirements() if one.name != PROJECT["name"]]
    assert [str(one) for one in wanted if not one.specifier.contains(versions[one.name.lower()])] == []


def test_the_lock_holds_versions_and_nothing_else():
    """No local build, no path, no address: it has to do on any machine."""
    lines = [line for line in read("constraints.txt").splitlines() if not line.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []


def test_make_and_the_image_install_what_is_locked():
    assert '--constraint $(LOCK) --editable ".[dev]"' in read("Makefile")
    assert "LOCK := constraints.txt\n" in read("Makefile")
    assert "--constraint /tmp/constraints.txt" in read("Dockerfile")


def test_hooks_before_a_commit_are_of_the_locked_versions():
    repositories = {one["repo"]: one for one in yaml.safe_load(read(".pre-commit-config.yaml"))["repos"]}
    (ruff,) = (one for name, one in repositories.items() if "ruff" in name)
    assert ruff["rev"] == f"v{locked()['ruff']}"
    assert [hook["entry"] for hook in repositories["local"]["hooks"]] == [".venv/bin/python -m mypy"]


def test_the_version_is_written_in_one_place():
    assert PROJECT["dynamic"] == ["version"]
    assert CONFIG["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "studies.__version__"}
    assert f"\n## {__version__}\n" in read("CHANGELOG.md")


@pytest.mark.parametrize("room", ROOMS)
def test_every_top_level_package_says_that_it_has_types(room):
    assert (ROOT / room / "py.typed").exists()
    assert "py.typed" in CONFIG["tool"]["setuptools"]["package-data"]["*"]


def test_every_file_that_is_no_source_is_package_data():
    data = CONFIG["tool"]["setuptools"]["package-data"]
    there = [path.relative_to(ROOT) for room in ROOMS for path in (ROOT / room).rglob("*") if path.is_file()]
    there = [path for path in there if path.suffix != ".py" and "__pycache__" not in path.parts]
    missing = [
        path
        for path in there
        if not any(
            fnmatch.fnmatch(path.name, pattern) for pattern in (*data["*"], *data.get(".".join(path.parent.parts), ()))
        )
    ]
    assert missing == []
    assert len(there) > len(ROOMS)


def test_the_licence_is_the_one_that_is_named():
    assert PROJECT["license"] == "MIT"
    assert read("LICENSE").startswith("MIT License\n\nCopyright (c) 2026 The loss-search authors\n")
    assert all((ROOT / name).exists() for name in PROJECT["license-files"])
    assert yaml.safe_load(read("CITATION.cff"))["license"] == "MIT"


def test_the_image_is_made_of_all_that_a_build_reads():
    kept = set(re.findall(r"^!(\S+)$", read(".dockerignore"), flags=re.MULTILINE))
    assert {*ROOMS, *PROJECT["license-files"], PROJECT["readme"], "pyproject.toml", "constraints.txt"} == kept


def test_all_addresses_are_of_one_place():
    home = PROJECT["urls"]["Homepage"]
    assert [url for url in PROJECT["urls"].values() if not url.startswith(home)] == []
    assert yaml.safe_load(read("CITATION.cff"))["repository-code"] == home
    assert home in read("SECURITY.md")
