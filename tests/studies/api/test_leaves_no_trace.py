"""A library call leaves the process as it found it, however it ends."""

import locale
import logging
import os
import random
import signal
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest
import torch

from core.common.errors import UserError
from studies import search_loss
from studies.common.undisturbed import set_level, undisturbed
from tests.studies.api.test_search_loss import Own

SMALL = {"dataset": "synthetic", "searcher": "random", "trainings": 3, "finalists": 1, "simpler": 0, "repeats": 1}
SMALL |= {"max_epochs": 2, "baseline": ("BCE",), "epsilon": (0.001,), "progress": False}
LIBRARIES = ("mlflow", "alembic", "optuna", "sqlalchemy", "matplotlib", "torch", "numba", "deap")


def open_files():
    return [os.path.realpath(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")]


def snapshot():
    """What other code in this process may rely on."""
    logs = {name: logging.getLogger(name) for name in LIBRARIES}
    mask = os.umask(0)
    os.umask(mask)
    seen = {
        "variables": dict(os.environ),
        "logs": {name: (one.level, one.propagate, one.disabled, list(one.handlers)) for name, one in logs.items()},
        "root": (logging.root.level, list(logging.root.handlers)),
        "random": random.getstate(),
        "numpy": repr(np.random.get_state()),
        "torch": torch.get_rng_state().tolist(),
        "threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "dtype": torch.get_default_dtype(),
        "gradients": (torch.is_grad_enabled(), torch.is_anomaly_enabled()),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "filters": list(warnings.filters),
        "shown": warnings.showwarning,
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "folder": os.getcwd(),
        "path": list(sys.path),
        "mask": mask,
        "locale": locale.setlocale(locale.LC_ALL),
        "hooks": (sys.excepthook, sys.displayhook),
        "recursion": sys.getrecursionlimit(),
        "errors": np.geterr(),
        "databases": sorted(one for one in open_files() if ".db" in one),
    }
    if "matplotlib" in sys.modules:
        seen["pictures"] = dict(sys.modules["matplotlib"].rcParams)
    if "mlflow" in sys.modules:
        mlflow = sys.modules["mlflow"]
        seen["mlflow"] = (mlflow.get_tracking_uri(), mlflow.active_run())
    return seen


def changes(before):
    after = snapshot()
    return {name: (before[name], after[name]) for name in before if before[name] != after[name]}


@pytest.fixture(autouse=True)
def libraries():
    """Loading them changes what `import mlflow` alone changes."""
    import optuna  # noqa: F401


@pytest.mark.parametrize(
    "options",
    [{}, {"searcher": "optuna"}, {"searcher": "gp"}, {"searcher": "rl"}, {"recommender": Own}],
    ids=["memory", "optuna", "gp", "rl", "own"],
)
def test_a_search_in_memory(options):
    before = snapshot()
    result = search_loss(**SMALL | options)
    result.predict([0, 1], [0, 1])
    result.export("sympy")
    assert not changes(before)


def test_a_search_in_a_folder_that_tells_mlflow(tmp_path, migrated):
    (tmp_path / "mlflow.db").write_bytes(migrated.read_bytes())
    before = snapshot()
    search_loss(**SMALL, out=tmp_path / "out", tracking_uri=f"sqlite:///{tmp_path}/mlflow.db").report()
    assert not changes(before)


@pytest.mark.parametrize(
    "options",
    [{"trainings": 0}, {"searcher": "nobody"}, {"out": "out", "tracking_uri": "nonsense://x"}],
)
def test_a_search_that_fails(options, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = snapshot()
    with pytest.raises(UserError):
        search_loss(**SMALL | options)
    assert not changes(before)


def disturb():
    set_level("mlflow", logging.CRITICAL)
    logging.getLogger("optuna").setLevel(logging.CRITICAL)
    os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = "1"
    os.environ.pop("HOME", None)
    random.random()
    np.random.random()
    torch.rand(1)
    torch.set_num_threads(torch.get_num_threads() + 1)
    torch.set_default_dtype(torch.float64)
    torch.set_grad_enabled(False)
    warnings.simplefilter("ignore")


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_everything_is_given_back_whatever_ends_the_call(error):
    @undisturbed()
    @undisturbed()
    def ended():
        disturb()
        raise error

    before = snapshot()
    with pytest.raises(error):
        ended()
    assert not changes(before)


def test_the_last_of_several_calls_gives_back_what_the_first_one_found():
    inside, done = threading.Event(), threading.Event()

    @undisturbed()
    def first():
        disturb()
        inside.set()
        done.wait()

    before = snapshot()
    thread = threading.Thread(target=first)
    thread.start()
    inside.wait()
    with undisturbed():  # what it finds is what the other one changed
        done.set()
        thread.join()
        disturb()
    assert not changes(before)


def test_a_warning_that_is_made_an_error_ends_no_call():
    @undisturbed()
    def warn():
        warnings.warn("of a library", FutureWarning, stacklevel=1)
        return 3

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("error")
        assert warn() == 3
        with pytest.raises(FutureWarning):
            warnings.warn("of the caller", FutureWarning, stacklevel=1)
    assert [str(one.message) for one in told] == ["of a library"]


def test_a_live_bar_leaves_no_thread_and_the_outputs_as_they_were(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich draws as on a terminal
    outputs = (sys.stdout, sys.stderr)
    search_loss(**SMALL | {"progress": True})
    assert "━" in capsys.readouterr().err
    assert (sys.stdout, sys.stderr) == outputs
    for one in threading.enumerate():
        if type(one).__module__.startswith("rich"):
            one.join(60)  # it was told to end
            assert not one.is_alive()


FIRST = """
import os, random, logging, multiprocessing, threading
variables, state = dict(os.environ), random.getstate()
from studies import search_loss
search_loss(**{settings}, out={out!r})
assert random.getstate() == state
assert multiprocessing.get_start_method(allow_none=True) is None
for one in set(threading.enumerate()) - {{threading.main_thread()}}:
    one.join(60)  # a pool that is gone has told its threads to end; an idle one takes a moment
    assert not one.is_alive(), one.name
assert dict(os.environ) == variables, set(os.environ) ^ set(variables)
levels = {{name: logging.getLogger(name).level for name in ("mlflow", "optuna")}}
assert levels == {{"mlflow": logging.INFO, "optuna": logging.INFO}}, levels  # as they make them
"""


@pytest.mark.services
def test_the_first_call_of_a_process_leaves_nothing_but_loaded_modules(tmp_path):
    code = FIRST.format(settings=SMALL | {"searcher": "optuna", "progress": True}, out=str(tmp_path / "out"))
    subprocess.run([sys.executable, "-c", code], check=True)
