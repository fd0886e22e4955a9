"""No command replaces, moves or removes what is the user's: one line and exit code 2, before anything is trained."""

import os
from pathlib import Path

import pytest

from core.common.errors import UserError
from core.export.exported import FORMS
from studies import benchmark, compare, evaluate, export, plot, report, reproduce, run, search_loss, table, tune
from studies.common.command import BAD_INPUT, exit_code
from studies.comparison.report import REPORT_FILES as COMPARISON
from studies.evaluation.report import REPORT_FILES as EVALUATION
from studies.storage.ledger import LEDGER
from studies.tuning.report import REPORT_FILES as TUNING
from tests.strategies import NIGHTLY
from tests.studies.comparison.small import small_arguments as small_comparison
from tests.studies.evaluation.small import OPTIONS as EVALUATED
from tests.studies.small import as_words, small_arguments
from tests.studies.test_ledger import OBSTACLES, snapshot, their
from tests.studies.tuning.small import small_arguments as small_tuning

pytestmark = pytest.mark.usefixtures("undrawn")

STUDY = (
    "result.json",
    "history.json",
    "history.jsonl",
    "report.html",
    "checkpoints",
    *(form.file for form in FORMS.values()),
)
QUIET = ("--tracking-uri", "none")
TABLE = ("table5", *as_words({"dataset": "synthetic", "seeds": 1, "max_epochs": 1}))
LOSSES = as_words({"dataset": "synthetic", "size": 3, "converged": 1})
FIGURE = ("figure5", *as_words({"dataset": "synthetic", "seeds": 1, "trainings": 4}))

#: Command and words -> what it writes into its folder.
FOLDERS = {
    "run": (run, [*small_arguments(), *QUIET], STUDY),
    "run, model": (run, [*small_arguments()[:-1], *QUIET], ("model",)),
    "run, tracked": (run, [*small_arguments(), "--tracking-uri", "sqlite:///elsewhere.db"], ("history.jsonl",)),
    "compare": (compare, [*small_comparison(), *QUIET], ("parts", *COMPARISON)),
    "evaluate": (evaluate, [*as_words(EVALUATED), *QUIET], ("parts", *EVALUATION)),
    "tune": (tune, [*small_tuning(), *QUIET], ("parts", "optuna-journal.log", *TUNING)),
    "all losses": (table, [*LOSSES, *QUIET], ("parts", "table.parquet")),
    "table": (reproduce, TABLE, ("parts", "table5.csv", "table5.md")),
    "figure": (reproduce, FIGURE, ("figure5.png", "figure5-mf-ml-100k.png")),
}
CASES = [(key, name) for key, (_, _, names) in FOLDERS.items() for name in names]


@pytest.fixture(autouse=True)
def nothing_is_trained(tmp_path, monkeypatch):
    def trained(*_):
        raise AssertionError("something was trained")

    monkeypatch.chdir(tmp_path)
    for place in (
        "studies.study.study.Study.run",
        "studies.execution.processes.ProcessExecutor.run",
        "studies.benchmark.measure",
    ):
        monkeypatch.setattr(place, trained)


def called(command, *words):
    return exit_code(lambda: command.app([*words], exit_on_error=False, print_error=False))


def refused(capsys, command, *words):
    """It is refused in one line, and nothing has changed."""
    before = snapshot(Path())
    capsys.readouterr()
    assert called(command, *words) == BAD_INPUT
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    assert (
        "not written by loss-search, or changed since; nothing was touched: move it away or give another name" in line
    )
    assert snapshot(Path()) == before


@pytest.mark.parametrize(("key", "name"), CASES)
def test_what_lies_where_a_command_writes_is_not_touched(capsys, key, name):
    command, words, _ = FOLDERS[key]
    one = CASES.index((key, name)) % len(OBSTACLES)
    for i, make in enumerate(OBSTACLES if NIGHTLY else OBSTACLES[one : one + 1]):
        Path(f"out{i}").mkdir()
        make(Path(f"out{i}", name).absolute())
        refused(capsys, command, *words, "--out", f"out{i}")
        again = {"run": "--resume"}.get(key.split(",")[0], "--no-resume")
        refused(capsys, command, *words, "--out", f"out{i}", again)


