"""Metrics of ranks, a value for each user and their mean.

Definitions, as LightGCN, BSL and RecZoo have them: users with held-out items only; m of them for a user; candidates are
all items but those of earlier parts. See `recommenders.tasks.ranking.ranks` for ties.

- recall@k: held-out items with rank <= k, divided by m (not by min(k, m)).
- ndcg@k: the sum of 1 / log2(1 + rank) of those, divided by the sum for the ranks 1 ... min(k, m).
- hitrate@k: 1 if any of them has rank <= k, else 0.
- recall-alone@k, gain-alone@k: every held-out item is ranked without the user's other ones; the share of those with
  rank <= k, and the mean of 1 / log2(1 + rank) over all, 0 behind k. What lambda-opt calls HR@k and NDCG@k.
- mrr: 1 / rank of the first of them, without a cut-off.
- auc: the share of pairs of a held-out item and another candidate in which the first scores higher; ties count half,
  and NaN is lowest. 0.5 for a user without other candidates.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from core.common.errors import UserError, format_value, unknown_name
from core.phases.metric import Metric
from recommenders.tasks.ranking.ranks import Ranks

#: Largest cut-off.
MAX_CUTOFF = 10_000


def recall(ranks: Ranks, k: int) -> np.ndarray:
    """Return the share of each user's held-out items that are among the first k, [N] float64.

    Args:
        ranks: of N users.
        k: the cut-off.
    """
    return _sums(ranks, (ranks.rank <= k).astype(np.float64)) / ranks.n_held_out


def ndcg(ranks: Ranks, k: int) -> np.ndarray:
    """Return the normalised discounted cumulative gain of each user, [N] float64.

    Args:
        ranks: of N users.
        k: the cut-off.
    """
    discount = np.array([1 / math.log2(1 + rank) for rank in range(1, k + 1)])
    gain = np.where(ranks.rank <= k, discount[np.minimum(ranks.rank, k) - 1], 0.0)
    best = np.cumsum(discount)[np.minimum(ranks.n_held_out, k) - 1]
    return np.minimum(_sums(ranks, gain) / best, 1.0)  # sums of the same numbers may round differently


def hit_rate(ranks: Ranks, k: int) -> np.ndarray:
    """Return 1 for users with a held-out item among the first k, else 0, [N] float64.

    Args:
        ranks: of N users.
        k: the cut-off.
    """
    return (ranks.rank[ranks.indptr[:-1]] <= k).astype(np.float64)


def reciprocal_rank(ranks: Ranks, k: int) -> np.ndarray:
    """Return 1 / the rank of the first held-out item of each user, [N] float64.

    Args:
        ranks: of N users.
        k: not used.
    """
    return 1.0 / ranks.rank[ranks.indptr[:-1]]


def auc(ranks: Ranks, k: int) -> np.ndarray:
    """Return the area under the ROC curve of each user, [N] float64.

    Args:
        ranks: of N users.
        k: not used.
    """
    m = ranks.n_held_out
    before = _sums(ranks, ranks.rank - ranks.tied / 2) - m * (m + 1) / 2
    pairs = m * (ranks.n_candidates - m)
    return 1 - np.divide(before, pairs, out=np.full(len(m), 0.5), where=pairs > 0)


def recall_alone(ranks: Ranks, k: int) -> np.ndarray:
    """Return the recall of each user where every held-out item is ranked without the others, [N] float64.

    Args:
        ranks: of N users.
        k: the cut-off.
    """
    return _sums(ranks, (_alone(ranks) <= k).astype(np.float64)) / ranks.n_held_out


def gain_alone(ranks: Ranks, k: int) -> np.ndarray:
    """Return the mean discounted gain of each user's held-out items, each ranked without the others, [N] float64.

    Args:
        ranks: of N users.
        k: the cut-off.
    """
    rank = _alone(ranks)
    return _sums(ranks, np.where(rank <= k, 1 / np.log2(1 + rank), 0.0)) / ranks.n_held_out


def _alone(ranks: Ranks) -> np.ndarray:
    """Return the ranks of held-out items among what their user never had, [n] int64."""
    place = np.arange(len(ranks.rank)) - np.repeat(ranks.indptr[:-1], ranks.n_held_out)
    found: np.ndarray = ranks.rank - place  # they are in order: so many others are before it
    return found


def _sums(ranks: Ranks, values: np.ndarray) -> np.ndarray:
    """Return the sum of the values [n] of each user's items, [N] float64."""
    return np.add.reduceat(values, ranks.indptr[:-1])


@dataclass(frozen=True)
class RankingMetric(Metric):
    """A metric of ranks, with its cut-off."""

    k: int
    """The cut-off; 0 without one."""
    evaluate: Callable[[Ranks, int], np.ndarray]
    """(ranks, k) -> a value for each user [N] float64."""

    def per_user(self, ranks: Ranks) -> np.ndarray:
        """Return the value of each user of `ranks.users`, [N] float64."""
        return self.evaluate(ranks, self.k)

    def mean(self, ranks: Ranks) -> float:
        """Return the mean over users."""
        return float(self.per_user(ranks).mean())


@dataclass(frozen=True)
class MetricFamily:
    """A row of the registry: a metric for every cut-off, or one without."""

    name: str
    """What stands before the @."""
    has_cutoff: bool
    """Whether there is a cut-off."""
    evaluate: Callable[[Ranks, int], np.ndarray]
    """(ranks, k) -> a value for each user [N] float64."""
    about: str
    """A phrase for --help."""

    @property
    def form(self) -> str:
        """The name as it is written, such as recall@k."""
        return f"{self.name}@k" if self.has_cutoff else self.name


#: name before the @ -> metrics, in the order in which they are shown.
RANKING_METRICS: Mapping[str, MetricFamily] = MappingProxyType(
    {
        row.name: row
        for row in (
            MetricFamily("recall", True, recall, "share of a user's held-out items among the first k"),
            MetricFamily("ndcg", True, ndcg, "the same, weighted by how early they come"),
            MetricFamily("hitrate", True, hit_rate, "share of users with a held-out item among the first k"),
            MetricFamily("recall-alone", True, recall_alone, "share of them that few items nobody held out are before"),
            MetricFamily("gain-alone", True, gain_alone, "mean of 1 / log2(1 + rank) where each is ranked alone"),
            MetricFamily("mrr", False, reciprocal_rank, "mean of 1 / rank of the first held-out item"),
            MetricFamily("auc", False, auc, "share of other items that a held-out item is before"),
        )
    }
)


def find_ranking_metric(name: str) -> RankingMetric:
    """Return the metric of a name such as recall@20 or mrr.

    Raises:
        UserError: an unknown name, a cut-off that is missing, not needed or out of range.
    """
    base, at, cutoff = name.partition("@")
    family = RANKING_METRICS.get(base)
    if family is None:
        raise unknown_name("ranking metric", name, [row.form for row in RANKING_METRICS.values()])
    if family.has_cutoff != bool(at):
        raise UserError(f"metric: expected {family.form}, got {format_value(name)}")
    if not family.has_cutoff:
        return RankingMetric(base, True, 0, family.evaluate)
    if not re.fullmatch(r"[1-9][0-9]{0,5}", cutoff, re.ASCII) or int(cutoff) > MAX_CUTOFF:
        raise UserError(
            f"metric: expected {base}@ and a whole number from 1 to {MAX_CUTOFF:,}, got {format_value(name)}"
        )
    return RankingMetric(name, True, int(cutoff), family.evaluate)
