"""How good constants of losses on rankings get: by the Gaussian process, by Optuna's, and drawn.

    python -m tests.benchmarks.ranking_constants ml-100k - 3 12 16 BSL CCL

tunes each loss by 12 trainings of 3 epochs, with 16 seeds, and prints the mean of the best validation Recall@20, its
standard error, and the seconds that proposing took for each tuning. A folder of data stands in place of the dash.
"""

import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import optuna
import torch

from core.search.surrogate import next_point, spread_points
from recommenders.backends.ranking.base import Recipe, VectorTask
from recommenders.common.machine import Machine
from recommenders.data.implicit import load_implicit
from recommenders.data.implicit.samplers import Shared
from recommenders.models.vectors.mf import VectorMF
from recommenders.tasks.ranking.training import RankingPlan
from recommenders.tasks.ranking.tuning import ConstantTuner, OpenLoss, TuningPlan

#: Scores a point of the unit cube.
Score = Callable[[np.ndarray], float]
FIRST = 5


def drawn(score: Score, dimensions: int, n: int, seed: int) -> tuple[float, float]:
    """Return the best of n points of a Latin hypercube, and the seconds that proposing took."""
    return max(score(point) for point in spread_points(dimensions, n, seed)), 0.0


def ours(score: Score, dimensions: int, n: int, seed: int) -> tuple[float, float]:
    """Return the same of what `ConstantTuner` does."""
    points, spent = spread_points(dimensions, FIRST, seed), 0.0
    values = [score(point) for point in points]
    while len(points) < n:
        began = time.perf_counter()
        points.append(next_point(np.stack(points), np.array(values), seed))
        spent += time.perf_counter() - began
        values.append(score(points[-1]))
    return max(values), spent


def optunas(score: Score, dimensions: int, n: int, seed: int) -> tuple[float, float]:
    """Return the same of Optuna's Gaussian process."""
    sampler = optuna.samplers.GPSampler(seed=seed, n_startup_trials=FIRST, deterministic_objective=True)
    study, spent = optuna.create_study(direction="maximize", sampler=sampler), 0.0
    names = [f"x{i}" for i in range(dimensions)]
    study.enqueue_trial(dict.fromkeys(names, 0.5))
    for _ in range(n):
        began = time.perf_counter()
        trial = study.ask({name: optuna.distributions.FloatDistribution(0, 1) for name in names})
        spent += time.perf_counter() - began
        study.tell(trial, score(np.array([trial.params[name] for name in names])))
    return study.best_value, spent


def main(name: str, folder: str, epochs: str, n: str, seeds: str, *lines: str) -> None:
    """Tune, and print what came of it."""
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    data = load_implicit(name, None if folder == "-" else Path(folder), 1)
    task = VectorTask(VectorMF(), data, Recipe(sampler=Shared(256)))
    for line in lines:
        for propose in (drawn, optunas, ours):
            found = [
                propose(*scored(task, OpenLoss(line), int(epochs), seed), int(n), seed) for seed in range(int(seeds))
            ]
            best, spent = np.array(found).T
            told = f"{best.mean():.4f} +- {best.std() / len(best) ** 0.5:.4f}  {spent.mean():.2f} s"
            print(f"{line[:44]:44s} {propose.__name__:8s} {told}", flush=True)


def scored(task: VectorTask, loss: OpenLoss, epochs: int, seed: int) -> tuple[Score, int]:
    """Return what scores the constants of a loss, and how many there are."""
    tuner = ConstantTuner(task, RankingPlan(), Machine(torch.device("cpu")), TuningPlan(), seed)

    def score(point: np.ndarray) -> float:
        return float(np.nan_to_num(tuner.score(loss, loss.values(point), epochs, seed), nan=-1))

    return score, len(loss.ranges)


if __name__ == "__main__":
    main(*sys.argv[1:])
