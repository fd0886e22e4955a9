"""What makes a loss effective? Traits of its gradient, told from a table of losses.

python -m tests.benchmarks.table_traits results/table-5-ml-100k-mf/table.parquet

What is explained is the validation metric after the most epochs of short trainings, and, of the losses that were
trained to convergence, that at convergence with the best weight decay.
"""

import sys
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from core.analysis.traits import TRAITS, grown
from recommenders.tasks.loss_table import LossTable

FOLDS, DEPTH, SHARE = 10, 3, 0.02


def main(path):
    table = LossTable.load(Path(path))
    settings = table.about["settings"]
    chosen = np.flatnonzero(table.is_trained)
    rows = table.traits(chosen)
    epochs, smoothing = settings["epochs"][-1], settings["epsilon"][0]
    explained = {f"after {epochs} epochs": table.scores(epochs, smoothing=smoothing)[chosen]}
    converged = [name for name in table.rows if name.startswith(f"validation_{table.about['metric']}_converged")]
    if converged:
        explained["at convergence"] = np.mean([table.rows[name][chosen] for name in converged], axis=0)
    for what, values in explained.items():
        there = np.isfinite(values)
        if there.sum() > 10 * FOLDS:
            tell(f"{table.about['metric']} {what}", rows[there], values[there])


def tell(what, rows, values):
    """Print each trait's correlation, the models' and the tree."""
    works, quartiles = np.abs(values - 0.5) > 0.05, np.quantile(values, [0.25, 0.5, 0.75])
    between = (works & (values < 0.7)).sum() / max(1, works.sum())
    print(f"{what}: {len(values):,} losses, quartiles {', '.join(f'{one:.4f}' for one in quartiles)}")
    print(f"  further than .05 from .5: {works.mean():.1%}; of these below .7: {between:.1%}")
    for k, name in enumerate(TRAITS):
        print(f"  {name:10} {spearmanr(rows[:, k], values)[0]:+.2f}  {TRAITS[name]}")
    least = max(2, int(SHARE * len(values)))
    print("Cross-validated Spearman correlation:")
    for name, columns, fit in (
        ("a tree of three questions", slice(None), lambda x, y: grown(x, y, DEPTH, least).prediction),
        ("a tree of six", slice(None), lambda x, y: grown(x, y, 2 * DEPTH, max(2, least // 4)).prediction),
        ("a straight line through ranks", slice(None), straight_line),
        *((f"{name} alone", [k], lambda x, y: grown(x, y, DEPTH, least).prediction) for k, name in enumerate(TRAITS)),
    ):
        print(f"  {name}: {cross_validated(fit, rows[:, columns], values):.2f}")
    print("\n".join(grown(rows, values, DEPTH, least).lines(list(TRAITS), "  ")))


def straight_line(x, y):
    """Least squares with the ranks of traits."""
    ordered = np.sort(x, axis=0)

    def design(z):
        ranks = [np.searchsorted(ordered[:, k], z[:, k]) / len(x) for k in range(x.shape[1])]
        return np.column_stack([np.ones(len(z)), *ranks])

    weights = np.linalg.lstsq(design(x), y, rcond=None)[0]
    return lambda z: design(z) @ weights


def cross_validated(fit, rows, values):
    """Spearman's correlation of what is expected of each loss by a model that was made without it."""
    fold = np.random.default_rng(0).permutation(len(values)) % FOLDS
    expected = np.empty(len(values))
    for number in range(FOLDS):
        out = fold == number
        expected[out] = fit(rows[~out], values[~out])(rows[out])
    return float(spearmanr(expected, values)[0])


if __name__ == "__main__":
    main(sys.argv[1])
