"""How well a model of shapes of set-wise losses foretells what they come to, by what it is told of them.

    python -m tests.benchmarks.shape_features 150

draws so many shapes that pass the screen, tunes each on MovieLens-100K (8 settings of 3 epochs, the best two for 9),
and fits the Gaussian process of `surrogate` to some of them, 30 times: Spearman's correlation of its predictions for
the others with their scores, and the mean score of the five that it expects most of.
"""

import sys
import warnings
from collections.abc import Callable

import numpy as np
import torch
from scipy.stats import spearmanr

from core.programs.sets.space import ShapeSpace
from core.search.space import Space
from core.search.surrogate import Surrogate, normal_scores
from recommenders.backends.ranking.base import Recipe, VectorTask
from recommenders.common.machine import Machine
from recommenders.data.implicit import load_implicit
from recommenders.models.vectors.mf import VectorMF
from recommenders.tasks.ranking.loss_problem import RankingLossProblem
from recommenders.tasks.ranking.training import RankingPlan
from recommenders.tasks.ranking.tuning import TuningPlan

REPEATS, TOP = 30, 5


def tuned_shapes(space: ShapeSpace, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return genomes [n, D] of drawn shapes that pass the screen, and their scores [n]."""
    task = VectorTask(VectorMF(), load_implicit("ml-100k", None, 1), Recipe())
    problem = RankingLossProblem(task, RankingPlan(), Machine(torch.device("cpu")), TuningPlan(8, 9), space, 0)
    rng, genomes = np.random.default_rng(5), list[np.ndarray]()
    while len(genomes) < n:
        drawn = space.sample(40, rng)
        genomes += [drawn[i] for i, one in enumerate(problem.examine(space.decode(drawn))) if one.verdict is None]
    kept = np.stack(genomes[:n])
    return kept, np.array([problem.measure([shape], 0)[0].score for shape in space.decode(kept)])


def main(n: str) -> None:
    """Tune, fit, and print what came of it."""
    warnings.simplefilter("ignore")
    space = ShapeSpace()
    genomes, scores = tuned_shapes(space, int(n))
    scores = np.nan_to_num(scores, nan=np.nanmin(scores))  # of what broke down
    told: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "options": lambda drawn: Space.features(space, drawn),
        "gradients": space.features,
    }
    for n_seen in (20, 50, 100):
        for name, features in told.items():
            points, rng, found = features(genomes), np.random.default_rng(0), []
            points = points / np.sqrt(points.shape[1])
            for _ in range(REPEATS):
                order = rng.permutation(len(scores))
                seen, others = order[:n_seen], order[n_seen:]
                model = Surrogate(points[seen], normal_scores(scores[seen]), alike=True)
                expected = model.prediction(points[others])[0]
                best = scores[others][np.argsort(-expected)[:TOP]].mean()
                found.append((spearmanr(expected, scores[others])[0], best))
            mean, error = np.mean(found, axis=0), np.std(found, axis=0) / REPEATS**0.5
            print(f"{n_seen:4d} seen, {name:10s} correlation {mean[0]:.3f} +- {error[0]:.3f}, best {mean[1]:.4f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