@pytest.mark.parametrize("key", FOLDERS)
def test_the_working_folder_is_no_exception(capsys, key):
    command, words, names = FOLDERS[key]
    their(Path(names[0]))
    for out in (".", "sub/.."):
        Path("sub").mkdir(exist_ok=True)
        refused(capsys, command, *words, "--out", out)


@pytest.mark.parametrize("name", ["result.json", "loss.py", "model"])
def test_nor_is_the_function(name):
    their(Path("out", name) / "weights.pt" if name == "model" else Path("out", name))
    before = snapshot(Path())
    with pytest.raises(UserError, match=f"out/{name}"):
        search_loss(out="out", dataset="synthetic", trainings=4, progress=False)
    assert snapshot(Path()) == before


#: Command and words -> the option that names the file it writes.
FILES = {
    "export": (export, ("--loss", "MaxR"), "--out", "loss.py"),
    "plot": (plot, ("--loss", "MaxR"), "--out", "curves.png"),
    "benchmark": (benchmark, ("--dataset", "synthetic", "--k", "1"), "--json", "figures.json"),
}


@pytest.mark.parametrize("key", FILES)
@pytest.mark.parametrize("make", [their, lambda path: path.symlink_to(their(path.parent / "precious"))])
def test_a_file_of_theirs_is_not_written_over(capsys, key, make):
    command, words, option, name = FILES[key]
    make(Path(name).absolute())
    refused(capsys, command, *words, option, name)
    Path("folder").mkdir()
    make(Path("folder", name).absolute())
    refused(capsys, command, *words, option, f"folder/{name}")


def test_nor_is_a_page_of_theirs(capsys, studied):
    place = str(studied / "results" / "one")
    their(Path("page.html"))
    refused(capsys, report, "--run", place, "--out", "page.html")
    before = snapshot(studied)
    assert called(report, "--run", place, "--out", "other.html") == 0
    assert called(report, "--run", place, "--out", "other.html") == 0, "what it wrote itself it may write again"
    assert snapshot(studied) == before
    Path("other.html").write_text("changed")
    refused(capsys, report, "--run", place, "--out", "other.html")


@pytest.mark.parametrize("key", ["export", "plot"])
def test_what_a_command_wrote_it_may_write_again_until_it_is_changed(capsys, key):
    command, words, option, name = FILES[key]
    for _ in range(2):
        assert called(command, *words, option, name) == 0
    with Path(name).open("ab") as file:
        file.write(b"\n# mine\n")
    refused(capsys, command, *words, option, name)
    Path(name).unlink()
    assert called(command, *words, option, name) == 0


@pytest.mark.parametrize("key", FOLDERS)
@pytest.mark.parametrize("out", ["x" * 300, "a/" + "x" * 300 + "/b", "file", "file/deeper", "nul\0"])
def test_a_folder_that_no_file_system_takes_is_refused_in_a_line(capsys, key, out):
    command, words, _ = FOLDERS[key]
    their(Path("file"))
    assert called(command, *words, "--out", out) == BAD_INPUT
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: --out ")
    assert snapshot(Path()) == {"file": b"mine"}


@pytest.mark.parametrize("key", FILES)
@pytest.mark.parametrize("out", ["x" * 300, "a/" + "x" * 300, "file/deeper", "missing/x", ".", "nul\0"])
def test_nor_is_a_file(capsys, key, out):
    command, words, option, name = FILES[key]
    their(Path("file"))
    if key == "benchmark" and out == "missing/x":
        return  # it makes the folder
    assert called(command, *words, option, out + (Path(name).suffix if out != "." else "")) == BAD_INPUT
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {option} ")
    assert snapshot(Path()) == {"file": b"mine"}


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("key", FOLDERS)
def test_a_folder_that_may_not_be_looked_into_is_refused_in_a_line(capsys, tmp_path, key):
    command, words, _ = FOLDERS[key]
    closed = tmp_path / "closed"
    (closed / "in").mkdir(parents=True)
    closed.chmod(0o700)
    (tmp_path / "file").touch()
    for parent in (tmp_path, *tmp_path.parents):
        if parent.stat().st_uid == 0 and parent != Path("/tmp"):
            parent.chmod(parent.stat().st_mode | 0o005)
    os.seteuid(65534)
    try:
        code = called(command, *words, "--out", str(closed / "in" / "deeper"))
    finally:
        os.seteuid(0)
    assert code == BAD_INPUT
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: --out ")
    assert "Permission denied" in line
    assert not (closed / "in" / LEDGER).exists()
