"""The command as a user meets it: what it prints, writes and refuses."""

import functools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from searchers import SEARCHERS
from studies.common.command import BAD_INPUT, INTERRUPTED, exit_code
from studies.run import app
from studies.storage.ledger import LEDGER
from studies.storage.locking import own_folder
from studies.tracking.server import how_to_compare
from tests.studies.small import small_arguments
from tests.waiting import bounded

pytestmark = pytest.mark.usefixtures("undrawn")

ROOT = Path(__file__).parents[2]
#: What a study leaves.
FILES = ("history.json", "loss.json", "loss.py", "loss.tex", "loss_sympy.py", "report.html", "result.json")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Defaults are relative to the working directory, so every test has one of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")


def run(*words):
    return exit_code(lambda: app([*words], exit_on_error=False, print_error=False))


def refused(capsys, *words):
    """The one line on stderr of a command that must fail, with nothing left behind."""
    assert run(*words) == BAD_INPUT
    captured = capsys.readouterr()
    lines = captured.err.strip().splitlines()
    assert len(lines) == 1, captured.err
    assert lines[0].startswith("error: ")
    assert captured.out == ""
    return lines[0]


def left_behind():
    return sorted(str(p) for p in Path().rglob("*") if p.name != LEDGER)


def test_writes_result_and_prints_losses_funnel_and_verdict(capsys):
    assert run(*small_arguments(), "--out", "deep/er", "--tracking-uri", "none") == 0
    printed = capsys.readouterr()
    result = json.loads(Path("deep/er/result.json").read_text())
    assert left_behind() == ["deep", "deep/er", *(f"deep/er/{name}" for name in FILES)]
    for text in ("BCE", "MaxR", "zero gradient", "Best found loss:", "no test of significance", "deep/er/result.json"):
        assert text in printed.out
    assert result["comparison"]["verdict"].replace(" ", "") in "".join(printed.out.split())
    for phase in ("Phase I,", "Phase II,", "Phase III,"):
        assert phase in printed.err


def test_the_default_folder_names_the_study(capsys):
    assert run(*small_arguments(trainings=2), "--seed", "7", "--tracking-uri", "none") == 0
    assert Path("results/random-synthetic-mf-7/result.json").is_file()


def test_the_command_that_shows_runs_names_this_python(monkeypatch):
    monkeypatch.setattr("sys.executable", str(Path.cwd() / ".venv/bin/python"))
    assert how_to_compare("sqlite:///x.db", "/#/a") == (
        ".venv/bin/python -m mlflow ui --backend-store-uri sqlite:///x.db, then open http://127.0.0.1:5000/#/a"
    )
    monkeypatch.setattr("sys.executable", "/usr/bin/python3")
    assert how_to_compare("sqlite:///x.db", "").startswith("/usr/bin/python3 -m mlflow ui")
    assert how_to_compare("http://server:5000/", "/#/a") == "http://server:5000/#/a"


def test_help_names_every_searcher_and_option_and_exits_with_0(capsys):
    assert run("--help") == 0
    text = capsys.readouterr().out
    assert all(name in text for name in SEARCHERS)
    options = (
        "searcher dataset recommender task trainings minutes seed device environment clamp preset out tracking-uri"
    )
    assert all(f"--{name}" in text for name in options.split())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--no-such-option"], "--no-such-option"),
        (["stray"], "stray"),
        (["--seed", "1", "--seed", "2"], "--seed specified multiple times"),
        (["--baseline", "log(y_hat"], "position 9"),
        (["--threads", "0"], "--threads: expected at least 1"),
        (["--metric", "ndcg"], "unknown metric of classification 'ndcg'"),
    ],
)
def test_bad_options_get_one_line_and_leave_nothing(capsys, words, message):
    assert message in refused(capsys, *small_arguments(), *words, "--tracking-uri", "none")
    assert left_behind() == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"searcher": "rll"}, "Did you mean 'rl'"),
        ({"trainings": "many"}, "many"),
        ({"trainings": -3}, "trainings: expected at least 1"),
        ({"baseline": "__import__('os')"}, "position 11: unexpected character"),
        ({"dataset": "table"}, "give the path of the file with --data"),
        ({"dataset": "table", "data": "missing.csv"}, "missing.csv"),
        ({"dataset": "synthetic", "data": "x.csv"}, "leave out --data"),
        ({"dataset": "ml-1m", "data": "missing.dat"}, "missing.dat"),
        ({"dataset": "electronics", "data": "missing.json.gz"}, "missing.json.gz"),
    ],
)
def test_bad_values_get_one_line_and_leave_nothing(capsys, changes, message):
    assert message in refused(capsys, *small_arguments(**changes), "--tracking-uri", "none")
    assert left_behind() == []


