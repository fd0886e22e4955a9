"""Checkpoints: whole or not there, two of them, and only of this study."""

import logging
import os
import signal

import pytest
import torch

from core.common.errors import UserError
from studies.storage.checkpoints import Checkpoints, pack, restoring
from studies.storage.ledger import LEDGER

IDENTITY = {"seed": 3, "epsilon": [0.1, 1e-6], "data": "abc"}


def checkpoints(tmp_path, identity=IDENTITY, every=0.0, **clock):
    return Checkpoints(tmp_path / "kept", identity, every, **clock)


def names(tmp_path):
    return sorted(path.name for path in (tmp_path / "kept").iterdir() if path.name != LEDGER)


def state(number):
    return {"number": number, "weights": torch.full((3,), float(number))}


def loaded(tmp_path, **changes):
    stored = checkpoints(tmp_path, **changes).load()
    return stored and stored["number"]


def test_there_is_nothing_before_the_first(tmp_path):
    kept = checkpoints(tmp_path)
    assert kept.load() is None
    assert not kept.exist
    kept.clear()
    assert not (tmp_path / "kept").exists()


def test_nothing_is_written_to_or_cleared_from_a_folder_of_somebody_else(tmp_path):
    theirs = tmp_path / "kept" / "checkpoint-500"  # as another trainer calls its own
    theirs.mkdir(parents=True)
    (tmp_path / "kept" / "checkpoint-000001").write_text("theirs")
    with pytest.raises(UserError, match="holds files that were not written by loss-search"):
        checkpoints(tmp_path).write(state(0))
    checkpoints(tmp_path).clear()
    assert names(tmp_path) == ["checkpoint-000001", "checkpoint-500"]


def test_the_newest_is_loaded_and_two_are_kept(tmp_path):
    for i in range(4):
        checkpoints(tmp_path).write(state(i))  # each by a process that does not know how many there were
    assert names(tmp_path) == ["checkpoint-000003", "checkpoint-000004"]
    assert loaded(tmp_path) == 3
    stored = checkpoints(tmp_path).load()
    assert torch.equal(stored["weights"], torch.full((3,), 3.0))
    checkpoints(tmp_path).clear()
    assert not (tmp_path / "kept").exists()


def damaged(content, how):
    middle = len(content) // 2
    return {
        "empty": b"",
        "cut": content[:-1],
        "half": content[:middle],
        "one bit": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
        "longer": content + b"\0",
        "head": b"loss-search checkpoint 9" + content[24:],
        "other": b"something else",
    }[how]


@pytest.mark.parametrize("how", ["empty", "cut", "half", "one bit", "longer", "head", "other"])
def test_a_damaged_newest_one_costs_a_warning_and_the_one_before_is_taken(tmp_path, caplog, how):
    kept = checkpoints(tmp_path)
    for i in range(2):
        kept.write(state(i))
    path = tmp_path / "kept" / "checkpoint-000002"
    path.write_bytes(damaged(path.read_bytes(), how))
    with caplog.at_level(logging.WARNING):
        assert loaded(tmp_path) == 0
    assert "checkpoint-000002" in caplog.text
    assert "looking for the one before" in caplog.text
    (tmp_path / "kept" / "checkpoint-000001").write_bytes(b"")
    assert loaded(tmp_path) is None


def test_every_cut_and_every_changed_byte_is_noticed(tmp_path):
    kept = checkpoints(tmp_path)
    kept.write({"a": 1})
    path = tmp_path / "kept" / "checkpoint-000001"
    content = path.read_bytes()
    for i in range(len(content)):
        for bad in (content[:i], content[:i] + bytes([content[i] ^ 0x10]) + content[i + 1 :]):
            path.write_bytes(bad)
            assert checkpoints(tmp_path).load() is None, i


