"""Every registered back end keeps the contract, and a machine is trained on by the ones that it asks for."""

import re
from dataclasses import dataclass

import pytest
import torch

from core.common.errors import UserError
from core.programs.space import OperatorSpace
from recommenders.backends.base import Backend
from recommenders.backends.compiled.backend import CompiledBackend
from recommenders.backends.compiled.kernels import KERNELS, kernel_of, register_kernel
from recommenders.backends.compiled.mf import MFKernel
from recommenders.backends.registry import BACKENDS, backend_source, backends_for
from recommenders.backends.stacked import StackedBackend
from recommenders.backends.trainer import Trainer
from recommenders.common.machine import Machine
from recommenders.models.mf import MF
from recommenders.models.mlp import MLP
from recommenders.tasks.losses import make_loss
from recommenders.testing.backend import BackendContract, WithoutEncoding
from recommenders.testing.plain import random_interactions
from tests.recommenders.problems import CPU

RECOMMENDERS = {"MF": MF(3), "LargeMF": MF(), "MLP": MLP(3, (6, 4), dropout=0.2), "PlainMLP": MLP(16, (5,), dropout=0)}
DEVICES = [CPU, *([torch.device("cuda")] if torch.cuda.is_available() else [])]


def contracts():
    """One for each back end, and each recommender and device that it takes."""
    for name, kind in BACKENDS.items():
        for label, recommender in RECOMMENDERS.items():
            for device in DEVICES:
                if kind.for_task(recommender, Machine(device)) is not None:
                    yield f"Test{name.title()}{label}On{device}", kind, recommender, device


for _name, _kind, _recommender, _device in contracts():
    # Torch's products of many matrices round by where in memory each stands.
    _exact = _kind is CompiledBackend or (_kind is StackedBackend and isinstance(_recommender, MF) and _device == CPU)
    _body = {"backend": _kind, "recommender": _recommender, "device": _device, "exact": _exact}
    _contract = type(_name, (BackendContract,), _body)
    globals()[_name] = pytest.mark.gpu(_contract) if _device != CPU else _contract


def test_the_contract_is_kept_by_all_of_ours_on_a_cpu():
    held = [kind for _, kind, _, device in contracts() if device == CPU]
    assert held.count(CompiledBackend) == held.count(StackedBackend) == len(RECOMMENDERS)


def kinds(recommender, backend, device=CPU):
    return [type(one) for one in backends_for(recommender, Machine(device, backend=backend))]


def test_a_back_end_that_is_named_comes_first_and_those_after_it_follow():
    assert kinds(MF(), "auto") == kinds(MF(), "compiled") == [CompiledBackend, StackedBackend]
    assert kinds(MF(), "torch") == [StackedBackend]
    assert kinds(MLP(hidden_sizes=()), "auto") == [StackedBackend], "there is no kernel for it"


@pytest.mark.parametrize(
    ("backend", "message"),
    [
        ("jax", "--backend: expected auto, compiled, torch or package.module:Class, got 'jax'"),
        ("", "backend '': expected a name such as torch or package.module:Class"),
        ("torch:threads=2", "--backend: expected auto, compiled, torch or package.module:Class, got 'torch:threads=2'"),
        ("a:B:c=1", "--backend a:B:c=1: a:B has no settings"),
        (
            "no_such_module:Own",
            "backend no_such_module:Own: there is no module no_such_module; expected no_such_module",
        ),
        ("recommenders.models.mf:MF", "expected a class derived from recommenders.backends.base.Backend, got MF"),
        ("recommenders.backends.base:Own", "there is no Own in module recommenders.backends.base; its backends: none"),
        ("recommenders.backends.base:Backend", "derived from recommenders.backends.base.Backend, got Backend"),
        ("tests.recommenders.test_backends:OnNone", "it cannot train MF on cpu; --backend auto takes one that can"),
        ("tests.recommenders.test_backends:Raising", "its for_task raised ZeroDivisionError: division by zero"),
        ("tests.recommenders.test_backends:Unfinished", "its for_task raised TypeError: Can't instantiate abstract"),
        ("tests.recommenders.test_backends:Odd", "its for_task: expected a back end or None, got 3"),
    ],
)
def test_a_back_end_that_cannot_be_is_refused_in_a_line(backend, message):
    with pytest.raises(UserError, match=re.escape(message)) as error:
        backends_for(MF(), Machine(CPU, backend=backend))
    assert "\n" not in str(error.value)


def test_a_named_back_end_that_does_not_fit_is_refused():
    with pytest.raises(UserError, match="--backend compiled: it cannot train MLP on cpu; --backend auto takes"):
        backends_for(MLP(hidden_sizes=()), Machine(CPU, backend="compiled"))


class OnNone(StackedBackend):
    """Fits nothing."""

    @classmethod
    def for_task(cls, recommender, machine):
        return None


class Raising(StackedBackend):
    """Raises."""

    @classmethod
    def for_task(cls, recommender, machine):
        return 1 / 0