def ratings(rows, header="user_id,item_id,rating"):
    return "\n".join([header, *rows]) + "\n"


GOOD_ROWS = [f"{u},{i},{1 + (u * i) % 5}" for u in range(30) for i in range(1, 11)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (ratings(GOOD_ROWS, header="who,item_id,rating"), "no column of users recognised; got who, item_id, rating"),
        (ratings([*GOOD_ROWS, "1,2,"]), "line 302: rating: a finite number expected, got an empty cell"),
        (ratings([*GOOD_ROWS, "1,2,nan"]), "line 302: rating: a finite number expected"),
        (ratings([*GOOD_ROWS, "1,2,good"]), "got 'good'"),
        (ratings([f"{u},{i},5" for u in range(30) for i in range(10)]), "no negative label"),
        (ratings([f"{u},{i},2" for u in range(30) for i in range(10)]), "no positive label"),
        (ratings([]), "empty"),
        ("", "x.csv"),
        ("\x00\x01\x02", "x.csv"),
    ],
)
def test_bad_data_gets_one_line_and_leaves_nothing(capsys, content, message):
    Path("x.csv").write_text(content)
    arguments = small_arguments(dataset="table")
    assert message in refused(capsys, *arguments, "--data", "x.csv", "--tracking-uri", "none")
    assert left_behind() == ["x.csv"]


def test_ones_own_ratings_go_through(capsys):
    Path("x.csv").write_text(ratings(GOOD_ROWS))
    arguments = small_arguments(dataset="table", trainings=4)
    assert run(*arguments, "--data", "x.csv", "--out", "out", "--tracking-uri", "none") == 0
    assert json.loads(Path("out/result.json").read_text())["dataset"]["n_users"] == 30


ODD_ROWS = [f"{i};u{u};{int((u * i) % 5 > 2)};{u + i}" for u in range(30) for i in range(1, 11)]


def test_data_alone_is_a_table_and_what_was_read_is_told_before_phase_i(capsys):
    Path("my likes.csv").write_text(ratings(ODD_ROWS, header="cosa;chi;piace;quando"))
    arguments = small_arguments(trainings=4)
    arguments = arguments[: (place := arguments.index("--dataset"))] + arguments[place + 2 :]
    columns = ("--user-col", "chi", "--item-col", "1", "--rating-col", "piace", "--time-col", "quando")
    assert run(*arguments, "--data", "my likes.csv", *columns, "--tracking-uri", "none") == 0
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith("Data my-likes: 300 rows read, 30 users, 10 items, 100.0% of all pairs, ")
    assert "  columns: users chi, items cosa, ratings piace, times quando, separated by semicolons" in told
    assert told.index("  ratings are labels: 1 is positive, 0 negative") < told.index(
        next(line for line in told if line.startswith("Phase I,"))
    )
    result = json.loads(Path("results/random-my-likes-mf-0/result.json").read_text())
    assert result["settings"]["dataset"] == "table"
    assert result["dataset"]["name"] == "my-likes"
    assert result["dataset"]["parts"]["train"]["rows"] == result["dataset"]["train"]
    assert "ratings are labels: 1 is positive, 0 negative" in result["dataset"]["notes"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--user-col", "nobody"], "--user-col 'nobody': no such column; got user_id, item_id, rating"),
        (["--positive-at", "9"], "--positive-at 9: expected a number that ratings reach"),
        (["--split", "leave-one-out"], "expected a column of times"),
        (["--split", "half"], "--split: expected auto or"),
        (["--split-col", "rating", "--split", "random"], "--split-col: expected --split given"),
        (["--validation-data", "x.csv"], "expected --test-data too"),
        (["--dataset", "ml-100k"], "x.csv"),
        (["--pairs", "none"], "--pairs: expected last"),
        (["--negatives", "2"], "--negatives 2: expected a table in which every row is a positive"),
    ],
)
def test_what_cannot_be_asked_of_a_table_gets_one_line_and_leaves_nothing(capsys, words, message):
    Path("x.csv").write_text(ratings(GOOD_ROWS))
    given = [] if "--dataset" in words else ["--dataset", "table"]
    arguments = small_arguments()
    arguments = arguments[: (place := arguments.index("--dataset"))] + arguments[place + 2 :]
    assert message in refused(capsys, *arguments, *given, "--data", "x.csv", *words, "--tracking-uri", "none")
    assert left_behind() == ["x.csv"]


