"""Table 4: MF with seven losses.

Four of them have neither a temperature nor a margin that suits cosines: BPR, hinge and the softmax cross entropy are
taken as RecBox has them, and the squared error sums over negatives.
"""

from __future__ import annotations

from collections.abc import Iterator

from studies.reproduction.mml.paper import DATASETS, NEGATIVES, TABLE_4
from studies.reproduction.mml.performance import METRICS, Case, Comparison
from studies.reproduction.raw import Frame
from studies.reproduction.reproduction import mean, named

_PUBLISHED = {
    Case("mf", dataset, loss, NEGATIVES): performance[dataset]
    for dataset in DATASETS
    for loss, performance in TABLE_4.items()
}
_TABLE = Comparison(tuple(TABLE_4), ("mf",), (NEGATIVES,), _PUBLISHED)


def _orders(cases: dict[Case, Frame]) -> Iterator[str]:
    for dataset in dict.fromkeys(case.dataset for case in cases):
        both = [case for case in cases if case.dataset == dataset and case in _PUBLISHED]
        for name, column in METRICS.items():
            ours = sorted(both, key=lambda case: -mean(cases[case][column].tolist()))
            paper = sorted(both, key=lambda case: -getattr(_PUBLISHED[case], column))
            orders = [", ".join(case.loss for case in order) for order in (ours, paper)]
            if len(both) > 1:
                same = "as in the paper" if orders[0] == orders[1] else f"in the paper {orders[1]}"
                yield f"{named('mf', dataset)['data']}, from the highest {name} down: {orders[0]}; {same}."


TABLE4 = _TABLE.reproduction(
    "mml-table4",
    "MF with BPR, hinge, softmax cross entropy, squared error, CCL, BSL and MML",
    "Table 4: MF with different losses, the best of all epochs",
    _orders,
)
