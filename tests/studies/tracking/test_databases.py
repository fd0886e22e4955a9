"""Whose a database or a model is, before anything is written to it."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from core.common.errors import UserError
from studies.study.settings import experiment_name, tracking_place
from studies.tracking import databases
from studies.tracking.databases import MLFLOW, setting_up, sqlite_file
from studies.tracking.server import connect, how_to_compare, open_server, reaching


def make(url):
    with closing(sqlite3.connect(sqlite_file(url))) as made:
        for table in MLFLOW:
            made.execute(f"CREATE TABLE {table} (a)")


@pytest.mark.parametrize("what", ["tables", "text", "runs of somebody's"])
def test_a_database_of_ones_own_is_refused_and_untouched(tmp_path, what):
    path = tmp_path / "app.db"
    if what == "text":
        path.write_text("user,item\n1,2\n")
    else:
        with sqlite3.connect(path) as made:
            for table in ("mine",) if what == "tables" else ("alembic_version", "experiments", "runs"):
                made.execute(f"CREATE TABLE {table} (a)")
        made.close()
    before = path.read_bytes()
    for reach in (lambda: connect(f"sqlite:///{path}", "mine"), lambda: open_server(f"sqlite:///{path}").__enter__()):
        with pytest.raises(UserError, match="expected a database of MLflow's"):
            reach()
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["app.db"]


def test_a_database_of_mlflows_and_an_empty_file_are_taken(tmp_path, migrated):
    shutil.copy(migrated, tmp_path / "m.db")
    connect(f"sqlite:///{tmp_path}/m.db", "mine")
    (tmp_path / "none.db").touch()
    with pytest.raises(UserError, match="no such database"), open_server(f"sqlite:///{tmp_path}/none.db"):
        pass
    assert (tmp_path / "none.db").read_bytes() == b""


def test_one_process_at_a_time_makes_a_database_whatever_it_is_called_and_wherever_temporary_files_lie(
    tmp_path, monkeypatch
):
    there, link = tmp_path / "there", tmp_path / "link"
    there.mkdir()
    link.symlink_to(there)
    (tmp_path / "other.db").symlink_to(there / "m.db")
    monkeypatch.setattr(databases, "_PATIENCE", 0.0)
    with setting_up("--tracking-uri", f"sqlite:///{there}/m.db", "MLflow", MLFLOW, make):
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        monkeypatch.chdir(there)
        for name in ("m.db", f"{there}/../there/m.db", f"{link}/m.db?timeout=3", f"{tmp_path}/other.db"):
            with (
                pytest.raises(UserError, match="another process has been making this database"),
                setting_up("--tracking-uri", f"sqlite:///{name}", "MLflow", MLFLOW, make),
            ):
                raise AssertionError("two at once")
    with setting_up("--tracking-uri", f"sqlite:///{link}/m.db", "MLflow", MLFLOW, make):
        pass
    assert [one.name for one in there.iterdir()] == ["m.db"], "nothing is left beside the database"


def test_where_no_lock_can_be_had_it_goes_on_without_and_a_missing_folder_is_not_made(tmp_path):
    url = f"sqlite:///{tmp_path}/missing/o.db"
    with pytest.raises(OSError, match="No such file"), setting_up("--storage", url, "Optuna", MLFLOW, make):
        raise AssertionError("made")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///a.db", "a.db"),
        ("sqlite:////x/a.db?timeout=5", "/x/a.db"),
        ("sqlite+pysqlite:///a.db", "a.db"),
        ("sqlite:///file:a%20b.db?mode=rw&uri=true", "a b.db"),
        ("sqlite:///:memory:", None),
        ("sqlite://", None),
        ("postgresql://host/db", None),
    ],
)
def test_the_file_of_a_url(url, path):
    assert sqlite_file(url) == (path and Path(path))


def test_places_come_from_the_option_then_the_variable_then_the_default(monkeypatch):
    assert tracking_place("") == "sqlite:///mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", " ")
    assert (tracking_place(""), experiment_name("", "usual")) == ("sqlite:///mlflow.db", "usual")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://host")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "theirs")
    assert (tracking_place(""), experiment_name("", "usual")) == ("http://host", "theirs")
    assert (tracking_place("none"), experiment_name("given", "usual")) == ("none", "given")


def test_no_password_is_told_or_stored():
    url = "http://bob:s3cret@host:5000"
    assert how_to_compare(url, "/#/a") == "http://***@host:5000/#/a"
    assert "s3cret" not in how_to_compare("postgresql://bob:s3cret@host/db", "/#/a")
    with pytest.raises(UserError, match="cannot use it") as raised, reaching(url):
        raise RuntimeError("no answer from bob with s3cret")
    assert "s3cret" not in str(raised.value)