@pytest.mark.parametrize("end", ["", "x" * 300])
def test_a_url_is_no_file_and_what_it_holds_is_not_told(capsys, end):
    words = ["--data", f"https://bob:s3cretpw@host/r.csv?sig=s3cretpw{end}", "--searcher", "random"]
    assert exit_code(lambda: app(words, exit_on_error=False, print_error=False)) == BAD_INPUT
    told = capsys.readouterr().err
    assert told == (
        "error: --data: expected a file, got the URL https://***@host/r.csv?sig=***; fetch it and give the file\n"
    )


def test_an_output_folder_that_cannot_be_made_is_refused(capsys):
    Path("file").write_text("in the way")
    assert "expected a folder, got the file file" in refused(
        capsys, *small_arguments(), "--out", "file/out", "--tracking-uri", "none"
    )
    assert left_behind() == ["file"]


@pytest.mark.parametrize(
    "uri", ["http://127.0.0.1:9", "sqlite:////dev/null/mlflow.db", "nonsense://x", "postgresql://127.0.0.1:9/x"]
)
def test_a_tracking_server_that_cannot_be_reached_is_refused(capsys, uri):
    line = refused(capsys, *small_arguments(), "--out", "new/out", "--tracking-uri", uri)
    assert uri in line
    assert left_behind() == []


