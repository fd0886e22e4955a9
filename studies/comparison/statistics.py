"""What a comparison of searchers shows: curves, ranks, tests and verdicts, each from a library.

Friedman, Nemenyi and Wilcoxon with Holm's correction as Demšar (JMLR 2006) recommends; the probability of improvement
as in Agarwal et al. (NeurIPS 2021). In shapes: S searchers in the order of the command line, n seeds, G budgets. A
run that found nothing is worse than any that did, and equal to its like.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np
from scikit_posthocs import posthoc_nemenyi_friedman
from scipy.stats import bootstrap, friedmanchisquare, rankdata

from core.common.paired import holm, signed_rank_p
from studies.comparison.outcome import (
    Array,
    Curves,
    Outcome,
    Regrets,
    Run,
    Targets,
    anytime,
    quartiles,
    regrets,
    targets_reached,
)

Score = Literal["final", "converged"]

ALPHA = 0.05
N_RESAMPLES = 2000  # as in Agarwal et al.


@dataclass(frozen=True)
class Pair:
    """Two searchers by one score."""

    first: str
    """A searcher."""
    second: str
    """Another one, later on the command line."""
    gain: float
    """Difference of the medians, positive where the first is better, whatever the metric; not finite without both."""
    improvement: float
    """Probability that a run of the first is better than a run of the second, ties half."""
    interval: tuple[float, float]
    """95 % bootstrap interval of it."""
    wilcoxon: float
    """p-value of the signed-rank test over seeds after Holm's correction for all pairs."""
    nemenyi: float
    """p-value of Nemenyi's test; NaN with two searchers."""
    real: bool
    """Whether the tests find the difference and it exceeds the noise floor."""
    sentence: str
    """The verdict for a person."""


@dataclass(frozen=True)
class Standings:
    """The searchers by one score."""

    title: str
    """What the score is, such as "validation auc at the end of the search"."""
    searchers: tuple[str, ...]
    """[S]."""
    values: Array
    """[n, S], in units of the metric; NaN where a run found nothing. Only seeds that every searcher ran."""
    ranks: Array
    """[S], mean rank over seeds; 1 is best, ties share. NaN without seeds."""
    floor: float
    """The noise floor: standard deviation of one loss over seeds; NaN with fewer than two."""
    friedman: float
    """p-value of Friedman's test; NaN with fewer than three searchers or two seeds."""
    nemenyi: Array
    """[S, S], p-values; NaN where `friedman` is."""
    pairs: tuple[Pair, ...]
    """Every two searchers; none with fewer than two seeds."""


@dataclass(frozen=True)
class Statistics:
    """Everything that is computed from an outcome."""

    by_epochs: Curves
    """The best so far by candidate-epochs."""
    by_seconds: Curves
    """The same by wall-clock."""
    targets: Targets
    """Targets reached by candidate-epochs."""
    regrets: Regrets | None
    """How far from the best that there is; None where that is not known."""
    final: Standings
    """By the validation metric at the end of the search."""
    converged: Standings
    """By the test metric of each run's best loss after convergence, the mean over training seeds."""

    @property
    def verdicts(self) -> tuple[Pair, ...]:
        """Every pair, by the first score and by the second."""
        return self.final.pairs + self.converged.pairs


def analyse(outcome: Outcome, n_resamples: int = N_RESAMPLES) -> Statistics:
    """Curves, scores, tests and verdicts of one run or more; the same outcome gives the same numbers.

    Args:
        outcome: what was found.
        n_resamples: of the bootstrap, for every pair of searchers.
    """
    return Statistics(
        anytime(outcome, "candidate_epochs"),
        anytime(outcome, "seconds"),
        targets_reached(outcome),
        regrets(outcome),
        standings(outcome, "final", n_resamples),
        standings(outcome, "converged", n_resamples),
    )


def standings(outcome: Outcome, score: Score, n_resamples: int = N_RESAMPLES) -> Standings:
    """Ranks, tests and verdicts by one score.

    Args:
        outcome: what was found.
        score: the end of the search, or after convergence.
        n_resamples: of the bootstrap, for every pair of searchers.
    """
    if score == "final":
        title, noise = f"validation {outcome.metric} at the end of the search", outcome.noise.search
    else:
        title, noise = f"test {outcome.metric} after convergence", outcome.noise.converged
    values = _scores(outcome, score)
    matrix = _comparable(values, outcome.higher_is_better)
    n, n_names = matrix.shape
    friedman, nemenyi = math.nan, np.full((n_names, n_names), math.nan)
    if n > 1 and n_names > 2:
        # Without any difference within a seed the statistic is 0 / 0.
        friedman = float(friedmanchisquare(*matrix.T).pvalue) if np.ptp(matrix, axis=1).any() else 1.0
        nemenyi = posthoc_nemenyi_friedman(matrix).to_numpy()
    table = Standings(
        title,
        outcome.searchers,
        values,
        rankdata(-matrix, axis=1).mean(axis=0) if n else np.full(n_names, math.nan),
        float(np.std(noise, ddof=1)) if len(noise) > 1 else math.nan,
        friedman,
        nemenyi,
        (),
    )
    return replace(table, pairs=_pairs(table, matrix, outcome.higher_is_better, n_resamples)) if n > 1 else table


