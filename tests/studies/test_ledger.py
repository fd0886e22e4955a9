"""Only what this product wrote, and nobody changed since, is ever replaced, moved or removed."""

import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.common.errors import UserError
from studies.storage.ledger import ANYTHING, LEDGER, Ledger, digest_of_folder
from studies.storage.output import OutputFolder, write_file

NAMES = st.text(min_size=1, max_size=40).filter(lambda name: "/" not in name and "\0" not in name and name not in "..")
CONTENTS = st.binary(max_size=20)


def their(path, content=b"mine"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def held(path):
    return os.readlink(path) if path.is_symlink() else path.is_file() and path.read_bytes()


def snapshot(folder):
    """Every file and folder below, with what it holds."""
    inner = sorted(path for path in folder.rglob("*") if path.name != LEDGER)
    return {path.relative_to(folder).as_posix(): held(path) for path in inner}


def refused(folder, do):
    """Whether it was refused, with everything as it was before."""
    before = snapshot(folder)
    with pytest.raises(UserError, match="not written by loss-search, or changed since; nothing was touched"):
        do()
    assert snapshot(folder) == before


def test_what_was_written_may_be_written_again_by_anybody_later(tmp_path):
    for content in (b"1", b"2", b"1"):
        OutputFolder(tmp_path).write("x", content)
        assert (tmp_path / "x").read_bytes() == content
    assert Ledger(tmp_path).is_ours("x")


def test_what_another_command_writes_meanwhile_is_ours_too(tmp_path):
    study, page = OutputFolder(tmp_path), OutputFolder(tmp_path)
    study.write("report.html", b"1")
    page.write("report.html", b"2")
    study.write("report.html", b"3")
    assert (tmp_path / "report.html").read_bytes() == b"3"


@given(NAMES, CONTENTS, st.lists(CONTENTS, max_size=3))
def test_a_file_is_ours_as_long_as_it_holds_something_that_was_written(tmp_path_factory, name, content, written):
    folder = tmp_path_factory.mktemp("x")
    ledger = Ledger(folder)
    for one in written:
        ledger.add(name, hashlib.sha256(one).hexdigest())
    assert Ledger(folder).is_ours(name)  # nothing is there
    try:
        (folder / name).write_bytes(content)
    except OSError:  # too long for this file system
        return
    assert Ledger(folder).is_ours(name) == ledger.is_ours(name) == (content in written)
    ledger.forget(name)
    assert not Ledger(folder).is_ours(name)


#: Make something of a user's.
OBSTACLES = (their, lambda path: path.symlink_to("/dev/null"), os.mkfifo, lambda path: their(path / "in"))


@pytest.mark.parametrize("make", OBSTACLES)
def test_nothing_of_theirs_is_written_over_moved_or_removed(tmp_path, make):
    make(tmp_path / "x")
    folder = OutputFolder(tmp_path)
    for do in (
        lambda: folder.claim("x"),
        lambda: folder.claim("*"),
        lambda: folder.write("x", b"ours"),
        lambda: folder.write_json("x", {}),
        lambda: folder.write_folder("x", lambda path: path.mkdir()),
        lambda: folder.growing("x"),
        lambda: folder.set_aside("x"),
        lambda: OutputFolder(tmp_path, patterns=("a*",)),
        lambda: write_file(tmp_path / "x", b"ours") if (tmp_path / "x").is_file() else folder.claim("x"),
    ):
        refused(tmp_path, do)
    before = snapshot(tmp_path)
    folder.remove("x")
    folder.sweep()
    folder.withdraw()
    assert snapshot(tmp_path) == before


def test_what_they_changed_is_theirs(tmp_path):
    folder = OutputFolder(tmp_path)
    folder.write("loss.py", b"ours")
    folder.write_folder("model", lambda path: their(path / "data" / "weights"))
    their(tmp_path / "loss.py", b"ours, changed")
    refused(tmp_path, lambda: folder.write("loss.py", b"again"))
    their(tmp_path / "model" / "data" / "notes")
    refused(tmp_path, lambda: folder.claim("model"))
    (tmp_path / "model" / "data" / "notes").unlink()
    their(tmp_path / "model" / "code" / "__pycache__" / "x.pyc")  # which Python leaves there
    folder.claim("model")
    (tmp_path / "model" / "link").symlink_to(tmp_path)
    refused(tmp_path, lambda: folder.claim("model"))


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path):
    folder = OutputFolder(tmp_path)
    folder.write_folder("model", lambda path: their(path / "a", b"1"))
    before = snapshot(tmp_path)

    def half(path):
        their(path / "a", b"2")
        raise OSError(28, "No space left on device")

    with pytest.raises(UserError, match="No space left on device"):
        folder.write_folder("model", half)
    assert snapshot(tmp_path) == before
    folder.write_folder("model", lambda path: their(path / "b", b"3"))
    assert snapshot(tmp_path) == {"model": False, "model/b": b"3"}


def test_what_was_set_aside_is_ours_and_the_next_takes_its_place(tmp_path):
    folder = OutputFolder(tmp_path)
    assert folder.set_aside("x") == tmp_path / "x.before"
    for content in (b"1", b"2"):
        with folder.growing("x").open("ab") as file:
            file.write(content)
        folder.set_aside("x")
        assert snapshot(tmp_path) == {"x.before": content}
    their(tmp_path / "x", b"2")  # ours lies beside, this one is a person's
    refused(tmp_path, lambda: folder.growing("x"))


def test_an_aside_of_theirs_is_in_the_way(tmp_path):
    folder = OutputFolder(tmp_path)
    folder.growing("x").write_bytes(b"1")
    their(tmp_path / "x.before")
    refused(tmp_path, lambda: folder.set_aside("x"))


