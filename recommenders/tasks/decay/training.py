"""Train matrix factorisation by BPR with decays by a rule, or with decays that are learned, see `.kernel`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from core.common.errors import UserError
from core.common.seeding import derive_seed, numpy_rng
from core.search.effectiveness import EarlyStopping
from recommenders.data.implicit import ImplicitDataset, UserItems
from recommenders.data.implicit.samplers import PreparedSampler, Uniform
from recommenders.tasks.decay.kernel import train_epoch
from recommenders.tasks.decay.schedule import DecaySchedule
from recommenders.tasks.ranking.metrics import find_ranking_metric

#: What lambda-opt reports; the first one decides.
METRICS = ("gain-alone@50", "recall-alone@50", "gain-alone@100", "recall-alone@100", "auc")
OPTIMISERS = ("adam", "sgd")
_STOPPING = EarlyStopping(max_epochs=300, best_ago=5, falling=300)
_NO_TRIPLES = np.empty((3, 0), np.int64)


@dataclass(frozen=True, kw_only=True)
class DecayPlan:
    """Settings of trainings.

    Raises:
        UserError: a number out of range, or an unknown name.
    """

    dimensions: int = 64
    """Length of the vectors; published: 128."""
    learning_rate: float = 0.003
    """The optimiser's; published: .001, with vectors that begin ten times as large."""
    optimiser: str = OPTIMISERS[0]
    """adam (which leaves rows alone that a batch does not name) or sgd."""
    batch_size: int = 1024
    """Triples of a step, as published."""
    init_std: float = 0.1
    """Standard deviation of the vectors that training begins with; published: 1."""
    decays: tuple[float, ...] = (0.0, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
    """Rules that say only how rows differ are tried with each, and the best on validation counts; levels of groups are
    chosen from them."""
    exponents: tuple[float, ...] = (-1.0, -0.75, -0.5, -0.25, 0.25, 0.5)
    """Of the frequency, tried with each of these decays beside 0, the constant."""
    rates: tuple[float, ...] = (1e-4, 3e-4, 1e-3, 3e-3)
    """Learning rates of decays that are learned, each of which is tried."""
    clip: float = 1.0
    """The largest norm of their slopes."""
    horizon: int = 100
    """After so many epochs a training is as far as formulas of decays know."""
    every: int = 1
    """Epochs from one evaluation on validation to the next."""
    stopping: EarlyStopping = _STOPPING
    """When a training ends, in evaluations; the best one on validation counts."""
    metrics: tuple[str, ...] = METRICS
    """The metrics of results, the one that decides first."""
    dtype: str = "float32"
    """Of parameters."""

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name, most in (("dimensions", 4096), ("batch_size", 2**20), ("every", 100_000), ("horizon", 100_000)):
            if not 1 <= getattr(self, name) <= most:
                raise UserError(f"{name}: expected 1 to {most:,}, got {getattr(self, name)}")
        for name in ("learning_rate", "init_std", "clip"):
            if not 0 < getattr(self, name) <= 100:
                raise UserError(f"{name}: expected a number above 0, at most 100, got {getattr(self, name)}")
        for name, least, most in (("decays", 0, 10), ("exponents", -4, 4), ("rates", 1e-9, 10)):
            given = getattr(self, name)
            if not given or not all(least <= one <= most for one in given) or len(set(given)) < len(given):
                raise UserError(f"{name}: expected different numbers from {least} to {most}, got {given}")
        if self.optimiser not in OPTIMISERS:
            raise UserError(f"optimiser: expected {' or '.join(OPTIMISERS)}, got {self.optimiser!r}")
        _ = [find_ranking_metric(one) for one in self.metrics]


class Side(NamedTuple):
    """Vectors of users or items and what their training takes, see `.kernel`."""

    rows: np.ndarray
    """[n, d]."""
    gradients: np.ndarray
    """[n, d], 0 between steps."""
    first: np.ndarray
    """[n, d], Adam's first moments."""
    second: np.ndarray
    """[n, d], its second ones."""
    times: np.ndarray
    """How often a batch names each row [n], 0 between steps."""
    named: np.ndarray
    """Scratch: those that it names [n]."""


class DecayTraining:
    """One training, epoch after epoch.

    Args:
        schedule: the decays.
        settings: decay, how large they are where a rule is relative; rate, the learning rate of those that are learned.
        data: what is trained on.
        learning: validation items that decays are learned from; they may be none.
        plan: how.
        seed: of the vectors that training begins with, and of the order of pairs and their negatives.
    """

    def __init__(
        self,
        schedule: DecaySchedule,
        settings: Mapping[str, float],
        data: ImplicitDataset,
        learning: UserItems,
        plan: DecayPlan,
        seed: int,
    ) -> None:
        self.schedule, self._plan, self._triples = schedule, plan, Triples(data, learning, seed)
        self._decay, self._rate = settings.get("decay", 1.0), settings.get("rate", 0.0)
        counts = (data.n_users, "users"), (data.n_items, "items")
        self._users, self._items = (fresh_side(n, plan, seed, name) for n, name in counts)
        self._now = schedule.at(0.0, self._decay)
        self.epochs, self._steps = 0, 0

    def epoch(self) -> bool:
        """Train an epoch; return whether its loss is finite."""
        schedule, plan = self.schedule, self._plan
        train = self._triples.of("train", self.epochs)
        batches = -(-train.shape[1] // plan.batch_size)
        judging = self._triples.of("learning", self.epochs) if schedule.learns else _NO_TRIPLES
        self._now = schedule.at(min(1.0, self.epochs / plan.horizon), self._decay)
        judged = schedule.judged(judging.shape[1], batches, plan.batch_size)
        learning = judging, judged, schedule.as_coded, *schedule.scratch, (self._rate, plan.clip)
        how = plan.learning_rate, self._steps, plan.optimiser == "adam", learning
        loss = train_epoch(self._users, self._items, train, plan.batch_size, self._now, *how)
        self.epochs, self._steps = self.epochs + 1, self._steps + batches
        return bool(np.isfinite(loss))

    @property
    def vectors(self) -> tuple[np.ndarray, np.ndarray]:
        """The vectors of users [n_users, d] and items [n_items, d], in training."""
        return self._users.rows, self._items.rows

    @property
    def decays(self) -> tuple[np.ndarray, np.ndarray]:
        """A copy of the decays that users and items have now, [n, 1 or d] each."""
        users, items = (values[owner] for values, owner in self._now)
        return users, items


def fresh_side(n: int, plan: DecayPlan, seed: int, name: str) -> Side:
    """Return what training begins with.

    Args:
        n: rows.
        plan: shapes.
        seed: of the vectors.
        name: of the side.
    """
    shape = n, plan.dimensions
    rows = (plan.init_std * numpy_rng(seed, "decay", name).normal(size=shape)).astype(plan.dtype)
    gradients, first, second = (np.zeros(shape, plan.dtype) for _ in range(3))
    return Side(rows, gradients, first, second, np.zeros(n, np.int32), np.empty(n, np.int64))


class Triples:
    """Users, items that they have in a part, and items that they have not [3, n], anew for each epoch.

    Args:
        data: the data set.
        learning: of its validation items those that decays are learned from.
        seed: of orders and negatives.
    """

    def __init__(self, data: ImplicitDataset, learning: UserItems, seed: int) -> None:
        self._seed, self._parts = seed, dict[str, tuple[np.ndarray, np.ndarray, PreparedSampler]]()
        parts = {"train": (data.train, data.train)}
        if len(learning):
            parts["learning"] = learning, data.left_out("test")
        for name, (own, excluded) in parts.items():
            drawn = Uniform(negatives=1, exclude_positives=True).prepare(excluded, data.n_items)
            self._parts[name] = own.users(), own.items.astype(np.int64), drawn

    def of(self, part: str, epoch: int) -> np.ndarray:
        """Return those of an epoch [3, n].

        Args:
            part: train; or learning, whose negatives are in no part before the test part.
            epoch: its number.
        """
        users, items, sampler = self._parts[part]
        order = numpy_rng(self._seed, "order of triples", part, epoch).permutation(len(users))
        drawn = sampler.draw(derive_seed(self._seed, "negatives", part, epoch), users[order], 0)
        return np.stack([users[order], items[order], drawn[:, 0].astype(np.int64)])
