"""Made-up outcomes of comparisons."""

import numpy as np

from core.search.search import StopReason
from studies.comparison.outcome import Converged, NoiseFloor, Outcome, Point, Run

NAN = float("nan")
#: Standard deviation of exactly 0.001.
QUIET = (0.769, 0.770, 0.771)
FORMULA = "(1/(log(y_hat + y)))^2"


def run(searcher, seed, bests, test=(0.80, 0.81), stop=StopReason.TRAININGS.value, name=FORMULA):
    """A run with a point every ten candidate-epochs; `test` None: nothing was found."""
    points = tuple(Point(10 * (i + 1), 2.0 * (i + 1), best) for i, best in enumerate(bests))
    best = None if test is None else Converged(name, 5, 0.1, tuple(value - 0.01 for value in test), tuple(test))
    funnel = {
        "sampled": 1000,
        "accepted": 6,
        "rejected": 4,
        "zero_gradient": 500,
        "duplicate": 300,
        "non_finite": 90,
        "wrong_direction": 100,
        "trained": 10,
    }
    return Run(searcher, seed, points, funnel, stop, {"searcher": 1.0, "training": 8.0, "other": 0.5}, best)


def outcome(runs, higher_is_better=True, baselines=(), search=QUIET, converged=QUIET, **changes):
    """A comparison of these runs."""
    fields = {
        "runs": tuple(runs),
        "baselines": tuple(baselines),
        "noise": NoiseFloor("BCE", search, converged),
        "metric": "auc" if higher_is_better else "rmse",
        "higher_is_better": higher_is_better,
        "start": 0.5,
        "settings": {"trainings": 50, "minutes": None, "recommender": "MF"},
        "data": {"name": "ml-100k", "users": 943, "items": 1682, "train rows": 80_000},
        "command": "python -m studies.comparison --searcher rl",
    }
    return Outcome(**(fields | changes))


def known(name, value):
    """A known loss with three training seeds."""
    return Converged(name, None, None, (value - 0.01,) * 3, (value - 1e-4, value, value + 1e-4))


def scored(finals, tests=None, **changes):
    """Searcher -> the final value of each seed, NaN for nothing; the test values are the same unless given."""
    runs = []
    for name, values in finals.items():
        for seed, value in enumerate(values):
            test = (values if tests is None else tests[name])[seed]
            runs.append(run(name, seed, [value - 0.01, value], None if np.isnan(test) else (test,)))
    return outcome(runs, **changes)


def matrix(values, **changes):
    """Rows are seeds, columns are searchers a, b, c, ..."""
    return scored({chr(97 + i): list(column) for i, column in enumerate(zip(*values, strict=True))}, **changes)


def lively(searchers=("rl", "gp", "optuna:sampler=cmaes", "hybrid", "random"), n_seeds=5, n_points=60, **changes):
    """Looks like a real comparison: the searchers in this order from best to worst, and noise."""
    rng = np.random.default_rng(0)
    runs = []
    for i, name in enumerate(searchers):
        for seed in range(n_seeds):
            level = 0.79 - 0.004 * i + 0.002 * rng.standard_normal()
            length = n_points if seed or i != 2 else n_points // 2
            climb = np.maximum.accumulate(level - 0.25 * np.exp(-np.cumsum(rng.exponential(0.15, length))))
            runs.append(_lively_run(rng, name, seed, climb, level, length < n_points))
    names = ("MSE", "BCE", "hinge", "focal", "MaxR", "SumR", "LogMin")
    levels = (0.7808, 0.7881, 0.7805, 0.7930, 0.8094, 0.8091, 0.7981)
    baselines = [known(name, level) for name, level in zip(names, levels, strict=True)]
    noise = tuple(0.78 + 0.0015 * rng.standard_normal(10))
    return outcome(runs, baselines=baselines, search=noise, converged=noise, **changes)


def _lively_run(rng, searcher, seed, climb, level, early):
    points = tuple(Point(16 * (j + 1), 3.0 * (j + 1) * rng.uniform(0.9, 1.1), b) for j, b in enumerate(climb))
    points = tuple(sorted(points, key=lambda point: point.seconds))
    points = tuple(Point(16 * (j + 1), point.seconds, climb[j]) for j, point in enumerate(points))
    sampled = int(rng.integers(40_000, 90_000))
    accepted, rejected = int(rng.integers(20, 80)), int(rng.integers(20, 700))
    shares = (rng.dirichlet([20, 12, 4, 9]) * (sampled - accepted - rejected)).astype(int)
    shares[0] += sampled - accepted - rejected - shares.sum()
    verdicts = ("zero_gradient", "duplicate", "non_finite", "wrong_direction")
    funnel = {"sampled": sampled, "accepted": accepted, "rejected": rejected}
    funnel |= {verdict: int(share) for verdict, share in zip(verdicts, shares, strict=True)}
    funnel["trained"] = accepted + rejected
    test = tuple(level + 0.012 + 0.001 * rng.standard_normal(3))
    name = FORMULA if seed % 2 else " + ".join(f"sign(max({FORMULA}, -log(y)))" for _ in range(4))
    best = Converged(name, 5, 0.1, tuple(value - 0.008 for value in test), test)
    stop = StopReason.EXHAUSTED if early else StopReason.TRAININGS
    seconds = {"searcher": rng.uniform(5, 60), "training": points[-1].seconds, "other": rng.uniform(1, 3)}
    return Run(searcher, seed, points, funnel, stop.value, seconds, best)