def test_cuda_where_there_is_none_is_refused(capsys, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert "--device cuda" in refused(capsys, *small_arguments(), "--device", "cuda", "--tracking-uri", "none")


def test_a_disk_that_fills_up_later_keeps_the_report(capsys, monkeypatch):
    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    assert run(*small_arguments(), "--out", "out", "--tracking-uri", "none") == BAD_INPUT
    printed = capsys.readouterr()
    assert "Best found loss:" in printed.out
    assert printed.err.strip().splitlines()[-1].endswith("cannot write it: No space left on device")
    assert left_behind() == []


def test_an_interrupt_leaves_with_the_shells_code(capsys):
    def interrupted():
        raise KeyboardInterrupt

    assert exit_code(interrupted) == INTERRUPTED
    assert capsys.readouterr().err == "interrupted\n"


def command(*words):
    return [sys.executable, "-m", "studies.run", *words]


@pytest.mark.services
def test_as_a_process_of_its_own_it_ends_with_2_and_no_traceback():
    done = subprocess.run(command("--searcher", "nobody"), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


@pytest.mark.services
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_it_at_once_without_a_traceback(tmp_path, number, code):
    arguments = small_arguments(trainings=100_000)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = command(*arguments, "--tracking-uri", "none")
    listen = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a background job starts deaf to it
    options = {"cwd": tmp_path, "env": environment, "stderr": subprocess.PIPE, "text": True, "preexec_fn": listen}
    with subprocess.Popen(words, **options) as process, bounded(process):
        first = next(line for line in process.stderr if line.startswith("Phase"))
        process.send_signal(number)
        rest = process.stderr.read()
    assert first.startswith("Phase I")
    assert process.returncode == code
    assert "Traceback" not in rest


QUIET = ("--out", "out", "--tracking-uri", "none")


def unfinished(monkeypatch, *words):
    """A study that is interrupted in its phase III; what it left."""
    with monkeypatch.context() as patch:
        patch.setattr("studies.running.running.Outcome.write", interrupted)
        assert run(*words, *QUIET, "--checkpoint-every", "0") == INTERRUPTED
    return left_behind()


def interrupted(*_):
    raise KeyboardInterrupt


def content():
    return {**json.loads(Path("out/result.json").read_text()), "seconds": None}


def test_an_interrupted_study_says_how_to_go_on_and_does(capsys, monkeypatch):
    assert run(*small_arguments(), *QUIET) == 0
    expected = content()
    Path("out/result.json").unlink()
    assert "out/checkpoints" in unfinished(monkeypatch, *small_arguments())
    assert "The same command with --resume goes on from the last checkpoint" in capsys.readouterr().err
    assert run(*small_arguments(), *QUIET, "--resume") == 0
    printed = capsys.readouterr()
    assert "Phase I," not in printed.err
    assert "Best found loss:" in printed.out
    assert content() == expected
    assert left_behind() == ["out", *(f"out/{name}" for name in FILES)]


def test_a_finished_study_is_not_run_again(capsys):
    assert run(*small_arguments(), *QUIET) == 0
    before = Path("out/result.json").stat().st_mtime_ns
    capsys.readouterr()
    assert run(*small_arguments(), *QUIET, "--resume") == 0
    assert "Finished before; remove it to run the study again: out/result.json" in capsys.readouterr().out
    assert Path("out/result.json").stat().st_mtime_ns == before
    assert run(*small_arguments(seed=1), *QUIET, "--resume") == 0, "another study begins"
    assert content()["settings"]["seed"] == 1


def test_resume_where_there_is_nothing_begins(capsys):
    assert run(*small_arguments(), *QUIET, "--resume") == 0
    printed = capsys.readouterr().err
    assert "out holds nothing to go on from: the study begins\n" in printed
    assert "Phase I," in printed


def test_a_checkpoint_of_other_settings_is_refused_and_stays(capsys, monkeypatch):
    there = unfinished(monkeypatch, *small_arguments())
    capsys.readouterr()
    message = refused(capsys, *small_arguments(trainings=9), *QUIET, "--resume")
    assert "holds a study with trainings 8, this one has 9" in message
    assert left_behind() == there


def test_without_resume_unfinished_work_is_set_aside(capsys, monkeypatch):
    unfinished(monkeypatch, *small_arguments())
    assert run(*small_arguments(), *QUIET) == 0
    assert Path("out/checkpoints.before").is_dir()
    assert not Path("out/checkpoints").exists()


def test_a_checkpoint_that_is_a_pickle_runs_nothing(capsys, caplog, monkeypatch):
    unfinished(monkeypatch, *small_arguments())
    for path in Path("out/checkpoints").glob("checkpoint-*"):
        path.write_bytes(b"cos\nsystem\n(S'touch hacked'\ntR.")
    assert run(*small_arguments(), *QUIET, "--resume") == 0
    assert "is whole; the study begins anew" in caplog.text
    assert not Path("hacked").exists()


def test_a_folder_is_used_by_one_study_at_a_time(capsys):
    with own_folder(Path("out")):
        assert "out: another process is at work there" in refused(capsys, *small_arguments(), *QUIET)
        assert left_behind() == ["out"]


def test_a_typing_error_in_the_places_moves_nothing(capsys, monkeypatch):
    there = unfinished(monkeypatch, *small_arguments())
    capsys.readouterr()
    refused(capsys, *small_arguments(), "--out", "out", "--tracking-uri", "nonsense://x")
    assert left_behind() == there


def test_names_with_brackets_are_no_markup(capsys):
    rows = "".join(f"{n % 40},{n % 37},{1 + (n * 7) % 5}\n" for n in range(1400))
    Path("r.csv").write_text("user [/b],item,rating\n" + rows)
    arguments = small_arguments(dataset="table", trainings=4)
    words = ("--data", "r.csv", "--user-col", "user [/b]", "--out", "o[/u]", "--tracking-uri", "none")
    assert run(*arguments, *words) == 0
    captured = capsys.readouterr()
    assert "users user [/b]" in captured.err
    assert "Written to o[/u]/result.json" in captured.out
