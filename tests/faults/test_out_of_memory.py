"""Memory that really runs out: of a process with a limit, and of a GPU with one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from core.programs.space import OperatorSpace
from core.search.effectiveness import EarlyStopping
from recommenders.common.machine import Machine
from recommenders.models.mf import MF
from recommenders.tasks.losses import make_loss
from recommenders.tasks.metrics import find_metric
from recommenders.tasks.task import RecommendationTask, TrainSettings
from tests.recommenders.problems import fit_losses, small_data

pytestmark = pytest.mark.services

ROOT = Path(__file__).parents[2]
#: Trains 64 losses together in a process that may take so many MiB more than it has, and prints what came out.
CODE = """
import json, logging, resource, sys
import torch
from core.search.effectiveness import EarlyStopping
from core.programs.space import OperatorSpace
from recommenders.tasks.losses import make_loss
from recommenders.models.mf import MF
from recommenders.testing.plain import random_interactions
from tests.recommenders.problems import fit_losses, make_task
from recommenders.data.dataset import Dataset
import numpy as np

logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
torch.set_num_threads(1)
parts = [random_interactions(40_000, 20_000, n, seed) for seed, n in enumerate((2_000, 200, 200))]
data = Dataset("wide", *parts, np.arange(40_000), np.arange(20_000), "random")
names = ("BCE", "MaxR", "MSE", "focal")
losses = [make_loss(names[i % 4], OperatorSpace()) for i in range(64)]

def train(losses):
    task = make_task(MF(embedding_size=16, init_std=0.1), data, dtype=torch.float32, memory=64.0)
    return [one.to_dict() for one in fit_losses(task, losses, 0, EarlyStopping(max_epochs=2))]

train(losses[:2])  # load everything that takes memory once
limit = int(sys.argv[1])
if limit:
    pages = int(open("/proc/self/statm").read().split()[0])
    bound = pages * resource.getpagesize() + limit * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (bound, bound))
print(json.dumps(train(losses)))
"""


def trained(limit):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-c", CODE, str(limit)]
    return subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_a_process_with_little_memory_trains_fewer_together():
    whole, little = trained(0), trained(160)  # 64 candidates take 500 MiB
    assert whole.returncode == little.returncode == 0, little.stderr[-2_000:]
    assert whole.stderr == ""
    assert "memory ran out with 64 candidates at a time, going on with 32" in little.stderr
    assert json.loads(little.stdout) == json.loads(whole.stdout)


@pytest.mark.gpu
def test_a_gpu_with_little_memory_trains_fewer_together(caplog):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    losses = [make_loss(name, OperatorSpace()) for name in ("BCE", "MaxR", "MSE", "focal")] * 64
    recommender = MF(embedding_size=4096, init_std=0.1)

    def train():
        machine = Machine(torch.device("cuda"), memory=64.0)
        metric, settings = find_metric("classification", "auc"), TrainSettings(batch_size=32)
        task = RecommendationTask(recommender, small_data(), metric, settings, machine)
        return fit_losses(task, losses, 0, EarlyStopping(max_epochs=1))

    expected = train()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(150 * 2**20 / total)
    try:
        assert train() == expected
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert "memory ran out with 256 candidates at a time" in caplog.text