def test_what_cannot_be_set_aside_is_told(tmp_path, monkeypatch):
    def refuse(*args):
        raise PermissionError(13, "Permission denied")

    OutputFolder(tmp_path / "parts", patterns=("a*",))
    monkeypatch.setattr("pathlib.Path.rename", refuse)
    with pytest.raises(UserError, match=r"parts: cannot set it aside as parts.before: Permission denied"):
        OutputFolder(tmp_path).set_aside("parts")


def test_a_folder_that_we_began_is_ours_wherever_it_is_moved_but_not_what_others_put_into_it(tmp_path):
    folder = OutputFolder(tmp_path)
    for content in (b"1", b"2"):
        OutputFolder(tmp_path / "parts", patterns=("a*",)).write("a", content)
        folder.set_aside("parts")
        assert snapshot(tmp_path) == {"parts.before": False, "parts.before/a": content}
    their(tmp_path / "parts.before" / "inner" / "b")
    inner = OutputFolder(tmp_path / "parts", patterns=("a*",))
    inner.write("a", b"3")
    their(tmp_path / "parts" / "b")
    refused(tmp_path, lambda: inner.write("b", b"4"))
    with pytest.raises(UserError, match=r"cannot set it aside as parts.before: Directory not empty; move both away"):
        folder.set_aside("parts")
    folder.remove("parts")
    left = {"parts": False, "parts/b": b"mine", "parts.before": False, "parts.before/inner": False}
    assert snapshot(tmp_path) == {**left, "parts.before/inner/b": b"mine"}


def test_an_empty_folder_may_be_taken_and_is_given_back(tmp_path):
    OutputFolder(tmp_path, patterns=("a*",)).withdraw()
    assert list(tmp_path.iterdir()) == []
    OutputFolder(tmp_path / "new", patterns=("a*",)).withdraw()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "make",
    [
        *(lambda path, content=content: their(path, content) for content in (b"theirs\n", b'["x", "*"]\n', b"\0" * 10)),
        Path.mkdir,
        os.mkfifo,  # would be waited for
        lambda path: path.symlink_to(their(path.parent / "elsewhere")),
        lambda path: path.symlink_to("nowhere"),
    ],
)
def test_a_ledger_that_is_none_owns_nothing_and_is_told_before_anything_is_done(tmp_path, make):
    make(tmp_path / LEDGER)
    their(tmp_path / "x")
    before = snapshot(tmp_path), held(tmp_path / LEDGER) if not (tmp_path / LEDGER).is_fifo() else None
    assert not Ledger(tmp_path).is_ours("x")
    for begin in (lambda: OutputFolder(tmp_path), lambda: write_file(tmp_path / "y", b"1")):
        with pytest.raises(UserError, match=r"--out .*: cannot write there: "):
            begin()
    assert before == (snapshot(tmp_path), held(tmp_path / LEDGER) if not (tmp_path / LEDGER).is_fifo() else None)


def test_an_empty_ledger_is_begun(tmp_path):
    their(tmp_path / LEDGER, b"")
    OutputFolder(tmp_path).write("y", b"1")
    assert Ledger(tmp_path).is_ours("y")


NONSENSE = [
    "{",
    "[]",
    "1",
    "null",
    '["x"]',
    '["x", 1]',
    '[["x"], "*"]',
    '["y", "*"',
    "[" * 100_000,
    '["x", "*", 1]',
    "\xff",
]


@pytest.mark.parametrize("line", NONSENSE)
def test_lines_that_say_nothing_own_nothing_and_hide_no_others(tmp_path, line):
    Ledger(tmp_path).add("z", ANYTHING)
    with (tmp_path / LEDGER).open("a") as file:
        file.write(line)  # without an end, as a kill leaves it
    their(tmp_path / "x")
    their(tmp_path / "z")
    ledger = Ledger(tmp_path)
    assert (ledger.is_ours("x"), ledger.is_ours("z")) == (False, True)
    ledger.add("x", ANYTHING)
    assert Ledger(tmp_path).is_ours("x")


def test_a_full_disk_leaves_the_ledger_as_it_was(tmp_path, monkeypatch):
    ledger = Ledger(tmp_path)
    ledger.add("x", ANYTHING)
    before = (tmp_path / LEDGER).read_bytes()

    def full(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        ledger.add("y", ANYTHING)
    assert (tmp_path / LEDGER).read_bytes() == before


@settings(max_examples=30)
@given(st.dictionaries(st.sampled_from(["a", "b/c", "b/d", "e"]), CONTENTS, max_size=4))
def test_folders_are_the_same_exactly_if_all_their_files_are(tmp_path_factory, files):
    def made(contents):
        folder = tmp_path_factory.mktemp("x")
        for name, content in contents.items():
            their(folder / name, content)
        return digest_of_folder(folder)

    assert made(files) == made(dict(reversed(files.items())))
    for name in files:
        assert made(files) != made({**files, name: files[name] + b"x"})
        assert made(files) != made({other: content for other, content in files.items() if other != name})


def test_a_link_to_a_folder_may_be_worked_in(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    OutputFolder(tmp_path / "link").write("x", b"1")
    OutputFolder(tmp_path / "real").write("x", b"2")
    shutil.copytree(tmp_path / "real", tmp_path / "copy")
    OutputFolder(tmp_path / "copy").write("x", b"3")
    assert (tmp_path / "copy" / "x").read_bytes() == b"3"


def test_every_name_that_is_not_there_is_told_in_the_file(tmp_path):
    OutputFolder(tmp_path).write("a\nb", b"1")
    lines = Path(tmp_path / LEDGER).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)[0] for line in lines[1:]] == ["a\nb"]
