"""`loss-search`: one program for all commands."""

import subprocess
import sys
from pathlib import Path

import pytest

from studies import __version__
from studies.common.command import BAD_INPUT, INTERRUPTED, exit_code
from studies.main import COMMANDS, main

ROOT = Path(__file__).parents[2]


def leaves(*words):
    with pytest.raises(SystemExit) as left:
        main(words)
    return left.value.code


@pytest.fixture
def called(monkeypatch):
    """Runs commands as `run_app` does, but for signals and outputs of this process."""

    def run_app(app, arguments):
        sys.exit(exit_code(lambda: app(arguments, exit_on_error=False, print_error=False)))

    monkeypatch.setattr("studies.common.command.run_app", run_app)


@pytest.fixture
def own_outputs(monkeypatch):
    """What replaces them is undone."""
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    monkeypatch.setattr(sys, "stderr", sys.stderr)


def test_every_module_with_a_command_is_there():
    modules = {path.stem for path in (ROOT / "studies").glob("*.py") if "\napp = " in path.read_text()}
    assert set(COMMANDS) == modules


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",)])
def test_help_lists_every_command_with_a_sentence(capsys, own_outputs, words):
    assert leaves(*words) == 0
    lines = capsys.readouterr().out.splitlines()
    for name, about in COMMANDS.items():
        assert any(line.split() == [name, *about.split()] for line in lines)


def test_help_and_refusals_load_no_library():
    script = """
import sys
from studies.main import main
for words in (["--help"], ["--version"], ["rum"]):
    try:
        main(words)
    except SystemExit:
        pass
print(sorted({"torch", "numpy", "pandas", "cyclopts", "mlflow"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_version_is_told(capsys, own_outputs):
    assert leaves("--version") == 0
    assert capsys.readouterr().out == f"loss-search {__version__}\n"


def test_an_unknown_command_is_one_line_with_the_nearest_name(capsys):
    assert leaves("rum", "--searcher", "gp") == BAD_INPUT
    captured = capsys.readouterr()
    assert captured.err.startswith("error: unknown command 'rum': expected one of ")
    assert captured.err.endswith("Did you mean 'run'?\n")
    assert captured.out == ""


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_how_it_was_called(capsys, called, name):
    assert leaves(name, "--help") == 0
    assert capsys.readouterr().out.startswith(f"Usage: loss-search {name} ")


def test_a_formula_may_begin_with_a_minus(capsys, called):
    assert leaves("export", "--loss", "-log(y_hat*y)", "--to", "latex") == 0
    assert capsys.readouterr().out.startswith("% -log(y_hat*y)\n")


def test_a_command_takes_its_options_and_leaves_with_its_code(capsys, called):
    assert leaves("export", "--loss", "y_hat^2", "--to", "latex") == 0
    assert r"\hat{y}^{2}" in capsys.readouterr().out
    assert leaves("export", "--nonsense") == BAD_INPUT
    assert capsys.readouterr().err.count("\n") == 1


_SCRIPT = """
import os, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # as in a terminal, wherever the tests run
from studies.main import main
os.kill(os.getpid(), signal.SIGINT)
main()
"""


def test_ctrl_c_before_a_command_has_begun_is_a_word_and_no_traceback(tmp_path):
    """The script as pip writes it, interrupted where it loads what takes seconds."""
    script = tmp_path / "loss-search"
    script.write_text(_SCRIPT)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)})
    assert (done.returncode, done.stdout, done.stderr) == (INTERRUPTED, "", "interrupted\n")


@pytest.mark.parametrize("number", [15, 1])
def test_a_signal_that_ended_a_command_is_named(number, capsys):
    with pytest.raises(SystemExit):
        exit_code(lambda: sys.exit(128 + number))
    assert capsys.readouterr().err == {15: "ended by SIGTERM\n", 1: "ended by SIGHUP\n"}[number]
