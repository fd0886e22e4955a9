"""`python -m tests.benchmarks.vector_training_speed`: epochs of matrix factorisation on rankings, beside eager torch.

Gowalla where somebody has it (see tests/published_data.py), else made-up items of the same shape. Eager torch is the
same recipe by autograd over gathered rows with torch.optim.Adam over whole tables, and private negatives drawn by
torch; a few steps of it stand for an epoch. Ours are whole epochs after one that does not count, with private negatives
by the recipe of SimpleX (vectors of size 1e-4 to begin with, learning rate 1e-4, clipped). Everything one after the
other, several times over; the best of each, and its ratio to eager torch with 100 private negatives, since a shared
machine changes from minute to minute.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable

import torch
from torch.nn.functional import normalize

from core.losses.setwise.registry import parse_set_loss
from core.losses.setwise.set_loss import SetScores
from recommenders.backends.ranking.base import Recipe, VectorTask
from recommenders.backends.ranking.compiled.trainer import CompiledTrainer
from recommenders.backends.ranking.optimisers import parse_optimiser
from recommenders.common.machine import Machine
from recommenders.data.implicit import ImplicitDataset, ImplicitOptions, load_implicit
from recommenders.data.implicit.samplers import parse_sampler
from recommenders.models.vectors.mf import VectorMF
from recommenders.tasks.ranking import VectorScores, rank_items
from tests.benchmarks.ranking_speed import made_up
from tests.published_data import find_published

#: What is measured: sampler, optimiser, loss, batch size.
ROWS = (
    ("uniform:negatives=100", "adam", "CCL", 256),
    ("uniform:negatives=100", "adam", "MML", 256),
    ("uniform:negatives=100", "adam", "BSL", 256),
    ("shared:negatives=256", "adam", "BSL", 1024),
    ("shared:negatives=256", "rowwise-adam", "BSL", 1024),
    ("shared:negatives=256", "rowwise-adam", "CCL", 1024),
    ("shared:negatives=256", "rowwise-adam", "MML", 1024),
)


def eager_steps(data: ImplicitDataset, threads: int, n_steps: int, batch: int = 256, negatives: int = 100) -> float:
    """Seconds of an epoch of eager torch, from a few steps."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    tables = [torch.nn.Embedding(n, 64) for n in (data.n_users, data.n_items)]
    optimiser = torch.optim.Adam([one.weight for one in tables], 1e-4)
    users, items = torch.from_numpy(data.train.users()), torch.from_numpy(data.train.items).long()
    loss, start = parse_set_loss("CCL"), 0.0
    for step in range(-2, n_steps):
        if step == 0:
            start = time.perf_counter()
        chosen = torch.randint(len(users), (batch,))
        every = torch.cat([items[chosen, None], torch.randint(data.n_items, (batch, negatives))], dim=1)
        user = torch.nn.functional.dropout(normalize(tables[0](users[chosen]), dim=-1), 0.1)
        scores = (normalize(tables[1](every), dim=-1) @ user[:, :, None])[:, :, 0]
        found = loss.evaluate(SetScores(scores[:, 0], scores[:, 1:]))
        optimiser.zero_grad()
        scores.backward(torch.cat([found.positive[:, None], found.negatives], dim=1) / batch)
        torch.nn.utils.clip_grad_norm_([one.weight for one in tables], 10)
        optimiser.step()
    return (time.perf_counter() - start) / n_steps * (len(users) / batch)


def main() -> None:
    """Load, train in every way, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--eager-steps", type=int, default=60)
    given = parser.parse_args()
    folder, whole = find_published("gowalla"), ImplicitOptions(validation_share=0)
    data = made_up() if folder is None else load_implicit("gowalla", folder, options=whole)
    machine = Machine(torch.device("cpu"), threads=given.threads)
    ways: dict[str, Callable[[int], float]] = {
        "torch eager, 100 private, adam, CCL": lambda n: eager_steps(data, given.threads, given.eager_steps)
    }
    for row in ROWS:
        sampler, optimiser, loss, batch = row
        as_published = batch == 256
        clip, rate, model = (10.0, 1e-4, VectorMF(init_std=1e-4)) if as_published else (None, 0.01, VectorMF())
        recipe = Recipe(parse_sampler(sampler), parse_optimiser(optimiser), batch_size=batch, clip_norm=clip)
        trainer = CompiledTrainer(VectorTask(model, data, recipe), machine, 0)

        def epoch(number: int, trainer: CompiledTrainer = trainer, loss: str = loss, rate: float = rate) -> float:
            start = time.perf_counter()
            trainer.train_epoch(parse_set_loss(loss), number, rate)
            return time.perf_counter() - start

        ways[", ".join(map(str, row))] = epoch

    def ranked(number: int) -> float:
        scores, start = VectorScores(*trainer.vectors()), time.perf_counter()
        rank_items(scores, data, "test", threads=given.threads)
        return time.perf_counter() - start

    ways["exact ranking of all users"] = ranked
    found: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(given.repeats + 1):  # the first time compiles
        for name, way in ways.items():
            found[name].append(way(number))
            print(f"  round {number}: {name} {found[name][-1]:.2f} s", flush=True)
    eager = min(next(iter(found.values()))[1:])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{data.name}, {len(data.train):,} positives, {given.threads} threads, seconds of an epoch, {peak:.1f} GiB")
    for name, seconds in found.items():
        print(f"  {name:55} {min(seconds[1:]):8.2f} s   eager / this {eager / min(seconds[1:]):6.1f}")


if __name__ == "__main__":
    main()
