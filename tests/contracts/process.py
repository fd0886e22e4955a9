"""Code in another process, which has its own hashes and has drawn nothing, without waiting for libraries to load."""

import contextlib
import io
from multiprocessing import get_context

_SERVER = get_context("forkserver")  # an interpreter that loads libraries, does nothing else and is forked
_SERVER.set_forkserver_preload(["torch", "searchers", "tests.contracts.searcher"])


def printed_elsewhere(code: str) -> list[str]:
    """The lines that this code prints in another process."""
    here, there = _SERVER.Pipe(duplex=False)
    process = _SERVER.Process(target=_print, args=(code, there))
    process.start()
    there.close()
    try:
        return here.recv().splitlines()
    except EOFError:
        raise AssertionError("the other process ended with an error, see its traceback above") from None
    finally:
        process.join()


def _print(code, there):
    lines = io.StringIO()
    with contextlib.redirect_stdout(lines):
        exec(code, {})
    there.send(lines.getvalue())
