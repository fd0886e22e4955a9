"""Epochs of decays in machine code, beside a plain loop whose gradients are autograd's."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from core.decays.treatment import GRANULARITIES, Learned
from recommenders.tasks.decay.kernel import train_epoch
from recommenders.tasks.decay.schedule import Frozen, decays_of
from recommenders.tasks.decay.training import DecayPlan, fresh_side

N_USERS, N_ITEMS, D, BATCH, RATE = 7, 9, 3, 5, 0.05
B1, B2, EPS = 0.9, 0.999, 1e-8
DATA = SimpleNamespace(n_users=N_USERS, n_items=N_ITEMS)


def plan_of(optimiser="adam"):
    return DecayPlan(dimensions=D, batch_size=BATCH, dtype="float64", init_std=0.5, optimiser=optimiser)


def triples(n, seed):
    rng = np.random.default_rng(seed)
    items = rng.integers(0, N_ITEMS, size=n)
    return np.stack([rng.integers(0, N_USERS, size=n), items, (items + rng.integers(1, N_ITEMS, size=n)) % N_ITEMS])


def bpr(users, items, some):
    u, i, j = torch.from_numpy(some)
    return torch.nn.functional.softplus(-(users[u] * (items[i] - items[j])).sum(1)).mean()


def penalty(users, items, decays, some):
    """The mean over triples of the decayed squares of their three rows."""
    u, i, j = torch.from_numpy(some)
    pays = [(decay * rows.square()).expand(rows.shape) for decay, rows in zip(decays, (users, items), strict=True)]
    return (pays[0][u].sum() + pays[1][i].sum() + pays[1][j].sum()) / some.shape[1]


class Plain:
    """The same training with dense tables: rows that a batch does not name stay as they are."""

    def __init__(self, optimiser):
        self.optimiser, self.steps = optimiser, 0
        sides = [fresh_side(n, plan_of(), 0, name) for n, name in ((N_USERS, "users"), (N_ITEMS, "items"))]
        self.rows = [torch.from_numpy(one.rows.copy()) for one in sides]
        self.first, self.second = ([torch.zeros_like(one) for one in self.rows] for _ in range(2))

    def after(self, decays, some, *, step, extra=None, gradient_of=None):
        """Rows and moments after a step; `extra` decays are added to every row, `gradient_of` is what is trained."""
        rows = [one.clone().requires_grad_() for one in self.rows]
        loss = bpr(*rows, some) + penalty(*rows, gradient_of or decays, some)
        gradients = list(torch.autograd.grad(loss, rows, create_graph=True))
        if extra is not None:
            gradients = [g + 2 * e * one for g, e, one in zip(gradients, extra, self.rows, strict=True)]
        found = []
        for k, named in enumerate((set(some[0]), {*some[1], *some[2]})):
            moves = torch.zeros(len(self.rows[k]), 1, dtype=torch.bool)
            moves[sorted(named)] = True
            if extra is not None:
                moves[:] = True
            g, first, second = gradients[k], self.first[k], self.second[k]
            new = B1 * first + (1 - B1) * g, B2 * second + (1 - B2) * g**2
            root = (torch.where(new[1] > 0, new[1], 1.0) / (1 - B2**step)).sqrt() * (new[1] > 0)
            by_adam = self.rows[k] - RATE * new[0] / (1 - B1**step) / (root + EPS)
            moved = by_adam if self.optimiser == "adam" else self.rows[k] - RATE * g
            kept = (self.rows[k], first, second)
            found.append([torch.where(moves, a, b) for a, b in zip((moved, *new), kept, strict=True)])
        return found

    def step(self, decays, some):
        self.steps += 1
        after = self.after([one.detach() for one in decays], some, step=self.steps)
        self.rows, self.first, self.second = ([one[k].detach() for one in after] for k in range(3))


def compiled(schedule, given, optimiser, learning=None, clip=1e9, rate=0.01):
    """Tables after an epoch of machine code."""
    sides = [fresh_side(n, plan_of(), 0, name) for n, name in ((N_USERS, "users"), (N_ITEMS, "items"))]
    judging = np.empty((3, 0), np.int64) if learning is None else learning
    told = judging, BATCH, schedule.as_coded, *schedule.scratch, (rate, clip)
    loss = train_epoch(*sides, given, BATCH, schedule.at(0.0, 1.0), RATE, 0, optimiser == "adam", told)
    return sides, loss


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
@pytest.mark.parametrize("width", [1, D])
def test_an_epoch_is_that_of_a_plain_loop(optimiser, width):
    rng = np.random.default_rng(width)
    decays = [rng.uniform(0, 0.3, size=(n, width)) for n in (N_USERS, N_ITEMS)]
    given, plain = triples(18, 1), Plain(optimiser)
    sides, loss = compiled(Frozen((decays[0], decays[1])), given, optimiser)
    losses = []
    for start in range(0, 18, BATCH):
        some = given[:, start : start + BATCH]
        losses.append(float(bpr(*plain.rows, some)))
        plain.step([torch.from_numpy(one) for one in decays], some)
    assert loss == pytest.approx(np.mean(losses), rel=1e-9)
    for found, rows in zip(sides, plain.rows, strict=True):
        np.testing.assert_allclose(found.rows, rows.numpy(), rtol=1e-9, atol=1e-12)
        assert not found.gradients.any()
        assert not found.times.any()


def expanded(schedule):
    """The decays of every row, as tensors by which the loss can be differentiated, and these themselves."""
    values = [torch.from_numpy(values.copy()).requires_grad_() for values, _ in schedule.at(0.0, 1.0)]
    owners = [torch.from_numpy(owner) for _, owner in schedule.at(0.0, 1.0)]
    return values, [one[owner] for one, owner in zip(values, owners, strict=True)]


def steps_of_decays(name, optimiser, clip=1e9):
    """Decays of both ways of computing after two steps, and slopes and Adam's first moments after the first one."""
    schedule = decays_of(Learned.parse(name), DATA, plan_of(optimiser))
    for values, _ in schedule.at(0.0, 1.0):
        values[:] = np.random.default_rng(3).uniform(0.05, 0.2, size=values.shape)
    given, learning, plain = triples(2 * BATCH, 5), triples(2 * BATCH, 6), Plain(optimiser)
    values, moments = None, [[0.0, 0.0], [0.0, 0.0]]
    coded = name.endswith("-coded")
    for step in (1, 2):
        kept = values
        values, rows = expanded(schedule)
        if kept is not None:
            values = kept
            rows = [v[torch.from_numpy(o)] for v, (_, o) in zip(values, schedule.at(0.0, 1.0), strict=True)]
        some, judged = (one[:, (step - 1) * BATCH : step * BATCH] for one in (given, learning))
        other = given[:, (2 - step) * BATCH : (3 - step) * BATCH] if coded else some
        fixed = [one.detach() for one in rows]
        after = plain.after(rows, other, step=step, **({"extra": rows, "gradient_of": fixed} if coded else {}))
        slopes = torch.autograd.grad(bpr(after[0][0], after[1][0], judged), values)
        norm = float(sum(one.square().sum() for one in slopes) ** 0.5)
        values = [one.detach() for one in values]
        for k, slope in enumerate(slopes):
            slope = slope * min(1.0, clip / norm)
            touched = slope != 0
            moments[k] = [
                torch.where(touched, B1 * moments[k][0] + (1 - B1) * slope, torch.as_tensor(moments[k][0])),
                torch.where(touched, B2 * moments[k][1] + (1 - B2) * slope**2, torch.as_tensor(moments[k][1])),
            ]
            by = 0.01 * moments[k][0] / (1 - B1**step) / ((moments[k][1] / (1 - B2**step)).sqrt() + EPS)
            values[k] = torch.where(touched, (values[k] - by).clamp(min=0), values[k]).requires_grad_()
        plain.step([v[torch.from_numpy(o)] for v, (_, o) in zip(values, schedule.at(0.0, 1.0), strict=True)], some)
    sides, _ = compiled(schedule, given, optimiser, learning, clip)
    return schedule, values, sides, plain


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
@pytest.mark.parametrize("name", [*GRANULARITIES, *(f"{one}-coded" for one in GRANULARITIES)])
def test_decays_go_down_the_slope_of_the_validation_loss_after_a_step(name, optimiser):
    schedule, values, sides, plain = steps_of_decays(name, optimiser)
    for (found, _), wanted in zip(schedule.at(0.0, 1.0), values, strict=True):
        np.testing.assert_allclose(found, wanted.detach().numpy(), rtol=1e-7, atol=1e-10)
    for found, rows in zip(sides, plain.rows, strict=True):
        np.testing.assert_allclose(found.rows, rows.numpy(), rtol=1e-7, atol=1e-10)


