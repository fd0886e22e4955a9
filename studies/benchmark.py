"""`python -m studies.benchmark`: how fast this machine trains and tests candidates."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from core.common.errors import UserError
from recommenders.backends.registry import check_backend
from recommenders.common.machine import Machine, pick_device
from recommenders.data import DATASETS, Dataset, load_dataset
from recommenders.data.opening import is_folder
from recommenders.data.synthetic import shaped
from studies.common.command import make_app, run_app
from studies.common.processes import usable_cores
from studies.speed.figures import measure, rates_table, training_table
from studies.storage.output import OutputFolder
from studies.study.console import new_console

app = make_app(
    "python -m studies.benchmark",
    "Measure this machine: what training a candidate costs by the number trained together, beside a plain autograd "
    "loop, and how many candidates a second are sampled and tested without training.",
)
#: Numbers of candidates by device: where a CPU and a GPU are at their best.
_KS = {"cpu": (1, 8, 32), "cuda": (32, 256, 1024)}


@dataclass(frozen=True, kw_only=True)
class BenchmarkSettings:
    """What is measured, and where."""

    dataset: Annotated[str, Parameter(help=f"The data: {', '.join(DATASETS)}, or made-up rows of any shape such as "
                                           "190000x63000x1700000 (users, items, rows).")] = "ml-100k"  # fmt: skip
    data: Path | None = None
    """The raw file of the data set, for those that are not fetched or made."""
    k: Annotated[tuple[int, ...], Parameter(show_default=False)] = ()
    """Candidates to train together (repeat the option for several); 1, 8 and 32 on a CPU, 32, 256 and 1024 on a GPU
    unless given."""
    repeats: int = 3
    """Of every measurement; medians are shown."""
    device: str = "auto"
    """auto (cuda where there is one), cpu, cuda, or cuda:1 for the second of several GPUs."""
    backend: str = "auto"
    """What trains, see `python -m studies.run --help`."""
    threads: int = usable_cores()
    """CPU cores to train candidates on."""
    memory: float | None = None
    """GiB that parameters may take, instead of half of what is free."""
    json: Path | None = None
    """A file for the figures."""

    def __post_init__(self) -> None:
        """Check what no other class checks."""
        check_backend(self.backend)
        for name, value in (("repeats", self.repeats), *(("k", k) for k in self.k)):
            if value < 1:
                raise UserError(f"--{name}: expected at least 1, got {value}")
        if self.json is not None and is_folder(self.json):
            raise UserError(f"--json {self.json}: expected a file, this is a folder")


@app.default
def benchmark(
    *,
    settings: Annotated[BenchmarkSettings, Parameter(name="*", group=Group("Options"), negative="")] = (
        BenchmarkSettings()
    ),
) -> None:
    """Measure, and show tables."""
    device = pick_device(settings.device)
    machine = Machine(device, backend=settings.backend, threads=settings.threads, memory=settings.memory)
    folder = None if settings.json is None else OutputFolder(settings.json.absolute().parent, f"--json {settings.json}")
    if folder is not None and settings.json is not None:
        folder.claim(settings.json.name)
    err, out = new_console(stderr=True), new_console()
    dataset = _load(settings)
    ks = tuple(sorted(set(settings.k))) or _KS[device.type]
    with err.status("measuring") as status:
        figures = measure(dataset, machine, ks, settings.repeats, lambda what: status.update(f"measuring: {what}"))
    out.print(training_table(figures))
    out.print(rates_table(figures))
    if folder is not None and settings.json is not None:
        path = folder.write_json(settings.json.name, figures.to_dict())
        out.print(f"Written to {path}", highlight=False, soft_wrap=True)


def _load(settings: BenchmarkSettings) -> Dataset:
    shape = re.fullmatch(r"(\d+)x(\d+)x(\d+)", settings.dataset)
    return shaped(*map(int, shape.groups())) if shape else load_dataset(settings.dataset, settings.data)


if __name__ == "__main__":
    run_app(app)
