import contextlib
import json

import pytest

from core.common.errors import UserError
from studies.storage.ledger import LEDGER
from studies.storage.output import OutputFolder, plain


def test_writes_json_that_reads_back(tmp_path):
    path = OutputFolder(tmp_path / "a" / "b").write_json("result.json", {"x": [1, None, "é"]})
    assert json.loads(path.read_text(encoding="utf-8")) == {"x": [1, None, "é"]}
    assert sorted(p.name for p in path.parent.iterdir()) == [LEDGER, "result.json"]


def test_a_failed_write_leaves_the_older_file_and_nothing_else(tmp_path, monkeypatch):
    folder = OutputFolder(tmp_path)
    folder.write_json("result.json", {"old": 1})

    def full(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UserError, match="No space left on device"):
        folder.write_json("result.json", {"new": 1})
    assert json.loads((tmp_path / "result.json").read_text()) == {"old": 1}
    assert sorted(p.name for p in tmp_path.iterdir()) == [LEDGER, "result.json"]


def test_withdrawing_takes_back_only_what_was_made(tmp_path):
    (tmp_path / "before").mkdir()
    OutputFolder(tmp_path / "before" / "x" / "y").withdraw()
    assert [p.name for p in tmp_path.iterdir()] == ["before"]


def test_withdrawing_keeps_a_folder_with_something_in_it(tmp_path):
    folder = OutputFolder(tmp_path / "x" / "y")
    (tmp_path / "x" / "kept").write_text("")
    folder.withdraw()
    assert [p.name for p in (tmp_path / "x").iterdir()] == ["kept"]


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="expected a folder, got the file"):
        OutputFolder(tmp_path / "file")


def test_numbers_that_json_cannot_write_become_none_however_deep_they_lie():
    nan, inf = float("nan"), float("inf")
    assert plain({"a": [1.5, nan], "b": {"c": (inf, 2)}, "d": "nan"}) == {
        "a": [1.5, None],
        "b": {"c": [None, 2]},
        "d": "nan",
    }


def test_sweeping_takes_what_killed_writers_left_and_nothing_else(tmp_path):
    theirs = [".chapter.3.unfinished", ".profile.1", "notes.unfinished", "result.json"]
    for name in (".loss-search-result.json.123.unfinished", *theirs):
        (tmp_path / name).write_text("")
    OutputFolder(tmp_path).sweep()
    assert sorted(path.name for path in tmp_path.iterdir()) == theirs


@pytest.mark.parametrize(
    ("error", "is_there"), [(None, True), (ValueError, True), (KeyboardInterrupt, False), (SystemExit, False)]
)
def test_a_file_that_gets_its_name_last_is_there_unless_a_signal_came_before(tmp_path, error, is_there):
    folder = OutputFolder(tmp_path)
    with contextlib.suppress(*[error] if error else []), folder.placing_json("result.json", {"a": 1}):
        assert not (tmp_path / "result.json").exists()
        folder.write("other", b"1")
        if error:
            raise error
    assert {one.name for one in tmp_path.iterdir()} == {LEDGER, "other", *["result.json"][: int(is_there)]}
    assert not is_there or json.loads((tmp_path / "result.json").read_text()) == {"a": 1}
    folder.write_json("result.json", {"a": 2})
