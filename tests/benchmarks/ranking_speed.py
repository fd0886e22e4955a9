"""`python -m tests.benchmarks.ranking_speed`: exact ranking of all users among all items, beside common ways.

Gowalla where somebody has it (see tests/published_data.py), else made-up items of the same shape; vectors of 64 numbers
drawn at random. All ways one after the other, several times over; the best time of each, and its ratio to ours, since a
shared machine changes from minute to minute. Recall@20 of every way has to be ours.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from recommenders.data.implicit import ImplicitDataset, ImplicitOptions, load_implicit
from recommenders.data.implicit.splitting import hold_out_at_random
from recommenders.data.implicit.user_items import UserItems
from recommenders.tasks.ranking import VectorScores, find_ranking_metric, rank_items
from tests.published_data import find_published

DIMENSION, K, BLOCK = 64, 20, 256


def made_up(n_users: int = 29_858, n_items: int = 40_981, n_pairs: int = 1_027_370) -> ImplicitDataset:
    """Items with a long tail, for users with equally many."""
    rng = np.random.default_rng(0)
    user, item = np.arange(n_pairs) % n_users, (n_items ** rng.random(n_pairs)).astype(np.int64) - 1
    pairs = UserItems.of_pairs(user, item, n_users)
    held_out = hold_out_at_random(pairs, rng, 0.2)
    empty, numbers = UserItems.empty(n_users), (np.arange(n_users), np.arange(n_items))
    return ImplicitDataset("made-up", pairs.take(~held_out), empty, pairs.take(held_out), *numbers, "at random")


def recall(data: ImplicitDataset, lists: list[np.ndarray]) -> float:
    """Mean Recall@K of lists [b, K] of all users."""
    top = np.concatenate(lists)
    is_hit = np.array([np.isin(row, data.test.of(user)).sum() for user, row in enumerate(top)])
    return float((is_hit / data.test.counts).mean())


def by_lists(
    data: ImplicitDataset, best: Callable[[slice, tuple[np.ndarray, np.ndarray]], np.ndarray]
) -> list[np.ndarray]:
    """Lists of the best items, block by block; `best` takes users and their training pairs (row, item)."""
    lists = []
    for start in range(0, data.n_users, BLOCK):
        rows = slice(start, min(start + BLOCK, data.n_users))
        first, stop = data.train.indptr[rows.start], data.train.indptr[rows.stop]
        row = np.repeat(np.arange(rows.stop - rows.start), data.train.counts[rows])
        lists.append(best(rows, (row, data.train.items[first:stop])))
    return lists


def main() -> None:
    """Load, rank in every way, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    folder = find_published("gowalla")
    data = (
        made_up() if folder is None else load_implicit("gowalla", folder, options=ImplicitOptions(validation_share=0))
    )
    rng = np.random.default_rng(1)
    users, items = (rng.standard_normal((n, DIMENSION), dtype=np.float32) for n in (data.n_users, data.n_items))
    negated, tensors = -users, (torch.from_numpy(users), torch.from_numpy(items))

    def in_torch(rows: slice, gone: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        scores = torch.mm(tensors[0][rows], tensors[1].T)
        scores[torch.from_numpy(gone[0]), torch.from_numpy(gone[1]).long()] = -torch.inf
        return scores.topk(K).indices.numpy()

    def in_numpy(rows: slice, gone: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        lowness = negated[rows] @ items.T
        lowness[gone] = np.inf
        return np.argpartition(lowness, K, axis=1)[:, :K]

    vectors, metric = VectorScores(users, items), find_ranking_metric(f"recall@{K}")
    ways: dict[str, Callable[[], object]] = {
        "ours, every rank": lambda: rank_items(vectors, data, threads=given.threads),
        "ours, every rank and lists": lambda: rank_items(vectors, data, threads=given.threads, top=K),
        "torch.mm and topk": lambda: by_lists(data, in_torch),
        "numpy and argpartition": lambda: by_lists(data, in_numpy),
    }
    expected = metric.mean(rank_items(vectors, data))
    with threadpool_limits(given.threads, "blas"):
        times: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(given.repeats):
            for name, way in ways.items():
                began = time.perf_counter(), time.process_time()
                result = way()
                times[name].append(time.perf_counter() - began[0])
                if isinstance(result, list):
                    assert abs(recall(data, result) - expected) < 1e-5, name
    ours = min(times["ours, every rank"])
    sys.stdout.write(f"{data.name}: {data.n_users:,} x {data.n_items:,} x {DIMENSION}, {given.threads} threads\n")
    for name, seconds in times.items():
        sys.stdout.write(f"{name:28s} {min(seconds):7.2f} s {min(seconds) / ours:6.2f} times ours\n")


if __name__ == "__main__":
    main()
