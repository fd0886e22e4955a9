"""Table 4: MF with seven losses.

Four of them have neither a temperature nor a margin that suits cosines: BPR, hinge and the softmax cross entropy are
taken as RecBox has them, and the squared error sums over negatives.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from studies.reproduction.mml.bench import RankingBench
from studies.reproduction.mml.paper import DATASETS, NEGATIVES, TABLE_4
from studies.reproduction.mml.performance import COLUMNS, METRICS, Case, Comparison, mean, measure, reservations
from studies.reproduction.mml.settings import SHARED, RankingReproduceSettings
from studies.reproduction.raw import Frame
from studies.reproduction.reproduction import Reproduction, named

_PUBLISHED = {
    Case("mf", dataset, loss, NEGATIVES): performance[dataset]
    for dataset in DATASETS
    for loss, performance in TABLE_4.items()
}
_TABLE = Comparison(_PUBLISHED)


def _measure(bench: RankingBench) -> list[dict[str, Any]]:
    return measure(bench, tuple(TABLE_4), ("mf",), (NEGATIVES,))


def _rows(raw: Frame) -> Iterator[dict[str, str]]:
    for case, rows in _TABLE.cases(raw).items():
        cells = {"loss": case.loss, "negatives": str(case.negatives), **_TABLE.cells(case, rows)}
        yield named(case.model, case.dataset) | cells


def _sentences(raw: Frame) -> Iterator[str]:
    yield from _TABLE.closeness(raw)
    cases = {case: rows for case, rows in _TABLE.cases(raw).items() if len(rows)}
    for dataset in dict.fromkeys(case.dataset for case in cases):
        both = [case for case in cases if case.dataset == dataset and case in _PUBLISHED]
        for name, column in METRICS.items():
            ours = sorted(both, key=lambda case: -mean(cases[case][column].tolist()))
            paper = sorted(both, key=lambda case: -getattr(_PUBLISHED[case], column))
            orders = [", ".join(case.loss for case in order) for order in (ours, paper)]
            if len(both) > 1:
                same = "as in the paper" if orders[0] == orders[1] else f"in the paper {orders[1]}"
                yield f"{named('mf', dataset)['data']}, from the highest {name} down: {orders[0]}; {same}."
    yield from reservations(raw)


TABLE4 = Reproduction(
    name="mml-table4",
    about="MF with BPR, hinge, softmax cross entropy, squared error, CCL, BSL and MML",
    settings=RankingReproduceSettings,
    options=SHARED | {"seeds", "max_epochs"},
    columns=COLUMNS,
    measure=_measure,
    rows={"Table 4: MF with different losses, the best of all epochs": _rows},
    sentences=_sentences,
    published=tuple(dict.fromkeys(case[:2] for case in _PUBLISHED)),
)
