"""The decays of a training from epoch to epoch: by a rule, or those that are learned, as `.kernel` takes them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from core.decays.rules import DecayRule
from core.decays.treatment import Learned
from recommenders.data.implicit import ImplicitDataset

if TYPE_CHECKING:
    from recommenders.tasks.decay.training import DecayPlan

#: Values [owners, 1 or d] and the owner of each row [n].
Decays = tuple[np.ndarray, np.ndarray]
#: How far trainings are where a rule's mean is taken.
_MOMENTS = np.linspace(0.0, 1.0, 11)


class DecaySchedule(ABC):
    """The decays of one training."""

    learns: bool = False
    """Whether training changes them."""
    as_coded: bool = False
    """Whether that is as in published code."""
    scratch: tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]
    """What `.tuning.tune` needs for users and for items."""

    @abstractmethod
    def at(self, progress: float, decay: float) -> tuple[Decays, Decays]:
        """Return the decays of users and items.

        Args:
            progress: how far the training is, from 0 to 1.
            decay: how large they are in the mean, where a rule says only how rows differ.
        """

    def judged(self, n: int, batches: int, batch: int) -> int:
        """Return how many triples of the validation part judge a step: those of an epoch make one pass over the part.

        Args:
            n: of that part.
            batches: steps of an epoch.
            batch: triples of a step.
        """
        return batch if self.as_coded else max(1, -(-n // batches))


def decays_of(rule: DecayRule | Learned, data: ImplicitDataset, plan: DecayPlan) -> DecaySchedule:
    """Return the decays of a training.

    Args:
        rule: what they are.
        data: what is trained on.
        plan: shapes.
    """
    return _Learning(rule, data, plan) if isinstance(rule, Learned) else _Given(rule, data, plan)


def frequencies(data: ImplicitDataset) -> tuple[np.ndarray, np.ndarray]:
    """Return how often every user [n_users] and every item [n_items] is in the training part, as float64."""
    return data.train.counts.astype(np.float64), data.popularity().astype(np.float64)


class _Given(DecaySchedule):
    """See DecaySchedule: by a rule."""

    def __init__(self, rule: DecayRule, data: ImplicitDataset, plan: DecayPlan) -> None:
        self._rule, self._frequencies, self._dtype = rule, frequencies(data), plan.dtype
        self._owners = tuple(np.arange(len(one)) for one in self._frequencies)
        self._mean = self._mean_decay() if rule.is_relative else 1.0
        self._kept: tuple[Decays, Decays] | None = None
        self.scratch = _no_scratch(plan.dtype)

    def _mean_decay(self) -> float:
        """Return what a rule says in the mean over all that a training names."""
        moments = _MOMENTS if self._rule.changes else _MOMENTS[:1]
        with np.errstate(all="ignore"):
            sums = [
                float((own * self._rule.decays(own, side, moment)).sum())
                for side, own in enumerate(self._frequencies)
                for moment in moments
            ]
        return sum(sums) / (sum(own.sum() for own in self._frequencies) * len(moments))

    def at(self, progress: float, decay: float) -> tuple[Decays, Decays]:
        """See DecaySchedule."""
        if self._kept is None or self._rule.changes:
            with np.errstate(all="ignore"):
                sides = [
                    self._rule.decays(own, side, progress) * (decay / self._mean)
                    for side, own in enumerate(self._frequencies)
                ]
            users, items = (one[:, None].astype(self._dtype) for one in sides)
            self._kept = (users, self._owners[0]), (items, self._owners[1])
        return self._kept


class Frozen(DecaySchedule):
    """See DecaySchedule: as they were learned.

    Args:
        decays: of users [n_users, 1 or d] and items.
    """

    def __init__(self, decays: tuple[np.ndarray, np.ndarray]) -> None:
        self._sides = [(one, np.arange(len(one))) for one in decays]
        self.scratch = _no_scratch(str(decays[0].dtype))

    def at(self, progress: float, decay: float) -> tuple[Decays, Decays]:
        """See DecaySchedule."""
        return self._sides[0], self._sides[1]


class _Learning(DecaySchedule):
    """See DecaySchedule: learned, from 0."""

    learns = True

    def __init__(self, rule: Learned, data: ImplicitDataset, plan: DecayPlan) -> None:
        self.as_coded, own = rule.as_coded, rule.granularity
        wide = plan.dimensions if "D" in own else 1
        most = plan.batch_size
        self._sides = [
            (np.zeros((n if is_own else 1, wide), plan.dtype), np.arange(n) if is_own else np.zeros(n, np.int64))
            for n, is_own in ((data.n_users, "U" in own), (data.n_items, "I" in own))
        ]
        users, items = (
            _scratch(len(owner), min(len(owner), times * most), values.shape, plan.dtype, plan.dimensions)
            for times, (values, owner) in zip((1, 2), self._sides, strict=True)
        )
        self.scratch = users, items

    def at(self, progress: float, decay: float) -> tuple[Decays, Decays]:
        """See DecaySchedule."""
        return self._sides[0], self._sides[1]


def _no_scratch(dtype: str) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """Return arrays of the types that `.tuning.tune` needs, where nothing is learned."""
    return _scratch(1, 1, (1, 1), dtype), _scratch(1, 1, (1, 1), dtype)


def _scratch(n: int, most: int, shape: tuple[int, ...], dtype: str, d: int = 1) -> tuple[np.ndarray, ...]:
    """Return what `.tuning.tune` needs for a side of n rows, of which a batch names at most so many.

    Args:
        n: rows.
        most: the number of those.
        shape: of decays.
        dtype: of all numbers.
        d: length of a row.
    """
    after, moved, of_after = (np.zeros((most, d), dtype) for _ in range(3))
    slopes, first, second = (np.zeros(shape, dtype) for _ in range(3))
    listed = np.empty(shape[0], np.int64), np.zeros(shape[0], np.uint8)
    return np.full(n, -1, np.int64), np.empty(most, np.int64), after, moved, of_after, slopes, first, second, *listed