class Unfinished(Backend):
    """Has no other method."""

    @classmethod
    def for_task(cls, recommender, machine):
        return cls()


class Odd(StackedBackend):
    """Makes something else."""

    @classmethod
    def for_task(cls, recommender, machine):
        return 3


class BceAlone(StackedBackend):
    """Takes one loss, and says what it was asked for."""

    asked: list = []  # noqa: RUF012

    def takes(self, loss):
        return loss == make_loss("BCE", OperatorSpace())

    def prepare(self, losses):
        self.asked.append(len(losses))
        return super().prepare(losses)


class Breaking(StackedBackend):
    """Fails in the midst of training."""

    def prepare(self, losses):
        def train_epoch(models, epoch, users, items):
            raise IndexError("of\nits own")

        return train_epoch


def trained(backend, losses, recommender=MF(4), dtype=torch.float64):  # noqa: B008
    rows = random_interactions(9, 8, 100, seed=1)
    trainer = Trainer(recommender, rows, 32, 0.5, Machine(CPU, dtype, backend))
    k, pairs = len(losses), (torch.arange(8), torch.arange(8))
    rates, decays = ([base * (1 + i) for i in range(k)] for base in (0.05, 0.1))
    models = trainer.model_copies(recommender.initial(9, 8, seed=1), rates, decays)
    prepared = trainer.prepare(losses)
    y_hat = [trainer.train_and_predict(models, prepared, 3, epoch, *pairs) for epoch in range(2)][-1]
    assert torch.allclose(trainer.predict(models.weights, *pairs), y_hat, rtol=1e-6)
    return models.weights


def mixed():
    """Losses in an order that no single back end but torch takes."""
    named = [make_loss(name, OperatorSpace()) for name in ("MSE", "BCE", "MaxR")]
    return [named[0], WithoutEncoding(), named[1], named[2], WithoutEncoding()]


@pytest.mark.parametrize("recommender", [MF(4), MLP(3, (6, 4), dropout=0.2)])
def test_what_one_does_not_take_the_next_one_trains_in_the_same_call(recommender):
    together, in_torch = (trained(backend, mixed(), recommender) for backend in ("auto", "torch"))
    for name, weight in together.items():
        assert torch.allclose(weight, in_torch[name], rtol=1e-9, atol=1e-9), name


def test_what_is_taken_has_the_bits_that_it_has_without_the_others():
    together = trained("auto", mixed(), dtype=torch.float32)
    for k, loss in enumerate(mixed()):
        first = [WithoutEncoding()] * k + [loss]  # the same place, and so the same learning rate
        alone = trained("auto", first, dtype=torch.float32)
        assert all(torch.equal(alone[name][k], weight[k]) for name, weight in together.items())


def test_a_back_end_of_ones_own_comes_before_ours():
    del BceAlone.asked[:]
    name = f"{__name__}:BceAlone"
    backend, *rest = backends_for(MF(4), Machine(CPU, backend=name))
    assert [type(one) for one in rest] == [CompiledBackend, StackedBackend]
    assert backend.in_torch
    ours, plain = trained(name, mixed()), trained("auto", mixed())
    for weight, expected in zip(ours.values(), plain.values(), strict=True):
        assert torch.allclose(weight, expected, rtol=1e-9, atol=1e-9)
    assert BceAlone.asked == [1]


def test_what_a_back_end_of_ones_own_raises_is_a_line():
    with pytest.raises(UserError, match=r"Breaking: its training raised IndexError: of"):
        trained(f"{__name__}:Breaking", mixed())


def test_the_source_of_a_back_end_of_ones_own_is_known():
    assert {backend_source(name) for name in ("auto", *BACKENDS)} == {None}
    assert re.fullmatch("[0-9a-f]{16}", backend_source(f"{__name__}:BceAlone"))


@dataclass(frozen=True)
class Mine(MF):
    """Computes what MF does."""


def test_a_recommender_of_ones_own_may_bring_a_kernel(monkeypatch):
    monkeypatch.setattr("recommenders.backends.compiled.kernels.KERNELS", dict(KERNELS))
    assert kernel_of(Mine()) is None, "it might compute something else"
    assert kinds(Mine(), "auto") == [StackedBackend]
    register_kernel(Mine, lambda recommender: MFKernel() if recommender.embedding_size < 5 else None)
    assert kinds(Mine(4), "auto") == [CompiledBackend, StackedBackend]
    assert kinds(Mine(5), "auto") == [StackedBackend]
    ours, theirs = (trained("auto", mixed(), recommender) for recommender in (MF(4), Mine(4)))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize(("kind", "make"), [(int, MFKernel), ("mf", MFKernel), (Mine, None)])
def test_what_is_no_kernel_of_a_recommender_is_not_registered(kind, make):
    with pytest.raises(TypeError, match="register_kernel: expected a "):
        register_kernel(kind, make)
