"""What MLflow is to be told survives kills, full disks and servers that go away."""

import json

import pytest

from core.common.errors import UserError
from studies.storage.ledger import LEDGER
from studies.storage.output import OutputFolder
from studies.tracking.journal import Journal


def journal(tmp_path, server="here", warnings=None):
    return Journal(OutputFolder(tmp_path), server, (warnings if warnings is not None else []).append)


def begun(tmp_path, n=0, **more):
    made = journal(tmp_path, **more)
    made.begin(name="study", time=1)
    for i in range(n):
        made.add("step", number=i)
    return made


def test_entries_come_back_in_order_and_only_what_was_not_sent_waits(tmp_path):
    first = begun(tmp_path, 3)
    first.sent(2)
    again = journal(tmp_path)
    assert again.entries == first.entries
    assert again.id == first.id
    assert [entry["kind"] for entry in again.waiting] == ["step", "step"]
    assert [entry["number"] for entry in again.waiting] == [1, 2]
    again.begin(name="another")
    assert len(again.entries) == 4


def test_another_server_has_had_nothing(tmp_path):
    begun(tmp_path, 2).sent(3)
    assert journal(tmp_path).waiting == []
    assert len(journal(tmp_path, "there").waiting) == 3


@pytest.mark.parametrize(
    "left", ['{"kind": "st', '{"kind": "step"}', "nonsense\n", "[]\n", '{"number": 3}\n', "\0\0\0"]
)
def test_what_a_kill_left_of_an_entry_is_cut_off(tmp_path, left):
    whole = begun(tmp_path, 2)
    with whole.path.open("a") as file:
        file.write(left)
    again = journal(tmp_path)
    assert again.entries == whole.entries
    again.add("step", number=2)
    assert [entry.get("number") for entry in journal(tmp_path).entries] == [None, 0, 1, 2]


@pytest.mark.parametrize(
    "content", ["", "\0", '{"kind": "step"}\n', '{"kind": "begin"}\n', '{"kind": "begin", "id": 3}\n']
)
def test_a_file_that_is_no_journal_counts_as_none(tmp_path, content):
    OutputFolder(tmp_path).growing("tracking.jsonl").write_text(content)
    made = begun(tmp_path, 1)
    assert [entry["kind"] for entry in made.entries] == ["begin", "step"]
    assert journal(tmp_path).entries == made.entries


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"server": "here", "sent": 99}', '{"server": "here", "sent": "1"}']
)
def test_where_nobody_knows_what_was_sent_everything_waits(tmp_path, content):
    begun(tmp_path, 1)
    OutputFolder(tmp_path).growing("tracking.sent").write_text(content)
    assert len(journal(tmp_path).waiting) == 2


class Full:
    """A file on a disk that takes half of what is written."""

    def __init__(self, file):
        self.file = file

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.file.close()

    def tell(self):
        return self.file.tell()

    def truncate(self, size):
        return self.file.truncate(size)

    def write(self, content):
        self.file.write(content[: len(content) // 2])
        self.file.flush()
        raise OSError(28, "No space left on device")

    def flush(self):
        raise AssertionError


def test_a_full_disk_costs_one_warning_and_nothing_once_there_is_room(tmp_path, monkeypatch):
    warnings = []
    made = begun(tmp_path, 1, warnings=warnings)
    original = type(tmp_path).open
    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.open", lambda path, mode: Full(original(path, mode)))
        made.add("step", number=1)
        made.add("step", number=2)
    assert len(warnings) == 1
    assert "No space left on device" in warnings[0]
    assert len(journal(tmp_path).entries) == 2
    made.add("step", number=3)
    assert [entry.get("number") for entry in journal(tmp_path).entries] == [None, 0, 1, 2, 3]
    assert journal(tmp_path).entries == made.entries


def test_what_a_server_has_not_got_is_kept_when_another_study_begins(tmp_path):
    made = begun(tmp_path, 2)
    made.sent(1)
    made.set_aside()
    assert made.entries == []
    kept = [json.loads(line) for line in (tmp_path / "tracking.jsonl.before").read_text().splitlines()]
    assert len(kept) == 3
    made.begin(name="next")
    made.sent(1)
    made.set_aside()
    assert sorted(path.name for path in tmp_path.iterdir()) == [LEDGER, "tracking.jsonl.before"]


@pytest.mark.parametrize("name", ["tracking.jsonl", "tracking.sent"])
def test_a_file_of_somebody_else_is_refused_and_stays(tmp_path, name):
    (tmp_path / name).write_text("theirs\n")
    with pytest.raises(UserError, match=f"{name} was not written by loss-search"):
        journal(tmp_path)
    assert (tmp_path / name).read_text() == "theirs\n"


def test_a_journal_that_was_sent_whole_is_removed(tmp_path):
    made = begun(tmp_path, 1)
    made.sent(2)
    made.remove()
    assert [path.name for path in tmp_path.iterdir()] == [LEDGER]


def test_a_journal_knows_whose_it_is(tmp_path):
    made = journal(tmp_path)
    assert not made.is_of({})
    made.begin(params={"seed": 1, "epsilon": (0.1,)})
    assert journal(tmp_path).is_of({"seed": 1, "epsilon": [0.1]})
    assert not journal(tmp_path).is_of({"seed": 2, "epsilon": [0.1]})
