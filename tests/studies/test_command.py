"""What all commands share: outputs that break, signals, formulas that begin with a minus, help in sentences."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from dataclasses import is_dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from studies import benchmark, compare, evaluate, export, plot, report, reproduce, run, table, tune
from studies.common.command import BAD_INPUT, check_whole_numbers, exit_code, exit_code_of, run_app
from studies.common.processes import BROKEN_PIPE, Tolerant
from studies.storage.ledger import LEDGER
from studies.study.parts import flat
from tests.studies.small import small_arguments

ROOT = Path(__file__).parents[2]
COMMANDS = {
    module.__name__.rpartition(".")[2]: module
    for module in (benchmark, compare, evaluate, export, plot, report, reproduce, run, table, tune)
}


class Broken(TextIOWrapper):
    """An output that fails after some writes."""

    def __init__(self, error, after=0):
        super().__init__(BytesIO(), encoding="utf-8")
        self.error, self.left = error, after

    def write(self, text):
        self.left -= 1
        if self.left < 0:
            raise self.error
        return super().write(text)


@pytest.mark.parametrize("error", [BrokenPipeError(32, "Broken pipe"), OSError(28, "No space left"), OSError(5, "I/O")])
@pytest.mark.parametrize("after", [0, 2])
def test_what_cannot_be_written_is_dropped_and_the_first_problem_kept(error, after):
    out = Tolerant(Broken(error, after))
    for _ in range(4):
        assert out.write("text") == 4
        out.writelines(["a", "b"])
        out.flush()
    assert out.problem is error
    assert out.encoding == "utf-8"
    assert not out.isatty()


def test_signs_that_an_encoding_lacks_are_replaced():
    raw = BytesIO()
    out = Tolerant(TextIOWrapper(raw, encoding="ascii"))
    out.write("0.5 \u00b10.1 \u2500 \udcff")
    out.flush()
    assert raw.getvalue() == b"0.5 ?0.1 ? ?"
    assert out.problem is None


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("place")


def shell(place, line, **environment):
    """A line in bash, with the exit codes of a pipe; what it printed."""
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PY": sys.executable, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


STUDY = f"$PY -m studies.run {shlex.join(small_arguments(trainings=4))}"


@pytest.mark.services
@pytest.mark.parametrize(
    ("redirected", "code"), [("> /dev/full 2>&1", BAD_INPUT), pytest.param(">&-", 0, marks=pytest.mark.nightly)]
)
def test_no_output_that_breaks_costs_a_result(place, redirected, code):
    got, _, err = shell(place, f"{STUDY} --out out{code} --tracking-uri none {redirected}")
    assert got == code
    assert "Traceback" not in err
    assert "Exception" not in err
    assert json.loads((place / f"out{code}" / "result.json").read_text())["best"] is not None
    left = {path.name for path in (place / f"out{code}").iterdir()}
    assert {"history.json", "loss.py", "report.html", LEDGER} <= left


@pytest.mark.services
def test_a_reader_that_goes_away_and_an_ascii_terminal_cost_no_result_and_mlflow_has_it_finished(place, migrated):
    from mlflow import MlflowClient

    (place / "mlflow.db").write_bytes(migrated.read_bytes())
    got, out, err = shell(place, f"{STUDY} --out piped | head -n 5", PYTHONIOENCODING="ascii")
    assert got == BROKEN_PIPE
    assert len(out.splitlines()) == 5
    assert err.isascii()
    assert "Traceback" not in err
    assert (place / "piped" / "result.json").exists()
    client = MlflowClient(f"sqlite:///{place}/mlflow.db")
    ids = [one.experiment_id for one in client.search_experiments()]
    assert {one.info.status for one in client.search_runs(ids)} == {"FINISHED"}


@pytest.mark.services
def test_a_full_output_is_told(place):
    got, _, err = shell(place, "$PY -m studies.export --loss MaxR > /dev/full")
    assert (got, err) == (BAD_INPUT, "error: cannot write to the standard output: No space left on device\n")


def test_a_command_that_fails_keeps_its_exit_code_whatever_becomes_of_its_output(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Broken(BrokenPipeError(32, "Broken pipe")))
    monkeypatch.setattr(sys, "stderr", Broken(BrokenPipeError(32, "Broken pipe")))
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        with pytest.raises(SystemExit) as left:
            run_app(export.app, ["--loss", "nonsense("])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert left.value.code == BAD_INPUT


@pytest.mark.services
@pytest.mark.parametrize("name", COMMANDS)
def test_ctrl_c_while_libraries_load_is_told_in_a_word(place, name):
    """A library that is loaded by all of them has the signal sent in its midst, as a person might."""
    (place / "hooks").mkdir(exist_ok=True)
    (place / "hooks" / "numpy.py").write_text("import os\nos.kill(os.getpid(), 2)\nraise AssertionError('went on')\n")
    code, out, err = shell(place, f"$PY -m studies.{name} --help", PYTHONPATH=f"{place / 'hooks'}:{ROOT}")
    assert (code, out, err) == (130, "", "interrupted\n")


@pytest.mark.services
@pytest.mark.parametrize(
    ("number", "ignored", "code"),
    [
        (signal.SIGHUP, False, 129),
        pytest.param(signal.SIGTERM, False, 143, marks=pytest.mark.nightly),
        (signal.SIGHUP, True, 0),
    ],
)
def test_a_closed_terminal_is_a_request_to_end_unless_it_is_to_be_ignored(place, number, ignored, code):
    """As nohup has it ignored."""
    program = (
        "import os, signal, sys; from studies.common.command import run_app, make_app\n"
        f"app = make_app('x', 'y')\n"
        "@app.default\n"
        "def end():\n"
        "    try:\n"
        f"        os.kill(os.getpid(), {int(number)})\n"
        "    finally:\n"
        "        print('closed')\n"
        "run_app(app, [])\n"
    )
    (place / "program.py").write_text(program)
    trap = f"trap '' {signal.Signals(number).name}; " if ignored else ""
    told = "" if ignored else f"ended by {signal.Signals(number).name}\n"
    assert shell(place, f"{trap}$PY program.py") == (code, "closed\n", told)


MINUS = ["-log(y_hat*y)", "-(1/(y_hat) - y)^2"]


@pytest.mark.parametrize("formula", MINUS)
@pytest.mark.parametrize(
    ("name", "option", "more"),
    [
        ("export", "loss", ["--to", "latex"]),
        ("export", "name", ["--run", "x"]),
        ("plot", "loss", ["--out", "x.png"]),
        ("plot", "beside", ["--loss", "MaxR"]),
        ("run", "guess", ["--seed", "1"]),
        ("run", "baseline", []),
        ("compare", "guess", []),
        ("compare", "baseline", ["--seeds", "2"]),
        ("evaluate", "loss", ["--seeds", "2"]),
        ("evaluate", "baseline", ["--loss", "MaxR"]),
        ("tune", "loss", ["--trials", "3"]),
        ("tune", "baseline", []),
        ("tune", "guess", []),
        ("reproduce", "loss", ["symmetric"]),
    ],
)
def test_a_formula_may_begin_with_a_minus_wherever_one_is_taken(name, option, more, formula):
    app = COMMANDS[name].app
    words = [*more, f"--{option}", formula]
    _, bound, _ = app.parse_args(words, exit_on_error=False, print_error=False)
    taken = [flat(value) for value in bound.arguments.values() if is_dataclass(value)]
    values = [values[option] for values in taken if option in values]
    assert values in ([formula], [(formula,)])


def test_an_option_without_its_value_is_still_told(capsys):
    for words in (["--loss"], ["--loss", "MaxR", "--to"], ["--loss", "--to", "latex"]):
        assert exit_code(lambda words=words: export.app(words, exit_on_error=False, print_error=False)) == BAD_INPUT
        assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    "name",
    [pytest.param(one, marks=[] if one in ("evaluate", "export", "plot") else pytest.mark.nightly) for one in COMMANDS],
)
def test_a_whole_number_is_whole_wherever_one_is_asked_for(capsys, monkeypatch, name):
    monkeypatch.setenv("COLUMNS", "200")
    app = COMMANDS[name].app
    exit_code_of(app, ["--help"])
    options = re.findall(r"(--[a-z-]+) INT\b", capsys.readouterr().out)
    for option in options:
        for words in ([option, "2.5"], [f"{option}=2.5"], [option, "3", option, "2.5"]):
            assert exit_code_of(app, words) == BAD_INPUT
            assert capsys.readouterr().err == f"error: {option}: expected a whole number, got 2.5\n"
        check_whole_numbers(app, [option, "2.0", "--other", "2.5"])
        assert exit_code_of(app, [option, "2.5", "--help"]) == 0
        assert option in capsys.readouterr().out
    assert len(options) > 2 or name in ("export", "plot", "report")


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_in_whole_sentences(capsys, monkeypatch, name, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    assert exit_code(lambda: COMMANDS[name].app(["--help"], exit_on_error=False, print_error=False)) == 0
    column, n_options = 0, 0
    for line in capsys.readouterr().out.splitlines():
        cells = line.removeprefix("\u2502").removesuffix("\u2502")
        if line.startswith("\u256d"):
            column = 0
        elif re.match(r" [ *] ?--|  --| --|\s+\*\s+", cells) and line.startswith("\u2502"):
            n_options += 1
            text = re.match(r"(\s*(?:\*\s+)?\S+(?: \S+)*\s{2,})\S", cells)
            column = max(column, len(text[1])) if text else column
        elif column and line.startswith("\u2502"):
            assert len(cells) - len(cells.lstrip()) <= column, line
    assert n_options > 2


@pytest.mark.parametrize("name", ["run", "compare", "tune"])
def test_no_option_is_told_by_what_stands_elsewhere(capsys, monkeypatch, name):
    """Options come in the order of classes, so what one refers to as "the same" may be anywhere."""
    monkeypatch.setenv("COLUMNS", "200")
    assert exit_code(lambda: COMMANDS[name].app(["--help"], exit_on_error=False, print_error=False)) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "The recommender's effective decay in Phase I," in told
    assert "The same" not in told
