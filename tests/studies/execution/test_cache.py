import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from studies.execution.runner import ResultCache
from studies.execution.task import DECIDING, Task, grouped

CONTENTS = st.dictionaries(
    st.text(max_size=5), st.integers() | st.lists(st.floats(allow_nan=False, allow_infinity=False))
)


@given(CONTENTS, CONTENTS, st.text(max_size=100))
def test_tasks_share_a_file_only_if_they_are_equal(one, other, label):
    same = Task("run", label, one).file == Task("run", label, other).file
    assert same == (one == other)


@given(CONTENTS, st.text(max_size=200))
def test_names_of_files_are_harmless(content, label):
    name = Task("run", label, content).file
    assert len(name) < 90
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-")


def test_the_kind_and_the_order_of_settings():
    assert Task("run", "a", {"x": 1, "y": 2}).file == Task("run", "a", {"y": 2, "x": 1}).file
    assert Task("run", "a", {}).file != Task("noise", "a", {}).file


def test_what_is_written_is_read_back(tmp_path):
    cache, task = ResultCache(tmp_path / "parts"), Task("run", "gp seed 0", {"x": 1})
    assert cache.read(task) is None
    written = cache.write(task, {"best": 0.1 + 0.2, "nothing": None})
    assert cache.read(task) == written
    assert written["best"] == 0.1 + 0.2


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"null", b'{"kind": "noise"}', b"\xff\xfe", b"0" * 10_000])
def test_what_is_not_whole_is_not_there(tmp_path, damage):
    cache, task = ResultCache(tmp_path), Task("run", "gp seed 0", {"x": 1})
    (tmp_path / task.file).write_bytes(damage)
    assert cache.read(task) is None


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="expected a folder, got the file"):
        ResultCache(tmp_path / "file" / "parts")


def test_groups_are_tasks_that_differ_in_their_loss_alone():
    def training(loss, at_once=2, **content):
        return Task("training", loss, {"loss": loss, "seed": 0, **content}, at_once)

    a, b, c, other = training("a"), training("b", descent=1), training("c"), training("d", seed=1)
    assert grouped([a, other, b, c]) == [(a, b), (other,), (c,)]
    assert grouped([training("a", 1), training("b", 1)]) == [(training("a", 1),), (training("b", 1),)]
    assert grouped([]) == []


@pytest.fixture
def other_code(monkeypatch):
    """Changes the code from here on."""

    def change(to):
        for module in ("task", "runner"):
            monkeypatch.setattr(f"studies.execution.{module}.code", lambda: to)

    return change


def test_changed_code_is_another_result(tmp_path, other_code):
    task = Task("run", "gp seed 0", {"x": 1})
    written = ResultCache(tmp_path).write(task, {"best": 0.1})
    other_code("123456789abc")
    assert ResultCache(tmp_path).read(task) is None
    assert ResultCache(tmp_path).has_other(task)
    assert ResultCache(tmp_path, accept_other_code=True).read(task) == written
    ResultCache(tmp_path).write(task, {"best": 0.2})
    for accepts in (False, True):
        assert ResultCache(tmp_path, accepts).read(task)["best"] == 0.2, "today's comes first"
        assert not ResultCache(tmp_path, accepts).has_other(task)


ROOT = Path(__file__).parents[3]
#: Modules that a worker loads and that decide over no result: they keep files, tell, or hand on.
DECIDES_NOTHING = (
    *("studies/storage/", "studies/common/"),
    *(f"studies/execution/{name}.py" for name in ("__init__", "task", "resources")),
    *(f"studies/study/{name}.py" for name in ("__init__", "history_file", "callback", "tracking_place", "typed")),
    "studies/__init__.py",
)


def loaded_by(module, seen):
    """The files of studies that a module loads, itself among them."""
    path = ROOT.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    name = path.relative_to(ROOT).as_posix()
    if path.exists() and name not in seen:
        seen.add(name)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("studies"):
                loaded_by(node.module, seen)
    return seen


def test_the_code_of_a_result_is_all_that_a_worker_loads():
    loaded = loaded_by("studies.execution.work", set())
    decides = {name for name in loaded if not name.startswith(DECIDES_NOTHING)}
    assert decides == {name for name in DECIDING if name.endswith(".py")}
    assert {name for name in DECIDING if not name.endswith(".py")} == {"core", "recommenders", "searchers"}
