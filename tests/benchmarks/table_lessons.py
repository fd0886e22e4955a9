"""What a table of losses teaches: which short trainings order losses rightly, and what can be told from gradients.

python -m tests.benchmarks.table_lessons results/table-4-ml-100k-mf/table.parquet
"""

import sys
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from core.search.space import Space
from core.search.surrogate import Surrogate, normal_scores
from recommenders.tasks.loss_table import LossTable

#: Losses that a model sees, those that it is asked about, and how often others are drawn.
KNOWN, ASKED, TIMES = 300, 3_000, 10


def main(path):
    table = LossTable.load(Path(path))
    is_trained, settings = table.is_trained, table.about["settings"]
    side = 1 if table.metric.higher_is_better else -1
    smoothing_terms, epochs = settings["epsilon"], settings["epochs"]
    scores = {
        (smoothing, n): side * table.scores(n, smoothing=smoothing)[is_trained]
        for smoothing in smoothing_terms
        for n in epochs
    }
    best = np.nanmax([scores[smoothing, epochs[-1]] for smoothing in smoothing_terms], axis=0)
    print(f"{is_trained.sum():,} losses. Spearman's correlation with {epochs[-1]} epochs and the best smoothing term:")
    for smoothing in smoothing_terms:
        each = (f"{n} epochs {correlation(scores[smoothing, n], best):.2f}" for n in epochs)
        print(f"  smoothing term {smoothing:g}: {', '.join(each)}")

    # Written as a search would write them; the others use an operand twice, which its programs do not (section 3.3).
    found = [i for i in np.flatnonzero(is_trained) if table.programs[i] in table.space]
    genomes = np.stack([table.space.encode(table.programs[i]) for i in found])
    n_seen = min(epochs, key=lambda n: abs(n - 3))
    seen = side * table.scores(n_seen, smoothing=smoothing_terms[0])[found]
    if len(genomes) <= KNOWN:
        print(f"No more than {KNOWN} losses: too few to be told from others.")
        return
    described = {"gradients": table.space.features(genomes), "choices": Space.features(table.space, genomes)}
    print(
        f"Spearman's correlation of what a Gaussian process says that has seen {KNOWN}, and {n_seen} epochs of others:"
    )
    for what, features in described.items():
        each = [told(features / np.sqrt(features.shape[1]), seen, seed) for seed in range(TIMES)]
        print(f"  {what}: {np.mean(each):.3f} ({np.min(each):.3f} to {np.max(each):.3f}, {TIMES} draws)")


def told(points, scores, seed):
    """How well a model orders losses that it has not seen."""
    order = np.random.default_rng(seed).permutation(len(points))
    known, asked = order[:KNOWN], order[KNOWN : KNOWN + ASKED]
    model = Surrogate(points[known], normal_scores(np.nan_to_num(scores[known], nan=-np.inf)), alike=True)
    return correlation(model.prediction(points[asked])[0], scores[asked])


def correlation(one, other):
    """Spearman's, of those that have both."""
    there = np.isfinite(one) & np.isfinite(other)
    return float(spearmanr(one[there], other[there])[0])


if __name__ == "__main__":
    main(sys.argv[1])
