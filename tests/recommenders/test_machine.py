import math
import threading

import pytest
import torch

from core.common.errors import UserError
from core.search.effectiveness import EarlyStopping
from core.testing.evaluator import FORMULAS, loss, scores
from recommenders.backends.compiled.cores import Cores
from recommenders.common.machine import Machine, usable_memory
from recommenders.common.memory import free_memory
from recommenders.tasks.environments import AlternatingEnvironment, FromScratchEnvironment
from recommenders.tasks.losses import make_loss
from tests.recommenders.problems import CPU, fit_losses, make_task, task_that_takes
from tests.waiting import NEVER

LOSSES = [make_loss(name, loss("y").space) for name in ("BCE", "MSE", "focal", "hinge", "MaxR")]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"threads": 0}, "threads: expected at least 1, got 0"),
        ({"memory": 0.0}, "memory: expected a number of GiB above 0, got 0.0"),
        ({"memory": math.nan}, "memory: expected a number of GiB above 0, got nan"),
    ],
)
def test_a_machine_that_cannot_be_is_refused(change, message):
    with pytest.raises(UserError, match=message):
        Machine(CPU, **change)


@pytest.mark.parametrize(
    ("n", "device", "message"),
    [
        (0, "cuda", "--device cuda: torch finds no CUDA device here; use --device auto or cpu"),
        (0, "cuda:1", "--device cuda:1: torch finds no CUDA device here; use --device auto or cpu"),
        (1, "cuda:1", "--device cuda:1: torch finds cuda:0 alone here"),
        (4, "cuda:4", "--device cuda:4: torch finds cuda:0 to cuda:3 here"),
        (4, "cuda:3", None),
        (1, "cuda", None),
        (0, "cpu", None),
    ],
)
def test_a_machine_has_a_device_that_is_there(monkeypatch, n, device, message):
    monkeypatch.setattr("torch.cuda.is_available", lambda: n > 0)
    monkeypatch.setattr("torch.cuda.device_count", lambda: n)
    if message is None:
        assert Machine(torch.device(device)).device == torch.device(device)
        return
    with pytest.raises(UserError, match=message):
        Machine(torch.device(device))


def test_half_of_the_free_memory_is_used_unless_a_number_is_given():
    assert 0 < usable_memory(CPU) <= free_memory(CPU) / 2**30
    assert Machine(CPU, memory=2.0).room_for(2**29) == 4
    assert Machine(CPU, memory=1e-9).room_for(2**29) == 1


def test_a_container_gets_no_more_than_it_may_have(tmp_path, monkeypatch):
    (tmp_path / "max").write_text("5000\n")
    (tmp_path / "used").write_text("3000\n")
    pair = (str(tmp_path / "max"), str(tmp_path / "used"))
    monkeypatch.setattr("recommenders.common.memory._CGROUPS", (("/no/such", "/file"), pair))
    assert free_memory(CPU) == 2000
    (tmp_path / "max").write_text("max\n")
    assert free_memory(CPU) > 2000


@pytest.mark.parametrize("n_copies", [1, 2, 3, 100])
def test_what_is_measured_does_not_depend_on_memory(n_copies):
    expected = scores(FromScratchEnvironment(task_that_takes(), 0), FORMULAS)
    assert scores(FromScratchEnvironment(task_that_takes(n_copies), 0), FORMULAS) == expected


@pytest.mark.parametrize("n_copies", [1, 3, 100])
@pytest.mark.parametrize("index", range(len(FORMULAS)))
def test_any_copy_can_be_adopted_though_not_all_were_kept(n_copies, index):
    some, all_ = (AlternatingEnvironment(task_that_takes(n), 0) for n in (n_copies, None))
    for environment in (some, all_):
        scores(environment, FORMULAS, seed=1)
        assert environment.adopt(index)
    assert some.score() == all_.score()
    assert scores(some, FORMULAS, seed=2) == scores(all_, FORMULAS, seed=2)


@pytest.mark.parametrize("n_copies", [1, 4, 6])
def test_what_is_fitted_does_not_depend_on_memory(n_copies):
    early_stopping, seen = EarlyStopping(max_epochs=12, best_ago=3, falling=2), []
    expected = fit_losses(task_that_takes(), LOSSES, 0, early_stopping)

    def on_epoch(progress):
        seen.append([one.epochs for one in progress])

    assert fit_losses(task_that_takes(n_copies), LOSSES, 0, early_stopping, on_epoch=on_epoch) == expected
    assert seen[-1] == [fitted.epochs for fitted in expected]
    assert all(len(epochs) == len(LOSSES) for epochs in seen)


def test_copies_that_are_kept_move_up_in_place():
    task = make_task()
    models = task.trainer.model_copies(task.initial(0), [0.1, 0.2, 0.3, 0.4], [0.0, 0.1, 0.2, 0.3])
    models.weights["user_bias"] += torch.arange(4.0)[:, None]
    expected = models.select([1, 3])
    where = {name: weight.data_ptr() for name, weight in models.weights.items()}
    models.keep([1, 3])
    assert (models.learning_rate, models.weight_decay) == (expected.learning_rate, expected.weight_decay)
    for name, weight in models.weights.items():
        assert torch.equal(weight, expected.weights[name])
        assert weight.data_ptr() == where[name]
        assert weight.is_contiguous()


@pytest.mark.parametrize("n_cores", [1, 2, 5])
@pytest.mark.parametrize("n", [0, 1, 3, 50])
def test_results_come_in_order_whoever_is_first(n_cores, n):
    assert Cores(n_cores).map(lambda k: k * k, n) == [k * k for k in range(n)]


@pytest.mark.parametrize("n_cores", [1, 3])
def test_an_error_on_any_core_is_told_and_ends_the_work(n_cores):
    done = []

    def fail(k):
        if k == 4:
            raise ValueError("four")
        done.append(k)

    with pytest.raises(ValueError, match="four"):
        Cores(n_cores).map(fail, 1000)
    assert len(done) < 1000 or n_cores > 1


def test_several_cores_work_at_the_same_time():
    both = threading.Barrier(2, timeout=NEVER)
    assert Cores(2).map(lambda k: both.wait() >= 0, 2) == [True, True]
