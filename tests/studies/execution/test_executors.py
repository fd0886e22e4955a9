"""The executors of the registry keep the contract; lines that name executors are read as they should be."""

import pytest

from core.common.errors import UserError
from core.common.extras import lacking
from studies.execution.executor import Executor, InlineExecutor, Work
from studies.execution.processes import ProcessExecutor
from studies.execution.ray_executor import RayExecutor
from studies.execution.registry import EXECUTORS, WorkPlaces, check_executor, make_executor
from studies.execution.resources import LocalStorage, Resources
from studies.testing.executors import ExecutorContract, probe

WORK = Work(probe, Resources(device="cpu"), LocalStorage(), 1)


class TestProcesses(ExecutorContract):
    make = ProcessExecutor


class TestInline(ExecutorContract):
    make = InlineExecutor
    runs_elsewhere = False


class NoExecutor:
    pass


def test_every_row_is_made_by_its_name():
    for name, row in EXECUTORS.items():
        if lacking(name, *row.packages):
            continue
        with make_executor(name, WORK) as executor:
            assert type(executor) is row.make
            assert isinstance(executor, Executor)


def test_an_address_keeps_its_colons():
    pytest.importorskip("ray")
    assert check_executor("ray:address=ray://head:10001:tries=4") == (
        RayExecutor,
        {"address": "ray://head:10001", "tries": 4},
    )
    assert check_executor("ray:tries=4:address=10.0.0.1:6379")[1] == {"tries": 4, "address": "10.0.0.1:6379"}


def test_settings_are_those_of_the_class():
    assert check_executor("processes:tries=3") == (ProcessExecutor, {"tries": 3})
    assert check_executor("studies.execution.processes:ProcessExecutor:tries=4") == (ProcessExecutor, {"tries": 4})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("proceses", "unknown executor 'proceses'.*Did you mean 'processes'"),
        ("processes:tries=few", "tries: expected a whole number, got 'few'"),
        ("processes:tries=3:4", "tries: expected a whole number, got '3:4'"),
        ("processes:tires=3", "unknown setting of processes 'tires'"),
        ("inline:tries=3", "inline has no settings"),
        ("", "expected a name such as processes or package.module:Class"),
        ("no.such.module:Class", "there is no module no; expected no.py"),
        ("tests.studies.execution.test_executors:NoExecutor", "expected a class derived from Executor"),
        ("studies.execution.executor:Executor", "expected a class derived from Executor"),
    ],
)
def test_what_is_no_executor_is_told_in_a_line(text, message):
    with pytest.raises(UserError, match=message) as raised:
        WorkPlaces(executor=text)
    assert len(str(raised.value).splitlines()) == 1


def test_a_value_that_an_executor_refuses_is_told():
    with pytest.raises(UserError, match="tries: expected at least 1, got 0"):
        make_executor("processes:tries=0", WORK)
