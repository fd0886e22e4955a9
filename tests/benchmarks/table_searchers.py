"""Search a table of losses with many seeds: how good the best loss is after so many trainings, beside random search.

python -m tests.benchmarks.table_searchers results/table-5-ml-100k-mf/table.parquet --seeds 100 surrogate gp
"""

import argparse
import time
from pathlib import Path

import numpy as np
from scipy.stats import mannwhitneyu

from core.search.rounds import Rules
from core.search.search import Search, SearchBudget
from searchers import make_searcher
from studies.study.loss_table import LossTable
from studies.study.table_problem import TableProblem

#: Trainings after which the best loss is looked at.
BUDGETS = (50, 100, 200, 300)


def main(path, searchers, n_seeds):
    table = LossTable.load(Path(path))
    problem = TableProblem(table)
    best = np.nanmax([problem.metric.score_of(one) for one in problem._short])
    print(f"The best of all: {best:.4f}. Median best after {', '.join(map(str, BUDGETS))} trainings, {n_seeds} seeds:")
    chance = None
    for text in ("random", *searchers):
        began = time.perf_counter()
        ends = [searched(text, table, seed) for seed in range(n_seeds)]
        found, proposals = np.array([one for one, _ in ends]), np.median([n for _, n in ends])
        chance = found if chance is None else chance
        line = ", ".join(f"{one:.4f}" for one in np.median(found, axis=0))
        low, high = np.quantile(found[:, -1], (0.25, 0.75))
        p = mannwhitneyu(found[:, -1], chance[:, -1], alternative="greater").pvalue
        seconds = (time.perf_counter() - began) / n_seeds
        print(
            f"  {text}: {line} (half of the seeds {low:.4f} to {high:.4f}), better than random p = {p:.1g}, "
            f"{proposals:,.0f} proposals and {seconds:.1f} s a search",
            flush=True,
        )


def searched(text, table, seed):
    """The best score after each budget, and the number of proposals."""
    problem = TableProblem(table)
    budget = SearchBudget(trainings=BUDGETS[-1], samples_per_training=1_000_000)
    search = Search(make_searcher(text, problem.space, seed), problem, Rules(reward_duplicates=False), budget, seed)
    trials = [trial for step in search for trial in step.trials]
    scores = [-np.inf if trial.score is None else trial.score for trial in trials if trial.trained]
    best = np.maximum.accumulate(scores)
    return [best[min(n, len(best)) - 1] for n in BUDGETS], len(trials)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("table")
    parser.add_argument("searchers", nargs="*", default=["surrogate", "gp"])
    parser.add_argument("--seeds", type=int, default=100)
    given = parser.parse_intermixed_args()
    main(given.table, given.searchers, given.seeds)
