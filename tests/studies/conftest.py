"""A study that is done, as a user has it: a folder with results/one and MLflow's database."""

import os
from pathlib import Path

import pytest

from studies.common.command import exit_code
from studies.run import app
from tests.studies.small import small_arguments


def database(folder):
    """By its whole path: MLflow keeps what it has opened by its name, for all tests of this process."""
    return f"sqlite:///{folder}/mlflow.db"


def run_in(folder, migrated, *words):
    """Run a study in a folder, with a database of MLflow's there."""
    before = Path.cwd()
    (folder / "mlflow.db").write_bytes(Path(migrated).read_bytes())
    os.chdir(folder)
    try:
        words = [*words, "--tracking-uri", database(folder)]
        assert exit_code(lambda: app(words, exit_on_error=False, print_error=False)) == 0
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def undrawn(monkeypatch):
    """Pages with pictures that are made and not drawn, which takes most of a small study."""

    def blank(stem, alt, draw):
        draw()
        return "<svg></svg>"

    for module in ("drawn", "loss_pictures"):
        monkeypatch.setattr(f"studies.reporting.{module}.inline_svg", blank)


@pytest.fixture(scope="session")
def studied(tmp_path_factory, migrated):
    """Not to be written to."""
    words = [*small_arguments(trainings=24), "--out", "results/one"]
    return run_in(tmp_path_factory.mktemp("studied"), migrated, *words)
