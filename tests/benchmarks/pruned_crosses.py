"""What pruning costs: `python -m tests.benchmarks.pruned_crosses --dataset adult --data DIR`.

The test part of the data set is taken away; the other rows are split anew several times, a fifth to judge by. Prints
for each limit the crosses that are left, and AUC and log-loss beside those of the whole set, with standard errors over
splits.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from recommenders.data.fields import FieldOptions, FieldTable, load_fields, split_fields
from recommenders.tasks.crosses.judging import auc, log_loss
from recommenders.tasks.crosses.plan import CrossPlan
from recommenders.tasks.crosses.search import CrossSearch

LIMITS = (0.0, 0.5, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="adult")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--splits", type=int, default=5)
    given = parser.parse_args()
    whole = load_fields(given.dataset, given.data)
    rows = whole.rows("train", "stop")
    columns = tuple(one.taken(rows) for one in whole.columns)
    table = FieldTable(columns, whole.label[rows], whole.target, whole.classes)
    found = np.empty((given.splits, 1 + len(LIMITS), 4))
    for seed in range(given.splits):
        data = split_fields("part", table, FieldOptions(), seed)
        part = data.parts["test"]
        for k, least in enumerate((None, *LIMITS)):
            began = time.perf_counter()
            search = CrossSearch(data, CrossPlan(prune=least), seed)
            search.run()
            seconds, model = time.perf_counter() - began, search.model()
            crosses = model.crosses
            scores = model.scores([one.taken(part) for one in data.columns])
            found[seed, k] = len(crosses), auc(scores, data.label[part]), log_loss(scores, data.label[part]), seconds
        print(seed, found[seed].round(5).tolist(), flush=True)
    for k, least in enumerate((None, *LIMITS)):
        change = found[:, k, 1:3] - found[:, 0, 1:3]
        error = change.std(axis=0, ddof=1) / np.sqrt(given.splits)
        n, area, loss, seconds = found[:, k].mean(axis=0)
        print(
            f"{least}: {n:.1f} crosses, AUC {area:.5f} ({change[:, 0].mean():+.5f} ±{error[0]:.5f}), "
            f"log-loss {loss:.5f} ({change[:, 1].mean():+.5f} ±{error[1]:.5f}), {seconds:.1f} s"
        )


if __name__ == "__main__":
    main()
