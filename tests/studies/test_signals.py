"""A signal ends a command wherever it is, but never in the midst of the compiler."""

import os
import signal
import threading
import types

import pytest

from studies.common.processes import end_by_exceptions
from studies.tracking.server import reaching
from studies.tracking.uploader import Uploader
from studies.tuning.storage import reaching_storage

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def own_handlers():
    before = {number: signal.getsignal(number) for number in (*NUMBERS, signal.SIGALRM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin with it ignored
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # as do those of nohup
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in before.items():
        signal.signal(number, handler)


def ended(number, do):
    """What ends the call, which waits without end otherwise."""

    def work():
        do(number)
        threading.Event().wait()

    end_by_exceptions()
    with pytest.raises((KeyboardInterrupt, SystemExit)) as caught:
        work()
    return 130 if caught.type is KeyboardInterrupt else caught.value.code


def send(number):
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", NUMBERS)
def test_it_ends_with_the_number_of_the_signal(number):
    assert ended(number, send) == 128 + number


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("module", ["numba.core.dispatcher", "llvmlite.binding.ffi"])
def test_what_the_compiler_began_it_ends(number, module):
    steps = []

    def compile_and(after):
        send(number)
        send(number)  # as an impatient person does
        for step in range(1_000):  # the signals are handled between two of these
            after(step)

    inside = types.FunctionType(
        compile_and.__code__, {"__name__": module, "send": send, "range": range}, closure=compile_and.__closure__
    )
    assert ended(number, lambda _: inside(steps.append)) == 128 + number
    assert steps == list(range(1_000))


def broken_rollback(end):
    """As SQLAlchemy's, which fails at tidying up."""
    try:
        raise end
    except BaseException as error:
        raise ValueError("invalid transaction") from error


@pytest.mark.parametrize("end", [KeyboardInterrupt(), SystemExit(143)])
@pytest.mark.parametrize(
    "attempt",
    [
        lambda work: Uploader("http://host", "e", print).attempt("this", work),
        lambda work: within(reaching("http://host"), work),
        lambda work: within(reaching_storage("sqlite:///a"), work),
    ],
)
def test_an_end_that_a_librarys_error_hides_ends_the_command(attempt, end):
    with pytest.raises(type(end)) as caught:
        attempt(lambda: broken_rollback(end))
    assert caught.value is end


def within(context, work):
    with context:
        work()


def test_an_error_while_tidying_up_after_an_end_is_told_as_ever():
    told = []
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        assert not Uploader("http://host", "e", told.append).attempt("this", lambda: broken_rollback(ValueError()))
    assert told == ["MLflow: could not write this: invalid transaction"]


def test_what_is_to_be_ignored_is():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    end_by_exceptions()
    send(signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
