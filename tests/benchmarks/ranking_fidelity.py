"""How short trainings on some users order losses, beside long ones on all.

    python -m tests.benchmarks.ranking_fidelity gowalla DIR 8000:9 all:40 "BSL:temperature=.1" "mean(softplus(d))@.02"

trains every loss with each number of users and epochs, prints its validation Recall@20, and Kendall's tau between the
orders of each pair. Constants are as given, the learning rate is .0447 unless a loss ends in @RATE.
"""

import sys
from itertools import combinations
from pathlib import Path

import torch
from scipy.stats import kendalltau

from core.common.seeding import derive_seed
from recommenders.backends.ranking.base import Recipe, VectorTask
from recommenders.common.machine import Machine
from recommenders.data.implicit import load_implicit
from recommenders.data.implicit.samplers import Shared
from recommenders.models.vectors.mf import VectorMF
from recommenders.tasks.ranking.training import RankingPlan
from recommenders.tasks.ranking.tuning import RATE, ConstantTuner, OpenLoss, TuningPlan

SEED, USUAL_RATE = 1, 0.0447


def main(name: str, folder: str, *words: str) -> None:
    """Train, and print scores and taus."""
    fidelities = [word for word in words if word.partition(":")[0] == "all" or word.partition(":")[0].isdecimal()]
    losses = [word.rpartition("@") if "@" in word else (word, "", str(USUAL_RATE)) for word in words]
    losses = [one for one in losses if one[0] not in fidelities]
    data, scores = load_implicit(name, Path(folder), SEED), {}
    for fidelity in fidelities:
        users, _, epochs = fidelity.partition(":")
        some = data if users == "all" else data.of_users(int(users), derive_seed(SEED, "search"))
        task = VectorTask(VectorMF(), some, Recipe(sampler=Shared(256)))
        tuner = ConstantTuner(task, RankingPlan(), Machine(torch.device("cpu")), TuningPlan(), SEED)
        for line, _, rate in losses:
            score = tuner.score(OpenLoss(line), {RATE: float(rate)}, int(epochs), 0)
            scores.setdefault(fidelity, []).append(score)
            print(f"{fidelity:>10s}  {score:.4f}  {line}", flush=True)
    for one, other in combinations(fidelities, 2):
        print(f"tau of {one} and {other}: {kendalltau(scores[one], scores[other]).statistic:.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