def test_slopes_are_made_no_longer_than_asked_for():
    schedule, values, _, _ = steps_of_decays("DUI", "adam", clip=1e-4)
    for (found, _), wanted in zip(schedule.at(0.0, 1.0), values, strict=True):
        np.testing.assert_allclose(found, wanted.detach().numpy(), rtol=1e-6, atol=1e-9)


def test_slopes_are_finite_differences():
    given, learning, h = triples(BATCH, 8), triples(BATCH, 9), 1e-6

    def after(shift, k, at):
        schedule = decays_of(Learned("DUI"), DATA, plan_of())
        for values, _ in schedule.at(0.0, 1.0):
            values[:] = 0.1
        schedule.at(0.0, 1.0)[k][0][at] += shift
        sides, _ = compiled(Frozen(tuple(v[o] for v, o in schedule.at(0.0, 1.0))), given, "adam")
        return float(bpr(*(torch.from_numpy(one.rows) for one in sides), learning))

    schedule = decays_of(Learned("DUI"), DATA, plan_of())
    for values, _ in schedule.at(0.0, 1.0):
        values[:] = 0.1
    compiled(schedule, given, "adam", learning)
    named = [set(given[0]) & set(learning[0]), {*given[1], *given[2]} & {*learning[1], *learning[2]}]
    assert all(named)
    for k in range(2):
        first = schedule.scratch[k][6]  # Adam's first moment after one step: a tenth of the slope
        for row in sorted(named[k]):
            for dimension in range(D):
                at = row, dimension
                slope = (after(h, k, at) - after(-h, k, at)) / (2 * h)
                assert first[at] / (1 - B1) == pytest.approx(slope, rel=1e-5, abs=1e-9)
        others = sorted(set(range(len(first))) - named[k])
        assert not first[others].any()
