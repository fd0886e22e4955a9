"""`python -m tests.benchmarks.anchor_quality gowalla DIR rp3beta ease:l2=80`: recommenders without a loss as published.

Settings of an anchor's grid that a line does not give are chosen on a validation part, a tenth of each user's training
items; then the anchor learns from the whole training part and is ranked on the test part, once.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

from recommenders.data.implicit import ImplicitDataset, ImplicitOptions, load_implicit
from recommenders.tasks.ranking import find_ranking_metric, rank_items
from recommenders.tasks.ranking.anchors import anchor_choices, parse_anchor

METRICS = ("recall@20", "ndcg@20")


def measure(line: str, data: ImplicitDataset, part: str) -> tuple[float, ...]:
    """Fit, rank, print; return the metrics."""
    start = time.process_time()
    scores = parse_anchor(line).fit(data, 0)
    fitted = time.process_time() - start
    ranks = rank_items(scores, data, part)
    values = tuple(find_ranking_metric(name).mean(ranks) for name in METRICS)
    shown = " ".join(f"{name} {value:.4f}" for name, value in zip(METRICS, values, strict=True))
    print(f"{data.name} {part} {line}: {shown}; {fitted:.0f} CPU seconds to fit", flush=True)
    return values


def main() -> None:
    """Choose, fit, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.anchor_quality", description=__doc__)
    parser.add_argument("dataset", help="gowalla or yelp18")
    parser.add_argument("data", type=Path, help="the folder with train.txt and test.txt")
    parser.add_argument("anchor", nargs="+", help="a name, with settings as in ials:factors=128")
    parser.add_argument("--seed", type=int, default=0, help="of the validation part")
    given = parser.parse_args()
    whole, parted = (
        load_implicit(given.dataset, given.data, given.seed, replace(ImplicitOptions(), validation_share=share))
        for share in (0.0, 0.1)
    )
    for line in given.anchor:
        choices = anchor_choices(line)
        values = [measure(one, parted, "validation") for one in choices] if len(choices) > 1 else [(0.0,)]
        measure(choices[max(range(len(choices)), key=lambda i: values[i][0])], whole, "test")


if __name__ == "__main__":
    main()
