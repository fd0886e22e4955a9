"""How long AutoCross takes beside what the paper says of it: to search, and to score rows.

Times are of one machine, which stands beside them; the paper does not say which its own are of. The published times of
scoring are not said to be of one row or of many, so ours are of both: a single row costs the call, which is Python's,
and one of 10,000 what the model does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import fmean, median
from typing import Any

import numpy as np

from core.common.errors import unknown_name
from core.common.extras import lacking
from recommenders.data.fields.dataset import FieldData
from recommenders.tasks.crosses.greedy import GREEDY
from recommenders.tasks.crosses.plan import EVALUATIONS, CrossPlan
from recommenders.tasks.crosses.problem import PLAIN
from recommenders.tasks.crosses.rivals.registry import RIVALS, Rival
from recommenders.tasks.crosses.rivals.rival import matrix_of
from recommenders.tasks.crosses.rivals.tuned import fit_rival
from recommenders.tasks.crosses.search import CrossSearch
from studies.common.processes import cpu_name, usable_cores
from studies.reproduction.raw import Column, Frame
from studies.reproduction.reproduction import NOTHING, Reproduction, groups, number
from studies.reproduction.slides.bench import CrossBench
from studies.reproduction.slides.settings import CrossReproduceSettings

#: Hours of a search, slides of the authors: "Feature generation time".
SEARCH_HOURS: Mapping[str, float] = {"bank": 0.0267, "adult": 0.0357}
#: Milliseconds of a row, there: "Inference latency".
LATENCY_MS: Mapping[str, Mapping[str, float]] = {
    "bank": {"autocross": 0.00048, "AC+W&D": 0.01697, "Deep": 0.01413, "xDeepFM": 0.08828},
    "adult": {"autocross": 0.00048, "AC+W&D": 0.01493, "Deep": 0.01142, "xDeepFM": 0.05522},
}
#: Rows of a batch; single rows that are scored, and batches.
BATCH, _SINGLES, _BATCHES = 10_000, 300, 7

#: Rows as a model takes them -> their scores.
_Score = Callable[[Any], Any]


def _measure_time(bench: CrossBench) -> list[dict[str, Any]]:
    cores, found = usable_cores(), list[dict[str, Any]]()
    for seed, data in bench.tables():
        for evaluate in EVALUATIONS:
            if not any(one["evaluate"] == evaluate for one in found):  # whose machine code may have to be made
                CrossSearch(data, CrossPlan(evaluate=evaluate, most_crosses=1), seed, cores).run()
            search, began = CrossSearch(data, CrossPlan(evaluate=evaluate), seed, cores), time.perf_counter()
            best = search.run()
            row = {"dataset": data.name, "evaluate": evaluate, "seed": seed, "seconds": time.perf_counter() - began}
            found.append(row | {"crosses": len(best.crosses), "machine": _machine(cores)})
    return found


def _measure_latency(bench: CrossBench) -> list[dict[str, Any]]:
    found = list[dict[str, Any]]()
    named = bench.settings.model or [name for name, one in RIVALS.items() if lacking(name, *one.packages) is None]
    for name in named:
        if name not in RIVALS:
            raise unknown_name("rival", name, RIVALS)
    rivals = [Rival(name) for name in dict.fromkeys(named)]
    for seed, data in bench.tables():
        search = CrossSearch(data, CrossPlan(), seed)
        search.run()
        fitted: dict[str, tuple[_Score, bool]] = {PLAIN: (search.plain().scores, True)}
        fitted[GREEDY] = search.model().scores, True
        for rival in rivals:
            fitted[rival.name] = fit_rival(rival, data, seed).score, False
        for name, (score, is_by_column) in fitted.items():
            for rows, inputs in ((1, _singles(data, is_by_column)), (BATCH, _batches(data, is_by_column))):
                row = {"dataset": data.name, "model": name, "seed": seed, "rows": rows}
                found.append(row | {"nanoseconds": _nanoseconds(score, inputs) / rows, "machine": _machine(1)})
    return found


def _rows_of(data: FieldData, rows: np.ndarray, is_by_column: bool) -> Any:
    """Return rows as a model takes them: columns, or a matrix."""
    return [one.taken(rows) for one in data.columns] if is_by_column else matrix_of(data, rows)


def _singles(data: FieldData, is_by_column: bool) -> list[Any]:
    test = data.parts["test"]
    return [
        _rows_of(data, np.array([test.start + k % (test.stop - test.start)]), is_by_column) for k in range(_SINGLES)
    ]


def _batches(data: FieldData, is_by_column: bool) -> list[Any]:
    test = data.parts["test"]
    return [_rows_of(data, np.resize(np.arange(test.start, test.stop), BATCH), is_by_column)] * _BATCHES


def _nanoseconds(score: _Score, inputs: Sequence[Any]) -> float:
    """Return the median time of a call, after some that do not count."""
    taken = []
    for one in (*inputs[: len(inputs) // 3], *inputs):
        began = time.perf_counter_ns()
        score(one)
        taken.append(time.perf_counter_ns() - began)
    return median(taken[len(inputs) // 3 :])


def _machine(cores: int) -> str:
    return f"{cores} {'core' if cores == 1 else 'cores'} of {cpu_name()}"


def _time_rows(raw: Frame) -> Iterator[dict[str, str]]:
    for (dataset, evaluate, machine), rows in groups(raw, "dataset", "evaluate", "machine"):
        hours, seconds = SEARCH_HOURS.get(dataset), rows["seconds"].tolist()
        paper = None if hours is None else 3_600 * hours
        yield {
            "data": dataset,
            "candidates": evaluate,
            "seconds, paper": number(paper, 0),
            "seconds, ours": number(fmean(seconds), 2),
            "from, to": f"{number(min(seconds), 2)}, {number(max(seconds), 2)}",
            "times as fast": NOTHING if paper is None else number(paper / fmean(seconds), 0),
            "crosses": number(fmean(rows["crosses"].tolist()), 1),
            "machine": machine,
        }


def _latency_rows(raw: Frame) -> Iterator[dict[str, str]]:
    for (dataset, machine), own in groups(raw, "dataset", "machine"):
        ours = {key: fmean(rows["nanoseconds"].tolist()) / 1_000 for key, rows in groups(own, "model", "rows")}
        published = LATENCY_MS.get(dataset, {})
        for model in dict.fromkeys((*own["model"].tolist(), *published)):
            paper = published.get(model)
            yield {
                "data": dataset,
                "model": model,
                "microseconds of a row, paper": number(None if paper is None else 1_000 * paper, 2),
                "ours, one row at a time": number(ours.get((model, 1)), 2),
                f"ours, {BATCH:,} rows at a time": number(ours.get((model, BATCH)), 3),
                "machine": machine if any(model == key[0] for key in ours) else NOTHING,
            }


AUTOCROSS_TIME = Reproduction(
    name="autocross-time",
    about="how long a search of crosses takes (AutoCross)",
    settings=CrossReproduceSettings,
    options=frozenset({"dataset", "leave_out", "seeds"}),
    columns=(
        *(Column("dataset", str), Column("evaluate", str, known=frozenset(EVALUATIONS)), Column("seed", int)),
        *(Column("seconds"), Column("crosses", int), Column("machine", str)),
    ),
    measure=_measure_time,
    rows={"AutoCross: time of a search": _time_rows},
)
AUTOCROSS_LATENCY = Reproduction(
    name="autocross-latency",
    about="how long models take to score a row (AutoCross)",
    settings=CrossReproduceSettings,
    options=frozenset({"dataset", "model", "leave_out", "seeds"}),
    columns=(
        *(Column("dataset", str), Column("model", str), Column("seed", int), Column("rows", int)),
        *(Column("nanoseconds"), Column("machine", str)),
    ),
    measure=_measure_latency,
    rows={"AutoCross: time to score a row": _latency_rows},
)
