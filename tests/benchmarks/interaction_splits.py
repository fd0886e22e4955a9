"""Interaction functions on several splits of the same ratings, compared with the first of them, pair by pair.

    python -m tests.benchmarks.interaction_splits ml-100k - 10 8 "p*q" "max(p, q)"

trains each with vectors of 8 numbers on 10 splits (seeds 100 to 109, half of the ratings, a quarter to choose by) and
prints the mean test RMSE, its standard deviation over splits, the mean gain over the first one, in how many splits it
is better, and the p-value of Wilcoxon's signed-rank test. A file stands in place of the dash.
"""

import sys
from pathlib import Path

import numpy as np
from scipy.stats import wilcoxon

from core.interactions.spaces import read_meeting
from recommenders.data.explicit import load_ratings
from recommenders.tasks.rating.training import RatingPlan, fit_all, judged

FIRST_SEED = 100


def main(name: str, file: str, splits: str, dimensions: str, *texts: str) -> None:
    """Train, and print what came of it."""
    some, plan = [read_meeting(text) for text in texts], RatingPlan(dimensions=int(dimensions))
    rows = []
    for seed in range(FIRST_SEED, FIRST_SEED + int(splits)):
        data = load_ratings(name, None if file == "-" else Path(file), seed)
        rows.append([judged(one, data, "test")["rmse"] for one in fit_all(some, data, plan, seed, threads=2)])
    found = np.array(rows)
    for k, text in enumerate(texts):
        gains = found[:, 0] - found[:, k]
        told = f"{found[:, k].mean():.4f} sd {found[:, k].std(ddof=1):.4f}  gain {gains.mean():+.4f}"
        p = f"better in {(gains > 0).sum()} of {len(gains)}, p = {wilcoxon(gains).pvalue:.2g}" if k else ""
        print(f"{text[:50]:50s} {told}  {p}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
