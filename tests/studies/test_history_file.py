"""The history of a study survives kills and full disks, and begins anew with another study."""

import json

import pytest

from core.common.errors import UserError
from studies.storage.ledger import LEDGER
from studies.storage.output import OutputFolder
from studies.study.history_file import HistoryFile, StepRecord

SETTINGS = {"seed": 1, "epsilon": (0.1,)}


def opened(tmp_path, settings=SETTINGS, warnings=None, resume=True):
    return HistoryFile(OutputFolder(tmp_path), settings, (warnings if warnings is not None else []).append, resume)


def step(i):
    return StepRecord(i, 4 * i, i / 3, None, {"trained": i, "reward": 0.5}, {}, [{"formula": "y"}])


STEPS = [step(i) for i in range(6)]


def begun(tmp_path, n=0, **more):
    made = opened(tmp_path, **more)
    for i in range(n + 1):
        made.write(STEPS[:i])
    return made


def test_steps_come_back_in_order(tmp_path):
    first = begun(tmp_path, 3)
    assert not first.is_begun
    again = opened(tmp_path)
    assert again.is_begun
    assert (again.id, again.steps) == (first.id, STEPS[:3])


@pytest.mark.parametrize("n", range(4))
def test_a_study_goes_on_behind_the_steps_that_its_checkpoint_has(tmp_path, n):
    begun(tmp_path, 3)
    again = opened(tmp_path)
    assert again.go_on_after(n) == STEPS[:n]
    assert again.synced() == n
    other = [*STEPS[:n], STEPS[5]]
    again.write(other)
    assert opened(tmp_path).steps == other
    with pytest.raises(UserError, match=f"holds {n + 1} of 9 steps"):
        opened(tmp_path).go_on_after(9)


LINE = json.dumps(vars(STEPS[3]))


@pytest.mark.parametrize(
    "left", ['{"time": 3', LINE, "nonsense\n", "[]\n", '{"time": 3}\n', "\0\0\0", LINE.replace("12", '"x"') + "\n"]
)
def test_what_a_kill_left_of_a_step_is_cut_off(tmp_path, left):
    whole = begun(tmp_path, 2)
    with whole.path.open("a") as file:
        file.write(left)
    again = opened(tmp_path)
    assert again.steps == STEPS[:2]
    again.go_on_after(2)
    again.write(STEPS[:3])
    assert opened(tmp_path).steps == STEPS[:3]


@pytest.mark.parametrize("content", ["", "\0", f"{LINE}\n", '{"id": 3, "settings": {}}\n', "[" * 100_000])
def test_a_file_that_is_no_history_counts_as_none(tmp_path, content):
    OutputFolder(tmp_path).growing(HistoryFile.name).write_text(content)
    made = begun(tmp_path, 1)
    assert not made.is_begun
    assert opened(tmp_path).steps == STEPS[:1]


def test_the_history_of_other_settings_or_of_a_study_begun_anew_is_kept_beside(tmp_path):
    first = begun(tmp_path, 1)
    for other in (opened(tmp_path, {"seed": 2}), opened(tmp_path, resume=False)):
        assert (other.is_begun, other.steps) == (False, [])
        assert other.id != first.id
    other.make_room()
    other.write([])
    assert opened(tmp_path).id == other.id
    kept = (tmp_path / "history.jsonl.before").read_text().splitlines()
    assert json.loads(kept[0])["id"] == first.id
    opened(tmp_path).make_room()
    assert opened(tmp_path).id == other.id, "a study that goes on needs no room"


class Full:
    """A file on a disk that takes half of what is written."""

    def __init__(self, file):
        self.file = file

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.file.close()

    def truncate(self, size):
        return self.file.truncate(size)

    def write(self, content):
        self.file.write(content[: len(content) // 2])
        self.file.flush()
        raise OSError(28, "No space left on device")


def test_a_full_disk_costs_one_warning_and_nothing_once_there_is_room(tmp_path, monkeypatch):
    warnings = []
    made = begun(tmp_path, 1, warnings=warnings)
    original = type(tmp_path).open
    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.open", lambda path, mode: Full(original(path, mode)))
        made.write(STEPS[:2])
        made.write(STEPS[:3])
    assert len(warnings) == 1
    assert "No space left on device" in warnings[0]
    assert made.synced() == 1, "checkpoints keep the rest"
    assert STEPS[:1] == opened(tmp_path).steps[:1]
    made.write(STEPS[:4])
    assert opened(tmp_path).steps == STEPS[:4]


def test_a_file_of_somebody_else_is_refused_and_stays(tmp_path):
    (tmp_path / HistoryFile.name).write_text("theirs\n")
    with pytest.raises(UserError, match=r"history\.jsonl was not written by loss-search"):
        opened(tmp_path)
    assert (tmp_path / HistoryFile.name).read_text() == "theirs\n"


def test_it_is_removed_when_nobody_needs_it(tmp_path):
    begun(tmp_path, 1).remove()
    assert [path.name for path in tmp_path.iterdir()] == [LEDGER]
