import numpy as np
import pytest
import torch

from core.common.memory import ran_out
from core.programs.space import OperatorSpace
from core.search.effectiveness import EarlyStopping
from recommenders.common.memory import half_of
from recommenders.tasks.environments import AlternatingEnvironment, FromScratchEnvironment
from recommenders.tasks.losses import make_loss
from tests.recommenders.problems import fit_losses, make_task


class Crowded:
    """A back end with memory for a few copies only, as a GPU has: more raise what torch raises there."""

    def __init__(self, inner, most):
        self.inner, self.most, self.sizes = inner, most, []

    def prepare(self, losses):
        train = self.inner.prepare(losses)

        def train_epoch(models, epoch, users, items):
            self.sizes.append(len(models))
            if len(models) > self.most:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
            return train(models, epoch, users, items)

        return train_epoch

    def takes(self, loss):
        return self.inner.takes(loss)

    def predict(self, weights, users, items):
        return self.inner.predict(weights, users, items)


def crowded(task, most):
    one = Crowded(task.trainer.backends[0], most)
    task.trainer.backends = (one,)
    return task, one.sizes


@pytest.mark.parametrize("most", [1, 2, 5])
def test_where_memory_runs_out_half_as_many_are_trained_together_with_the_same_result(most, caplog):
    early_stopping = EarlyStopping(max_epochs=4)
    losses = [make_loss(name, OperatorSpace()) for name in ("BCE", "MaxR", "MSE", "focal", "hinge")]
    expected = fit_losses(make_task(), losses, 0, early_stopping)
    task, sizes = crowded(make_task(), most)
    assert fit_losses(task, losses, 0, early_stopping) == expected
    assert max(sizes[sizes.index(min(5, most)) :]) <= most
    assert ("memory ran out with 5 candidates at a time, going on with 2" in caplog.text) == (most < 5)


@pytest.mark.parametrize("make", [AlternatingEnvironment, FromScratchEnvironment])
def test_candidates_of_a_search_are_halved_too_and_the_number_is_remembered(make):
    losses = [make_loss(name, OperatorSpace()) for name in ("BCE", "MaxR", "MSE", "focal", "hinge")]
    expected = make(make_task(), 0).measure(losses, 1)
    task, sizes = crowded(make_task(), 2)
    environment = make(task, 0)
    measured = environment.measure(losses, 1)
    assert [one.score for one in measured] == [one.score for one in expected]
    del sizes[:]
    environment.measure(losses, 2)
    assert max(sizes) == 2


def test_one_candidate_that_is_too_much_alone_and_other_errors_are_told():
    loss = make_loss("BCE", OperatorSpace())
    task, _ = crowded(make_task(), 0)
    with pytest.raises(torch.OutOfMemoryError):
        fit_losses(task, [loss] * 4, 0, EarlyStopping())
    with pytest.raises(torch.OutOfMemoryError):
        FromScratchEnvironment(task, 0).measure([loss] * 4, 0)
    with pytest.raises(RuntimeError, match="odd"):
        half_of(8, RuntimeError("odd"))


def test_what_a_cpu_says_without_memory_is_recognised():
    with pytest.raises(RuntimeError) as error:
        torch.empty(2**60, dtype=torch.uint8)
    assert ran_out(error.value)
    with pytest.raises(MemoryError) as error:
        np.empty(2**60, dtype=np.uint8)
    assert ran_out(error.value)
    assert not ran_out(ValueError("can't allocate memory"))
