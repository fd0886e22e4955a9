"""Seconds of an epoch in which decays are learned, beside one in which they are given, by turns in one run.

python -m tests.benchmarks.decay_speed FILE [DIMENSIONS]: MovieLens-100K by time, on one core.
"""

import sys
import time
from pathlib import Path

from core.common.errors import UserError
from core.decays.treatment import Treatment
from recommenders.data.implicit import UserItems, load_implicit
from recommenders.tasks.decay.fitting import halves
from recommenders.tasks.decay.schedule import decays_of
from recommenders.tasks.decay.training import DecayPlan, DecayTraining
from studies.study.decays import DecaySettings

TREATMENTS = ("fixed", "n", "D", "DU", "DI", "DUI", "DUI-coded")
#: Epochs of each, of which the fastest counts: others use the machine, too.
EPOCHS = 15


def main(file: Path, dimensions: int) -> None:
    """Print a row for each treatment."""
    data = load_implicit("ml-100k", file, 0, DecaySettings().options("ml-100k"))
    plan, learning = DecayPlan(dimensions=dimensions), halves(data, 0)[0]
    trainings = {}
    for name in TREATMENTS:
        schedule = decays_of(Treatment.parse(name).rule, data, plan)
        taught = learning if schedule.learns else UserItems.empty(data.n_users)
        trainings[name] = DecayTraining(schedule, {"decay": 0.003, "rate": 0.001}, data, taught, plan, 0)
    best = dict.fromkeys(TREATMENTS, float("inf"))
    for _ in range(EPOCHS):
        for name, training in trainings.items():
            began = time.perf_counter()
            training.epoch()
            best[name] = min(best[name], time.perf_counter() - began)
    print(f"| decays, {dimensions} dimensions | ms an epoch | times |")
    for name, seconds in best.items():
        print(f"| {name} | {1000 * seconds:.1f} | {seconds / best['fixed']:.2f} |")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 64)
    except UserError as error:
        sys.exit(f"error: {error}")
