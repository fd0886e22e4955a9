import pytest

from tests.lower_bounds import ROOT, lower_bounds

TEXT = """
[project]
dependencies = ["one>=1.2", "two-b>=3,<4"]
[project.optional-dependencies]
more = ["three>=0.1; python_version < '3.14'"]
all = ["project[more]"]
dev = ["tool>=9"]
"""


def test_every_dependency_has_its_lowest_version_and_keeps_its_marker():
    assert lower_bounds(TEXT) == ["one==1.2", "three==0.1; python_version < '3.14'", "two-b==3"]


def test_one_may_be_left_out():
    assert lower_bounds(TEXT, ["two-b"]) == ["one==1.2", "three==0.1; python_version < '3.14'"]
    with pytest.raises(ValueError, match="four"):
        lower_bounds(TEXT, ["four"])


def test_a_dependency_without_a_lower_bound_is_refused():
    with pytest.raises(ValueError, match="'one'"):
        lower_bounds(TEXT.replace("one>=1.2", "one"))


def test_every_declared_dependency_can_be_read():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert {line.partition("==")[0] for line in lower_bounds(text)} >= {"torch", "optuna", "mlflow", "matplotlib"}
