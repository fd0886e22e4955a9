import multiprocessing
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import optuna
import pytest

from core.common.errors import UserError
from studies.tuning.storage import open_storage, reaching_storage


def numbers(folder):
    study = optuna.create_study(
        storage=open_storage(None, folder / "optuna-journal.log"), study_name="s", load_if_exists=True
    )
    return [trial.number for trial in study.trials]


def add(folder):
    study = optuna.create_study(
        storage=open_storage(None, folder / "optuna-journal.log"), study_name="s", load_if_exists=True
    )
    study.add_trial(optuna.create_trial(value=1.0))


@pytest.mark.parametrize("torn", ['{"op_code": 4', '{"op_code": 4, "worker_id": "a"', "\0\0", "x"])
def test_a_torn_line_at_the_end_is_cut_off_and_the_rest_stays(tmp_path, torn):
    add(tmp_path)
    add(tmp_path)
    with (tmp_path / "optuna-journal.log").open("a") as file:
        file.write(torn)
    add(tmp_path)
    assert numbers(tmp_path) == [0, 1, 2]


def test_a_full_disk_leaves_a_journal_that_can_be_read(tmp_path, monkeypatch):
    add(tmp_path)
    fsync = os.fsync

    def full(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        add(tmp_path)
    monkeypatch.setattr("os.fsync", fsync)
    assert numbers(tmp_path) == [0]
    add(tmp_path)
    assert numbers(tmp_path) == [0, 1]


@pytest.mark.filterwarnings("ignore:The existing lock file")  # what Optuna 4 says in a warning, Optuna 5 logs
def test_a_lock_that_a_killed_process_left_is_broken_soon(tmp_path):
    add(tmp_path)
    path = (tmp_path / "optuna-journal.log").absolute()
    Path(f"{path}.lock").symlink_to(path)
    add(tmp_path)
    assert numbers(tmp_path) == [0, 1]


def test_a_relative_folder_will_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a").mkdir()
    add(Path("a"))
    assert numbers(Path("a")) == [0]


@pytest.mark.parametrize(
    "url", ["nonsense://x", "sqlite:////proc/nowhere/x.db", "postgresql+psycopg2://127.0.0.1:9/x", "not a url"]
)
def test_a_storage_that_cannot_be_reached_is_one_line(tmp_path, url):
    with pytest.raises(UserError, match=r"--storage .*: cannot use it: ") as error:
        open_storage(url, tmp_path / "journal")
    assert "\n" not in str(error.value)


def test_errors_of_ones_own_pass_as_they_are():
    with pytest.raises(UserError, match=r"^mine$"), reaching_storage("x"):
        raise UserError("mine")


@pytest.fixture
def postgresql():
    """A real server on a socket of its own."""
    pytest.importorskip("psycopg2")
    programs = [shutil.which("initdb"), shutil.which("pg_ctl")]
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if None in programs and versions:
        programs = [str(versions[-1] / name) for name in ("initdb", "pg_ctl")]
    if None in programs:
        pytest.skip("no PostgreSQL here")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder, user = Path(name), []
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            user = ["setpriv", "--reuid", "nobody", "--clear-groups"]
            shutil.chown(folder, "nobody")
        data = folder / "data"
        run = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
        subprocess.run([*user, programs[0], "-D", data, "-U", "tuner", "--auth", "trust", "--no-sync"], **run)
        options = f"-k {folder} -c listen_addresses= -c fsync=off"
        control = [*user, programs[1], "-D", data]
        subprocess.run([*control, "-o", options, "-l", folder / "log", "-w", "start"], **run)
        yield f"postgresql+psycopg2://tuner@/postgres?host={folder}"
        subprocess.run([*control, "-m", "immediate", "stop"], **run)


def test_a_real_server_is_shared_by_several_machines(postgresql, tmp_path):
    storage = open_storage(postgresql, tmp_path / "journal")
    study = optuna.create_study(storage=storage, study_name="s")
    study.set_user_attr("tuning", {"a": 1})
    study.add_trial(optuna.create_trial(value=1.0))
    again = optuna.load_study(storage=open_storage(postgresql, tmp_path / "journal"), study_name="s")
    assert (len(again.trials), again.user_attrs) == (1, {"tuning": {"a": 1}})


def make_tables(url, folder):
    open_storage(url, folder / "journal")


def test_several_machines_may_be_the_first(postgresql, tmp_path):
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=make_tables, args=(postgresql, tmp_path)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
