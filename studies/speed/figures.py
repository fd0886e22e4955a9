"""The figures of a machine: measured, as a table, as plain numbers."""

from __future__ import annotations

import resource
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from rich import box
from rich.table import Column, Table

from core.common.errors import UserError
from recommenders.common.machine import Machine
from recommenders.data.dataset import Dataset
from recommenders.tasks.task import RecommendationTask
from studies.speed.measuring import (
    EpochTime,
    epoch_time,
    plain_epoch_time,
    products_time,
    proxy_rate,
    sampled_losses,
    sampling_rate,
    task_of,
)

#: Losses that the plain loop is timed with: one takes it longer than a second.
_PLAIN_LOSSES = 3
_MIB = 2**20


@dataclass(frozen=True)
class Figures:
    """What was measured; times in seconds."""

    dataset: Dataset
    machine: Machine
    mf: Sequence[EpochTime]
    """For each number of candidates, ascending."""
    mf_plain: float
    """An epoch of one candidate in a plain autograd loop."""
    mlp: Sequence[EpochTime]
    mlp_products: float
    """What the products of matrices alone take in torch, of an epoch of one of the most candidates."""
    proxy_rate: float
    sampling_rate: float
    peak_memory: int
    """Bytes that the device, or on a CPU this process, held at most."""

    def to_dict(self) -> dict[str, Any]:
        """Every figure by name, times in milliseconds."""
        return {
            "mf_candidate_epoch_ms": self.mf[-1].epoch * 1e3,
            "mf_plain_epoch_ms": self.mf_plain * 1e3,
            "mf_scored_epoch_ms": self.mf[-1].scored * 1e3,
            "mlp_candidate_epoch_ms": self.mlp[-1].epoch * 1e3,
            "mlp_products_epoch_ms": self.mlp_products * 1e3,
            "mlp_scored_epoch_ms": self.mlp[-1].scored * 1e3,
            "proxy_programs_per_second": self.proxy_rate,
            "sampled_programs_per_second": self.sampling_rate,
            "device": self.machine.device.type,
            "threads": self.machine.threads,
            "backend": self.machine.backend,
            "k": self.mf[-1].k,
            "by_k": [
                {"k": a.k, "mf_candidate_epoch_ms": a.epoch * 1e3, "mlp_candidate_epoch_ms": b.epoch * 1e3}
                for a, b in zip(self.mf, self.mlp, strict=True)
            ],
            "peak_memory_mib": self.peak_memory / _MIB,
            "dataset": self.dataset.name,
            "n_users": self.dataset.n_users,
            "n_items": self.dataset.n_items,
            "n_rows": len(self.dataset.train),
        }


def measure(dataset: Dataset, machine: Machine, ks: Sequence[int], repeats: int, say: Callable[[str], None]) -> Figures:
    """Measure everything.

    Args:
        dataset: to train on.
        machine: on what.
        ks: numbers of candidates to train together, ascending.
        repeats: of every measurement; medians count.
        say: told what is measured next.

    Raises:
        UserError: the recommenders of the most candidates do not fit into memory.
    """
    mf, mlp = (task_of(name, dataset, machine) for name in ("mf", "mlp"))
    for task in (mf, mlp):
        _check_room(task, ks[-1])
    losses = sampled_losses(max(ks[-1], _PLAIN_LOSSES))

    def by_k(task: RecommendationTask) -> list[EpochTime]:
        task.trainer.use_cores()
        times = []
        for k in ks:
            say(f"{type(task.recommender).__name__}, {k} trained together")
            times.append(epoch_time(task, losses[:k], repeats))
        return times

    of_mf, of_mlp = by_k(mf), by_k(mlp)
    peak = _peak_memory(machine.device)
    say("products of matrices")
    torch.set_num_threads(machine.threads)
    products = products_time(mlp, ks[-1], repeats)
    say("MF in a plain loop")
    torch.set_num_threads(1)  # more make small steps slower
    plain = plain_epoch_time(mf, losses[:_PLAIN_LOSSES])
    say("proxy test, sampling")
    return Figures(dataset, machine, of_mf, plain, of_mlp, products, proxy_rate(repeats), sampling_rate(repeats), peak)


def _check_room(task: RecommendationTask, k: int) -> None:
    fits = task.trainer.at_once(task.initial(0))
    if fits < k:
        raise UserError(f"--k {k}: memory takes {fits} candidates on {task.dataset.name}; ask for fewer, or --memory")


def _peak_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _table(title: str, column: str, *numbers: str) -> Table:
    right = [Column(name, justify="right") for name in numbers]
    return Table(column, *right, title=title, box=box.SIMPLE_HEAD, title_justify="left")


def training_table(figures: Figures) -> Table:
    """Time by the number of candidates."""
    data, machine = figures.dataset, figures.machine
    where = "cuda" if machine.device.type == "cuda" else f"cpu, threads: {machine.threads}"
    shape = f"{len(data.train):,} rows, {data.n_users:,} users, {data.n_items:,} items"
    title = f"Training a candidate for an epoch of {data.name}: {shape} ({where})"
    columns = ("trained together", "ms an epoch", "epochs a second", "ms with validation score")
    table = _table(title, "recommender", *columns)
    for name, times, what, reference in (
        ("MF", figures.mf, "one, plain autograd loop", figures.mf_plain),
        ("MLP", figures.mlp, "products of matrices alone", figures.mlp_products),
    ):
        table.add_row(name, what, f"{reference * 1e3:.2f}", f"{1 / reference:.1f}", "")
        for time in times:
            each = (f"{time.epoch * 1e3:.2f}", f"{1 / time.epoch:.1f}", f"{time.scored * 1e3:.2f}")
            table.add_row(name, str(time.k), *each)
        table.add_section()
    return table


def rates_table(figures: Figures) -> Table:
    """What happens to candidates before they are trained."""
    table = _table("Before training, one thread", "step", "programs a second")
    table.add_row("proxy test: key, gradient, duplicate", f"{figures.proxy_rate:,.0f}")
    table.add_row("the paper's controller writes", f"{figures.sampling_rate:,.0f}")
    return table
