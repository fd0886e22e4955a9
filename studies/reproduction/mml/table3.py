"""Table 3: what an epoch of MF takes with CCL and with MML.

The two losses take turns in one process, one epoch each: machines get slower and faster. An epoch is training, with
drawing the negatives and without the evaluation; the paper does not say what its seconds hold.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import product
from statistics import fmean
from typing import Any

from core.common.errors import counted
from studies.reproduction.mml.paper import DATASETS, EPOCHS, FIGURE_3_NEGATIVES, OTHER, TABLE_3, Runtime
from studies.reproduction.mml.performance import percent
from studies.reproduction.mml.recipe import Setup
from studies.reproduction.mml.settings import SHARED, RankingBench, RankingReproduceSettings
from studies.reproduction.raw import PAIR, Column, Frame
from studies.reproduction.reproduction import NOTHING, Reproduction, difference, groups, named, number

_LOSSES = ("CCL", "MML")


def _measure(bench: RankingBench) -> list[dict[str, Any]]:
    numbers = bench.settings.counts(FIGURE_3_NEGATIVES)
    setups = [[Setup("mf", dataset, loss, n) for loss in _LOSSES] for dataset, n in product(bench.datasets, numbers)]
    return [
        {"model": one.model, "dataset": bench.datasets[one.dataset], "negatives": one.negatives, "loss": one.name}
        | {"turn": turn, "seconds": seconds, "machine": found["machine"]}
        for group, found in bench.times(setups)
        for one, times in zip(group, found["seconds"], strict=True)
        for turn, seconds in enumerate(times, start=1)
    ]


def _paces(raw: Frame) -> dict[tuple[str, int], dict[str, float]]:
    """(data set, negatives) -> loss -> mean seconds of an epoch; none where only the paper has it."""
    paces: dict[tuple[str, int], dict[str, float]] = {}
    for (dataset, n, loss), rows in groups(raw, "dataset", "negatives", "loss"):
        paces.setdefault((dataset, n), {})[loss] = fmean(rows["seconds"])
    there = {name.removesuffix(OTHER) for name in raw["dataset"]}
    published: dict[tuple[str, int], dict[str, float]] = {
        (dataset, n): {} for dataset in DATASETS if dataset in there for n, _ in TABLE_3
    }
    places = sorted({**published, **paces}, key=lambda place: (_order(place[0]), -place[1]))
    return {place: paces.get(place, {}) for place in places}


def _order(dataset: str) -> tuple[int, str]:
    """Data sets as in the paper, others after them."""
    return (DATASETS.index(dataset) if dataset in DATASETS else len(DATASETS), dataset)


def _rows(raw: Frame) -> Iterator[dict[str, str]]:
    for (dataset, n), paces in _paces(raw).items():
        for loss in dict.fromkeys((*_LOSSES, *paces)):
            paper: Runtime | None = TABLE_3.get((n, loss), {}).get(dataset)
            ours = paces.get(loss)
            theirs = None if paper is None else paper.seconds
            yield named("mf", dataset) | {
                "negatives": str(n),
                "loss": loss,
                "seconds an epoch, paper (P100)": number(theirs, 1),
                "ours": number(ours, 2),
                "difference": difference(ours, theirs, 1),
                "over CCL, paper": NOTHING if loss == "CCL" else percent(_published_ratio(dataset, n)),
                "over CCL, ours": NOTHING if loss == "CCL" else percent(_ratio(paces)),
                f"minutes for {EPOCHS} epochs, paper": number(None if paper is None else paper.minutes, 0),
                f"minutes for {EPOCHS} epochs, ours": number(None if ours is None else ours * EPOCHS / 60, 1),
            }


def _ratio(seconds: Mapping[str, float]) -> float:
    """By how many percent MML takes longer than CCL; NaN where one is missing."""
    base = seconds.get("CCL", 0.0)
    return 100 * (seconds["MML"] / base - 1) if base and "MML" in seconds else math.nan


def _published_ratio(dataset: str, n: int) -> float:
    return _ratio({loss: times[dataset].seconds for (m, loss), times in TABLE_3.items() if m == n and dataset in times})


def _sentences(raw: Frame) -> Iterator[str]:
    for (dataset, n), paces in _paces(raw).items():
        ours, paper = _ratio(paces), _published_ratio(dataset, n)
        if math.isfinite(ours):
            where, beside = named("mf", dataset)["data"], f", in the paper {percent(paper)}"
            more = beside if math.isfinite(paper) else ""
            yield f"{where}, {n} negatives: an epoch of MML takes {percent(ours)} beside one of CCL{more}."
    turns, machines = int(raw["turn"].max()), dict.fromkeys(raw["machine"])
    yield (
        f"Means of {counted(turns, 'epoch')} of training for each loss, which took turns after one that does "
        f"not count, on {' and '.join(machines)}; evaluations are not in them. The paper's are of a P100, and it does "
        "not say what is in them."
    )


TABLE3 = Reproduction(
    name="mml-table3",
    about="what an epoch takes with CCL and with MML",
    settings=RankingReproduceSettings,
    options=SHARED - {"loss"} | {"timed_epochs"},
    columns=(
        *PAIR,
        Column("negatives", int),
        Column("loss", str),
        Column("turn", int),
        Column("seconds"),
        Column("machine", str),
    ),
    measure=_measure,
    rows={"Table 3: seconds of an epoch of MF": _rows},
    sentences=_sentences,
    published=tuple(("mf", dataset) for dataset in DATASETS),
)
