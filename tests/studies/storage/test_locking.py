"""Two processes never work in one folder, whatever it is called."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from core.common.errors import UserError
from studies.storage import locking
from studies.storage.locking import own_folder

ROOT = Path(__file__).parents[3]


def refused(folder):
    """Whether another one may not work there; locks are those of open files, so this process will do as the other."""
    try:
        with own_folder(folder):
            return False
    except UserError as error:
        assert "another process is at work there" in str(error)  # noqa: PT017 - a refusal is one of two good ends
        return True


@pytest.fixture
def names(tmp_path):
    """One folder by many names, the plain one first."""
    folder = tmp_path / "a" / "real"
    folder.mkdir(parents=True)
    (tmp_path / "link").symlink_to(folder)
    (tmp_path / "parent").symlink_to(folder.parent)
    (tmp_path / "chain").symlink_to(tmp_path / "link")
    other = [
        tmp_path / "a" / ".." / "a" / "real",
        folder / ".." / "real",
        tmp_path / "parent" / "real",
        tmp_path / "link",
    ]
    return [folder, *other, tmp_path / "chain"]


def test_a_folder_belongs_to_one_process_at_a_time(tmp_path):
    imports = "from pathlib import Path\nfrom studies.storage.locking import own_folder"
    code = f"{imports}\nwith own_folder(Path({str(tmp_path)!r})): 1"

    def other():
        return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)

    with own_folder(tmp_path):
        assert "another process is at work there" in other().stderr
    assert other().returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_no_other_name_of_the_folder_passes_the_lock_by(names, monkeypatch):
    monkeypatch.chdir(names[0].parent)
    names.append(Path("real"))
    for mine in names:
        with own_folder(mine):
            assert [refused(name) for name in names] == [True] * len(names)
    assert [refused(name) for name in names] == [False] * len(names)


@pytest.mark.parametrize("changed", ["TMPDIR", "HOME", "XDG_RUNTIME_DIR"])
def test_no_other_environment_passes_the_lock_by(tmp_path, monkeypatch, changed):
    folder, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    elsewhere.mkdir()
    with own_folder(folder):
        monkeypatch.setenv(changed, str(elsewhere))
        monkeypatch.setattr(tempfile, "tempdir", None)
        assert refused(folder)


def test_a_killed_process_leaves_no_lock(tmp_path):
    pid = os.fork()
    if pid == 0:
        with own_folder(tmp_path):
            os.kill(os.getpid(), 9)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -9
    assert not refused(tmp_path)


def test_whoever_waited_at_a_folder_that_was_taken_back_gets_the_one_that_is_there(tmp_path, monkeypatch):
    folder, lock = tmp_path / "out", locking._lock

    def just_before(number):
        monkeypatch.setattr(locking, "_lock", lock)
        folder.rmdir()  # as the one before does that failed
        lock(number)

    monkeypatch.setattr(locking, "_lock", just_before)
    with own_folder(folder):
        assert refused(folder)


def no_folders(number):
    """The lock of a file system that can lock files only."""
    if os.path.isdir(f"/proc/self/fd/{number}"):
        raise OSError(9, "Bad file descriptor")
    PLAIN_LOCK(number)


def nothing(number):
    raise OSError(95, "Operation not supported")


PLAIN_LOCK = locking._lock


def test_where_folders_cannot_be_locked_a_file_in_them_is(names, monkeypatch):
    monkeypatch.setattr(locking, "_lock", no_folders)
    with own_folder(names[0]):
        assert all(refused(name) for name in names)
    assert not refused(names[0])


def test_where_nothing_can_be_locked_that_is_said(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(locking, "_lock", nothing)
    assert not refused(tmp_path)
    assert "this file system has no locks (Operation not supported); run one command at a time" in caplog.text


def test_a_folder_that_is_in_use_is_neither_swept_nor_taken_back(tmp_path):
    with own_folder(tmp_path / "out"):
        (tmp_path / "out" / ".x.1.unfinished").touch()
        with pytest.raises(UserError, match="another process"), own_folder(tmp_path / "out"):
            pass
        assert [path.name for path in (tmp_path / "out").iterdir()] == [".x.1.unfinished"]