@pytest.mark.parametrize("name", IDENTITY)
def test_a_checkpoint_of_another_study_is_refused_and_says_in_what(tmp_path, name):
    checkpoints(tmp_path).write(state(0))
    with pytest.raises(UserError, match=rf"holds a study with {name} .*, this one has other; give the same settings"):
        checkpoints(tmp_path, identity=IDENTITY | {name: "other"}).load()


def test_other_sources_cost_a_warning(tmp_path, caplog, monkeypatch):
    checkpoints(tmp_path).write(state(0))
    monkeypatch.setattr("studies.storage.checkpoints.code_digest", lambda *rooms: "other")
    assert loaded(tmp_path) == 0
    assert "was made by other sources than today's" in caplog.text


def test_offers_are_taken_when_it_is_time(tmp_path):
    now, made = [0.0], []
    kept = checkpoints(tmp_path, every=30.0, clock=lambda: now[0])

    def make():
        made.append(now[0])
        now[0] += 0.5  # what it takes
        return state(0)

    for now[0] in (1.0, 29.0, 30.0, 31.0, 60.0, 61.0):
        kept.save_if_due(make)
    assert made == [30.0, 61.0]


def test_a_checkpoint_that_takes_long_is_followed_by_a_longer_rest(tmp_path):
    now, made = [0.0], []
    kept = checkpoints(tmp_path, every=1.0, clock=lambda: now[0])

    def make():
        made.append(now[0])
        now[0] += 5.0
        return state(0)

    for now[0] in range(1, 120):
        kept.save_if_due(make)
    assert made == [1, 106]  # 5 seconds are a twentieth of the time


def test_a_full_disk_costs_a_warning_and_the_ones_before_stay(tmp_path, caplog, monkeypatch):
    kept = checkpoints(tmp_path)
    kept.write(state(0))

    def full(number):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        kept.save_if_due(lambda: state(1))
    assert "no checkpoint" in caplog.text
    assert "No space left on device" in caplog.text
    assert names(tmp_path) == ["checkpoint-000001"]
    kept.save_if_due(lambda: state(2))
    assert loaded(tmp_path) == 2


CALLS = ("os.fsync", "os.replace", "studies.storage.output.sync_names", "pathlib.Path.unlink")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_point_of_a_write_a_whole_one_is_left(tmp_path, call, after):
    """The third write dies before or after one of its calls; a fourth one goes on from there."""
    for i in range(2):
        checkpoints(tmp_path).write(state(i))
    pid = os.fork()
    if pid == 0:
        module, _, name = call.rpartition(".")
        owner = {"os": os, "studies.storage.output": __import__("studies.storage.output", fromlist=["x"])}.get(module)
        if owner is None:
            owner = type(tmp_path)
        original = getattr(owner, name)

        def deadly(*args, **kwargs):
            if after:
                original(*args, **kwargs)
            os.kill(os.getpid(), signal.SIGKILL)

        setattr(owner, name, deadly)
        checkpoints(tmp_path).write(state(2))
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    assert loaded(tmp_path) in (1, 2)
    checkpoints(tmp_path).write(state(3))
    assert loaded(tmp_path) == 3
    assert len(names(tmp_path)) == 2, "what the killed one left is swept away"


def test_whatever_a_state_raises_that_does_not_fit_is_told_in_a_line():
    for error in (KeyError("rounds"), TypeError("two\nlines"), UserError("stored parameters"), RecursionError()):
        with pytest.raises(UserError, match=r"the checkpoint does not fit this study: .*begin anew"), restoring():
            raise error


def test_a_checkpoint_without_the_right_content_is_not_whole(tmp_path):
    kept = checkpoints(tmp_path)
    kept.write(state(0))
    import hashlib

    for content in (pack([1, 2]), pack({"identity": 1, "state": {}}), pack({"state": {}}), b"\x80\x04."):
        head = f"loss-search checkpoint 1 {hashlib.sha256(content).hexdigest()}\n".encode()
        (tmp_path / "kept" / "checkpoint-000001").write_bytes(head + content)
        assert checkpoints(tmp_path).load() is None
