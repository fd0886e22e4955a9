import pytest
from hypothesis import given
from hypothesis import strategies as st
from studies.execution.part import Part, PartsFolder

from core.common.errors import UserError

CONTENTS = st.dictionaries(
    st.text(max_size=5), st.integers() | st.lists(st.floats(allow_nan=False, allow_infinity=False))
)


@given(CONTENTS, CONTENTS, st.text(max_size=100))
def test_parts_share_a_file_only_if_they_are_equal(one, other, label):
    same = Part("run", label, one).file == Part("run", label, other).file
    assert same == (one == other)


@given(CONTENTS, st.text(max_size=200))
def test_names_of_files_are_harmless(content, label):
    name = Part("run", label, content).file
    assert len(name) < 90
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-")


def test_the_kind_and_the_order_of_settings():
    assert Part("run", "a", {"x": 1, "y": 2}).file == Part("run", "a", {"y": 2, "x": 1}).file
    assert Part("run", "a", {}).file != Part("noise", "a", {}).file


def test_what_is_written_is_read_back(tmp_path):
    folder, part = PartsFolder(tmp_path / "parts"), Part("run", "gp seed 0", {"x": 1})
    assert folder.read(part) is None
    written = folder.write(part, {"best": 0.1 + 0.2, "nothing": None})
    assert folder.read(part) == written
    assert written["best"] == 0.1 + 0.2


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"null", b'{"kind": "noise"}', b"\xff\xfe", b"0" * 10_000])
def test_what_is_not_whole_is_not_there(tmp_path, damage):
    folder, part = PartsFolder(tmp_path), Part("run", "gp seed 0", {"x": 1})
    (tmp_path / part.file).write_bytes(damage)
    assert folder.read(part) is None


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write there"):
        PartsFolder(tmp_path / "file" / "parts")
