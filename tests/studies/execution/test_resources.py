"""How many workers, on which GPU, with how much memory: asked where the work is done."""

import pytest
import torch

from core.common.errors import UserError
from studies.common.processes import usable_cores
from studies.execution.executor import Work
from studies.execution.resources import LocalStorage, Resources
from studies.execution.work import compute
from studies.testing.executors import probe

CPU = Resources(device="cpu")


@pytest.fixture
def gpus(monkeypatch):
    """A machine that says it has four; which one was chosen."""
    chosen = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setattr("studies.execution.resources.usable_memory", lambda device: 8.0 + (device.index or 0))
    return chosen


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_a_worker_for_each_gpu_and_a_gpu_for_each_worker(gpus, device):
    resources = Resources(device=device)
    assert Work(probe, resources, LocalStorage()).workers == 4
    here = [resources.here(worker, 4) for worker in range(4)]
    assert [one.device for one in here] == ["cuda:0", "cuda:1", "cuda:2", "cuda:3"]
    assert [one.memory for one in here] == [8.0, 9.0, 10.0, 11.0], "each has a device's memory alone"


def test_more_workers_than_gpus_share_them(gpus):
    here = [Resources().here(worker, 6) for worker in range(6)]
    assert [one.device for one in here] == ["cuda:0", "cuda:1", "cuda:2", "cuda:3", "cuda:0", "cuda:1"]
    assert [one.memory for one in here] == [4.0, 4.5, 5.0, 5.5, 4.0, 4.5]
    assert Resources(memory=12.0).here(5, 6).memory == 2.0, "what is given is for all"


def test_a_worker_takes_its_gpu_before_it_computes(gpus):
    for worker in (0, 3):
        Work(probe, Resources(device="cuda"), LocalStorage()).begin(worker)
    assert gpus == [torch.device("cuda:0"), torch.device("cuda:3")]


def test_on_cpu_there_is_a_worker_for_each_core_and_memory_is_shared(gpus):
    assert Work(probe, CPU, LocalStorage()).workers == usable_cores()
    assert Work(probe, CPU, LocalStorage(), 7).workers == 7
    assert CPU.here(1, 4) == Resources(device="cpu", memory=2.0)
    Work(probe, CPU, LocalStorage()).begin(2)
    assert gpus == []


def test_a_device_that_is_not_there_is_told():
    if not torch.cuda.is_available():
        with pytest.raises(UserError, match="--device cuda"):
            Work(compute, Resources(device="cuda"), LocalStorage(), 1).begin()