def _scores(outcome: Outcome, score: Score) -> Array:
    """[n, S]."""
    by_seed = [{run.seed: run for run in outcome.of(name)} for name in outcome.searchers]
    shared = [seed for seed in outcome.seeds if all(seed in runs for runs in by_seed)]
    return np.array([[_score(runs[seed], score) for runs in by_seed] for seed in shared]).reshape(-1, len(by_seed))


def _score(run: Run, score: Score) -> float:
    if score == "final":
        return run.final
    return float(np.mean(run.best.test)) if run.best is not None and run.best.test else math.nan


def _comparable(values: Array, higher_is_better: bool) -> Array:
    """Higher is better; runs without a value lie further below the others than any two of those lie apart."""
    oriented = values if higher_is_better else -values
    found = oriented[np.isfinite(oriented)]
    bottom = 2 * found.min() - found.max() - 1 if found.size else 0.0
    return np.where(np.isfinite(oriented), oriented, bottom)


def _pairs(table: Standings, matrix: Array, higher_is_better: bool, n_resamples: int) -> tuple[Pair, ...]:
    indices = list(combinations(range(len(table.searchers)), 2))
    if not indices:
        return ()
    corrected = holm([p for i, j in indices if (p := signed_rank_p(matrix[:, i] - matrix[:, j])) is not None])
    medians = quartiles(table.values, higher_is_better)[1]
    medians = np.where(np.isnan(medians), -np.inf, medians if higher_is_better else -medians)
    made = []
    for (i, j), p in zip(indices, corrected, strict=True):
        gain = float(medians[i] - medians[j]) if np.isfinite(medians[[i, j]]).any() else math.nan
        improvement, interval = improves(matrix[:, i], matrix[:, j], n_resamples)
        first, second = table.searchers[i], table.searchers[j]
        pair = Pair(first, second, gain, improvement, interval, p, float(table.nemenyi[i, j]), False, "")
        # Ranks and medians may point different ways, and then neither is believed.
        agree = np.sign(gain) * (table.ranks[j] - table.ranks[i]) > 0
        made.append(_judged(pair, table, bool(agree)))
    return tuple(made)


def improves(first: Array, second: Array, n_resamples: int = N_RESAMPLES) -> tuple[float, tuple[float, float]]:
    """Probability that a value of `first` [n] is above one of `second` [m], ties half; its 95 % bootstrap interval.

    The statistic is U / (n m) of Mann and Whitney. Both need two values or more.

    Args:
        first: [n].
        second: [m].
        n_resamples: of the bootstrap.
    """

    def probability(x: Array, y: Array, axis: int = -1) -> Array:
        above, below = x[..., :, None], y[..., None, :]
        return ((above > below) + 0.5 * (above == below)).mean(axis=(-2, -1))

    options = {"n_resamples": n_resamples, "method": "percentile", "rng": np.random.default_rng(0)}
    interval = bootstrap((first, second), probability, **options).confidence_interval
    return float(probability(first, second)), (float(interval.low), float(interval.high))


def _judged(pair: Pair, table: Standings, agree: bool) -> Pair:
    """With the verdict: Friedman finds a difference, a test of the pair does too, and it is more than noise."""
    missing = []
    if table.friedman >= ALPHA:
        missing.append(f"Friedman's test finds no difference between the searchers (p = {table.friedman:.2g})")
    p_values = f"Wilcoxon-Holm p = {pair.wilcoxon:.2g}"
    if not math.isnan(pair.nemenyi):
        p_values += f", Nemenyi p = {pair.nemenyi:.2g}"
    if not (pair.wilcoxon < ALPHA or pair.nemenyi < ALPHA):
        missing.append(f"no test of the two finds one ({p_values})")
    if math.isnan(table.floor):
        missing.append("the noise floor is not known")
    elif math.isnan(pair.gain):
        missing.append("both mostly found nothing")
    elif not abs(pair.gain) > table.floor:
        missing.append(f"the medians lie {abs(pair.gain):.4f} apart, within the noise floor of {table.floor:.4f}")
    elif not agree:
        missing.append("medians and ranks disagree")
    if missing:
        message = f"{pair.first} and {pair.second} are not shown to differ in {table.title}: {'; '.join(missing)}."
        return replace(pair, sentence=message)
    winner, loser = (pair.first, pair.second) if pair.gain > 0 else (pair.second, pair.first)
    by = f"by {abs(pair.gain):.4f} in the median" if math.isfinite(pair.gain) else "which mostly found nothing"
    message = f"{winner} beats {loser} in {table.title} {by} (noise floor {table.floor:.4f}; {p_values})."
    return replace(pair, real=True, sentence=message)
