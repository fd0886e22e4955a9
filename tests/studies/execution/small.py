"""Runners for tests."""

from contextlib import contextmanager

from studies.execution.executor import InlineExecutor, Work
from studies.execution.processes import ProcessExecutor
from studies.execution.resources import LocalStorage, Resources
from studies.execution.runner import CachedRunner, ResultCache
from studies.execution.work import compute


@contextmanager
def small_runner(folder, jobs=1, callbacks=(), accept_other_code=False):
    """Computes in this process unless there are more jobs; results and checkpoints lie in the folder."""
    storage = LocalStorage(keep=folder)
    work = Work(compute, Resources(device="cpu"), storage, jobs)
    with InlineExecutor(work) if jobs == 1 else ProcessExecutor(work) as executor:
        yield CachedRunner(executor, ResultCache(folder, accept_other_code), storage, callbacks)
    storage.forget_all()


def computed(task, **storage):
    """The result of one task, computed here and kept nowhere."""
    (result,) = compute([task], Resources(device="cpu").here(0, 1), LocalStorage(**storage), lambda share: None)
    return result
