"""A SQLite database is made whole or not at all, and one that cannot be used is told at once."""

import os
import signal
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from core.common.errors import UserError
from studies.common.processes import end_by_exceptions
from studies.tracking import databases, server
from studies.tracking.databases import MLFLOW, setting_up, sqlite_file
from studies.tracking.server import connect, open_server, reaching
from studies.tuning.storage import open_storage
from tests.faults.test_kill_writes import killed
from tests.studies.api.test_leaves_no_trace import open_files


def make(url):
    with closing(sqlite3.connect(sqlite_file(url))) as made:
        for table in MLFLOW:
            made.execute(f"CREATE TABLE {table} (a)")


def set_up(path, make=make):
    with setting_up("--tracking-uri", f"sqlite:///{path}", "MLflow", MLFLOW, make):
        pass


def tables(path):
    with closing(sqlite3.connect(path)) as database:
        return {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


@pytest.mark.parametrize("before", ["nothing", "an empty file", "a link"])
def test_killed_at_any_moment_a_database_is_whole_or_not_there_and_nothing_is_left_by_the_next_one(tmp_path, before):
    moments = killed(lambda: set_up(tmp_path / "first.db"), None)
    assert moments > 3
    for at in range(moments):
        folder = tmp_path / str(at)
        (folder / "other").mkdir(parents=True)
        path = folder / "m.db"
        if before == "an empty file":
            path.touch(mode=0o640)
        elif before == "a link":
            path.symlink_to("other/m.db")
        killed(lambda path=path: set_up(path), at)
        assert not databases.holds_something(path) or tables(path) == MLFLOW
        set_up(path)
        assert tables(path) == MLFLOW
        assert path.is_symlink() == (before == "a link")
        assert before != "an empty file" or path.stat().st_mode & 0o777 == 0o640
        there = {one.name for one in path.resolve().parent.iterdir()}
        assert there <= {"m.db", "other"}, at


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
def test_an_error_in_the_midst_leaves_nothing(tmp_path, error):
    def stopped(url):
        sqlite_file(url).write_bytes(b"half of one")
        raise error

    with pytest.raises(error):
        set_up(tmp_path / "m.db", stopped)
    assert not list(tmp_path.iterdir())


def test_what_another_program_made_meanwhile_stays(tmp_path):
    def slow(url):
        make(url)
        (tmp_path / "m.db").write_bytes(b"theirs")

    set_up(tmp_path / "m.db", slow)
    assert (tmp_path / "m.db").read_bytes() == b"theirs"


@pytest.mark.parametrize("end", ["-journal", "-wal"])
def test_what_is_left_of_another_database_becomes_no_part_of_a_new_one(tmp_path, end):
    (tmp_path / f"m.db{end}").write_bytes(b"theirs")
    with pytest.raises(OSError, match=f"m.db{end} lies there without its database; move it away"):
        set_up(tmp_path / "m.db")
    assert [one.name for one in tmp_path.iterdir()] == [f"m.db{end}"]


def use_mlflow(folder):
    connect(f"sqlite:///{folder}/m.db", "mine")


def use_optuna(folder):
    open_storage(f"sqlite:///{folder}/m.db", folder / "journal")


def at_statement(number, signal_number, use, report):
    """Use a database, and send this process a signal before an SQL statement of this number."""
    done = 0

    def count(*_):
        nonlocal done
        if done == number:
            os.kill(os.getpid(), signal_number)
        done += 1
        os.pwrite(report, str(done).encode(), 0)

    event.listen(Engine, "before_cursor_execute", count)
    end_by_exceptions()
    use()


def left_with(do):
    """Do something in a child; what it left with."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            do()
            code = 0
        except KeyboardInterrupt:
            code = 130
        except SystemExit as end:
            code = end.code
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.services
@pytest.mark.parametrize("use", [use_mlflow, use_optuna])
def test_whatever_ends_the_making_of_a_real_database_it_can_be_used_afterwards(tmp_path, use, migrated):
    (tmp_path / "whole").mkdir()
    use(tmp_path / "whole")  # loads the library
    with tempfile.TemporaryFile() as report:
        (tmp_path / "counted").mkdir()
        assert left_with(lambda: at_statement(None, 0, lambda: use(tmp_path / "counted"), report.fileno())) == 0
        number = int(os.pread(report.fileno(), 20, 0))
        folder = tmp_path / "ended"
        folder.mkdir()
        ends = {signal.SIGKILL: -signal.SIGKILL, signal.SIGINT: 130, signal.SIGTERM: 128 + signal.SIGTERM}
        for part, (end, code) in zip((0.1, 0.4, 0.6), ends.items(), strict=True):
            at = int(number * part)
            told = left_with(lambda at=at, end=end: at_statement(at, end, lambda: use(folder), report.fileno()))
            assert told == code
            assert not (folder / "m.db").exists()
        use(folder)
        assert tables(folder / "m.db") == tables(tmp_path / "whole" / "m.db")
        assert [one.name for one in folder.iterdir()] == ["m.db"]


@pytest.fixture
def not_asked(monkeypatch):
    """MLflow would try again and again, for two minutes."""

    def ask(*_):
        raise AssertionError("MLflow was asked")

    monkeypatch.setattr(server, "_client", ask)


PLACES = {
    "folder": "expected a file, got a folder, a pipe or a device",
    "pipe": "expected a file, got a folder, a pipe or a device",
    "n" * 300: "File name too long",
    "nowhere": "no file can be made there: No such file or directory",
    "itself": "Too many levels of symbolic links",
    "file/m.db": "File exists|Not a directory",
    "m.db?timeout=soon": "could not convert string to float: 'soon'",
    "file::memory:?uri=true": "got one in memory",
    "file:a?mode=memory&uri=true": "got one in memory",
    ":memory:": "got one in memory",
    "": "got one in memory",
}


@pytest.mark.usefixtures("not_asked")
@pytest.mark.parametrize("name", PLACES)
def test_a_place_where_no_database_can_be_is_told_at_once(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    os.mkdir("folder")
    os.mkfifo("pipe")
    Path("file").touch()
    Path("nowhere").symlink_to("there/is/none")
    Path("itself").symlink_to("itself")
    before = sorted(tmp_path.iterdir())
    uri = f"sqlite:///{name}"
    for reach in (lambda: connect(uri, "mine"), lambda: open_storage(uri, tmp_path / "journal")):
        with pytest.raises(UserError, match=f"cannot use it: .*({PLACES[name]})"):
            reach()
    with pytest.raises(UserError, match=r"cannot use it|no such database"), open_server(uri):
        pass
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.usefixtures("not_asked")
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize(("mode", "is_made"), [(0o700, False), (0o755, False), (0o755, True)])
def test_nor_does_one_wait_for_a_place_that_is_closed_to_this_user(mode, is_made):
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(mode)
        if is_made:
            make(f"sqlite:///{folder}/m.db")
        os.seteuid(65534)
        try:
            with pytest.raises(UserError, match=r"cannot use it: .*Permission denied"):
                connect(f"sqlite:///{folder}/m.db", "mine")
        finally:
            os.seteuid(0)


@pytest.mark.usefixtures("not_asked")
def test_a_server_that_is_not_there_is_told_at_once():
    pytest.importorskip("psycopg2")
    uri = "postgresql+psycopg2://bob:s3cret@127.0.0.1:9/x"
    for reach in (lambda: connect(uri, "mine"), lambda: open_server(uri).__enter__()):
        with pytest.raises(UserError, match=r"--tracking-uri postgresql\S+: cannot use it: .*refused"):
            reach()


def test_a_database_that_was_not_made_to_its_end_is_told_as_such():
    error = RuntimeError("(sqlite3.OperationalError) table datasets already exists")
    with pytest.raises(UserError, match="was not made to its end, as by a kill: move it away"), reaching("sqlite:///a"):
        raise error


def test_a_database_is_closed_after_each_use_and_lies_where_its_url_says(tmp_path, migrated, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "a 100%"
    place.mkdir()
    for name, uri in {
        "m.db": "sqlite:///a 100%25/m.db?timeout=3",
        "n.db": "sqlite+pysqlite:///a 100%25/n.db",
        "o.db": "sqlite:///file:a%2520100%2525/o.db?uri=true",
    }.items():
        if sqlite_file(uri) != Path(f"a 100%/{name}"):
            pytest.skip("an SQLAlchemy that takes names as they are written")
        (place / name).write_bytes(migrated.read_bytes())
        client, experiment = connect(uri, "mine")
        assert client.get_experiment(experiment).artifact_location == (place / "mlruns").as_uri()
        assert not [one for one in open_files() if one.endswith(f"{place}/{name}")]
    assert [one.name for one in tmp_path.iterdir()] == ["a 100%"]
