import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.common.jit import _locked
from core.problems.nearest import nearest
from tests.strategies import law

ROOT = Path(__file__).parents[2]


def run(folder: Path, script: str) -> str:
    """What a new process prints that finds core/ and the modules of this folder."""
    path = {"PYTHONPATH": f"{folder}:{ROOT}", "PATH": "/usr/bin:/bin", "HOME": str(folder)}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=path, capture_output=True, text=True, check=True, cwd=folder)
    return done.stdout.strip()


def write(folder: Path, add: int) -> None:
    (folder / "inner.py").write_text(
        f"from core.common.jit import compiled\n\n@compiled()\ndef inner(x):\n    return x + {add}\n"
    )
    (folder / "middle.py").write_text(MIDDLE)
    (folder / "outer.py").write_text(OUTER)


MIDDLE = """
import inner
from core.common.jit import compiled

@compiled(uses=(inner,))
def middle(x):
    return inner.inner(x)
"""
OUTER = """
import middle
from core.common.jit import compiled

@compiled(uses=(middle,))
def outer(x):
    return middle.middle(x)
"""
SHOW = "import outer; print(outer.outer(1), outer.outer.stats.cache_hits)"


@pytest.mark.services
def test_machine_code_is_kept_and_made_anew_when_another_file_that_it_uses_changed(tmp_path):
    write(tmp_path, add=1)
    assert run(tmp_path, SHOW).split()[0] == "2"
    assert run(tmp_path, SHOW) == "2 Counter({(int64,): 1})"
    write(tmp_path, add=2)
    assert run(tmp_path, SHOW) == "3 Counter()"


@pytest.mark.services
def test_versions_of_numba_that_share_the_source_do_not_read_what_each_other_compiled(tmp_path):
    write(tmp_path, add=1)
    other = "import numba\nnumba.__version__ = '0.0'\n"
    assert run(tmp_path, SHOW) == run(tmp_path, other + SHOW) == "2 Counter()"
    assert len(list((tmp_path / "__pycache__").glob("kernels-*"))) == 6, "of three files and two versions"
    assert run(tmp_path, SHOW) == "2 Counter({(int64,): 1})"


@pytest.mark.services
def test_without_a_folder_to_keep_it_in_machine_code_is_made_in_each_process(tmp_path):
    write(tmp_path, add=1)
    refuse = "import os\ndef refuse(*a, **k): raise OSError('read only')\nos.makedirs = refuse\n"
    for _ in range(2):
        assert run(tmp_path, refuse + SHOW) == "2 Counter()"


@law
@given(arrays(np.float64, (6, 3), elements=st.floats(-10, 10)), st.integers(1, 6), st.integers(0, 5))
def test_nearest_is_the_least_distance_among_the_first_rows(entries, n, row):
    distance, found = nearest(entries, n, entries[row])
    distances = np.linalg.norm(entries[:n] - entries[row], axis=1)
    assert distance == pytest.approx(distances.min(), abs=1e-12)
    assert distances[found] == pytest.approx(distance, abs=1e-12)


#: Three processes that want the same code, inner and outer first by turns, and threads that do.
RACE = """
import os, threading
import middle, outer
wanted = [outer.outer, middle.middle, middle.inner.inner]
turn = int(os.environ["TURN"])
threads = [threading.Thread(target=one, args=(1,)) for one in wanted[turn:] + wanted[:turn]]
for one in threads: one.start()
for one in threads: one.join()
print(sum(sum(one.stats.cache_misses.values()) for one in wanted))
"""


@pytest.mark.services
def test_processes_and_threads_that_begin_together_compile_each_function_once(tmp_path):
    write(tmp_path, add=1)
    path = {"PYTHONPATH": f"{tmp_path}:{ROOT}", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    command = [sys.executable, "-c", RACE]
    racing = [
        subprocess.Popen(command, env={**path, "TURN": str(turn)}, stdout=subprocess.PIPE, text=True, cwd=tmp_path)
        for turn in range(3)
    ]
    assert sum(int(one.communicate(timeout=300)[0]) for one in racing) == 3


def test_where_no_file_can_be_locked_everybody_goes_on(tmp_path):
    went_on = False
    with _locked(tmp_path / "there is no such folder" / "function.lock"):
        went_on = True
    assert went_on
    assert not list(tmp_path.iterdir())
