"""Table 2, Table 4 and Figure 3: CCL and MML with SimpleX and MF, MF with seven losses, and with more negatives.

Four of the seven have neither a temperature nor a margin that suits cosines: BPR, hinge and the softmax cross entropy
are taken as RecBox has them, and the squared error sums over negatives.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise

from studies.reproduction.mml.paper import (
    DATASETS,
    FIGURE_3_GAINS,
    FIGURE_3_LOSSES,
    FIGURE_3_NEGATIVES,
    NEGATIVES,
    TABLE_2,
    TABLE_4,
)
from studies.reproduction.mml.performance import METRICS, Case, Comparison, gain, percent, published_gain
from studies.reproduction.mml.settings import MODELS
from studies.reproduction.raw import Frame
from studies.reproduction.reproduction import Picture, groups, mean, named

_READINGS = {True: "early", False: "best"}
_PUBLISHED_2 = {
    Case(model, dataset, loss, NEGATIVES, reading=_READINGS[early]): performance[dataset]
    for dataset in DATASETS
    for (model, loss, early), performance in TABLE_2.items()
}
_TABLE_2 = Comparison(
    ("CCL", "MML"),
    MODELS,
    (NEGATIVES,),
    _PUBLISHED_2,
    frozenset({("constant", "early"), ("constant", "best"), ("falling", "early")}),
    heads=("loss", "negatives", "early stop"),
)

#: What is compared with what: the part of a row that is another one there, and what a sentence calls that.
_COMPARED: tuple[tuple[Mapping[str, str], str], ...] = (
    ({"loss": "CCL"}, "CCL"),
    ({"reading": "early"}, "the same stopped early"),
    ({"schedule": "constant"}, "the same at a constant rate"),
)
_WAYS = tuple(dict.fromkeys((loss, early) for _, loss, early in TABLE_2))


def _beside(cases: dict[Case, Frame]) -> Iterator[str]:
    for others, what in _COMPARED:
        for case, rows in cases.items():
            base = Case(**{**case._asdict(), **others})
            if case != base and base in cases:
                yield f"{case.shown} beside {what}: {_gains(case, rows, base, cases[base])}."
    if any(case.model == "simplex" and case.dataset.startswith("yelp18") for case in cases):
        pairs = [[TABLE_2[model, *way]["yelp18"].recall for model in MODELS] for way in _WAYS]
        apart = max(abs(mf - simplex) for mf, simplex in pairs)
        yield (
            "SimpleX on Yelp18 is MF here: it is published with gamma 1, so a user's items have no part in it, and "
            f"with equal negatives it is the same. In the paper the two are up to {apart:.4f} apart in Recall@20."
        )


def _gains(case: Case, rows: Frame, base: Case, of_base: Frame) -> str:
    """By how much one is above the other, ours and the paper's, for every metric."""
    texts = []
    for name, column in METRICS.items():
        published = published_gain(_PUBLISHED_2.get(case), _PUBLISHED_2.get(base), column)
        paper = f" (paper {percent(published)})" if math.isfinite(published) else ""
        texts.append(f"{percent(gain(rows, of_base, column))} in {name}{paper}")
    return " and ".join(texts)


TABLE2 = _TABLE_2.reproduction(
    "mml-table2",
    "CCL and MML with SimpleX and MF, stopped early and not",
    "Table 2: MML and CCL with SimpleX and MF, with early stopping and without",
    _beside,
    options=("recommenders", "falling_rate"),
)


_PUBLISHED_4 = {
    Case("mf", dataset, loss, NEGATIVES): performance[dataset]
    for dataset in DATASETS
    for loss, performance in TABLE_4.items()
}
_TABLE_4 = Comparison(tuple(TABLE_4), ("mf",), (NEGATIVES,), _PUBLISHED_4)


def _orders(cases: dict[Case, Frame]) -> Iterator[str]:
    for dataset in dict.fromkeys(case.dataset for case in cases):
        both = [case for case in cases if case.dataset == dataset and case in _PUBLISHED_4]
        for name, column in METRICS.items():
            ours = sorted(both, key=lambda case: -mean(cases[case][column].tolist()))
            paper = sorted(both, key=lambda case: -getattr(_PUBLISHED_4[case], column))
            orders = [", ".join(case.loss for case in order) for order in (ours, paper)]
            if len(both) > 1:
                same = "as in the paper" if orders[0] == orders[1] else f"in the paper {orders[1]}"
                yield f"{named('mf', dataset)['data']}, from the highest {name} down: {orders[0]}; {same}."


TABLE4 = _TABLE_4.reproduction(
    "mml-table4",
    "MF with BPR, hinge, softmax cross entropy, squared error, CCL, BSL and MML",
    "Table 4: MF with different losses, the best of all epochs",
    _orders,
)


_PUBLISHED_3 = {
    Case("mf", dataset, loss, negatives): TABLE_4[loss][dataset] if negatives == NEGATIVES else None
    for dataset in DATASETS
    for negatives in FIGURE_3_NEGATIVES
    for loss in FIGURE_3_LOSSES
}
_FIGURE_3 = Comparison(
    FIGURE_3_LOSSES,
    ("mf",),
    FIGURE_3_NEGATIVES,
    _PUBLISHED_3,
    order=("dataset", "model", "negatives", "loss"),
    heads=("negatives", "loss"),
)
_BASE = "CCL"


def _gain_rows(raw: Frame) -> Iterator[dict[str, str]]:
    """By how much every loss is above CCL."""
    cases = _FIGURE_3.cases(raw)
    for case, rows in cases.items():
        base = case._replace(loss=_BASE)
        if case.loss != _BASE and base in cases:
            row = named(case.model, case.dataset) | {"negatives": str(case.negatives), "loss": case.loss}
            for name, column in METRICS.items():
                ours, paper = gain(rows, cases[base], column), _published_gain(case, base, column)
                row |= {f"{name}, paper": percent(paper), f"{name}, ours": percent(ours)}
                row |= {f"{name}, difference": percent(ours - paper)}
            yield row


def _published_gain(case: Case, base: Case, column: str) -> float:
    """What the text says of 10 negatives, and what Table 4 comes to for 100."""
    if case.loss == "MML" and case.negatives == min(FIGURE_3_NEGATIVES) and case.dataset in FIGURE_3_GAINS:
        return float(getattr(FIGURE_3_GAINS[case.dataset], column))
    return published_gain(_PUBLISHED_3.get(case), _PUBLISHED_3.get(base), column)


def _rises(cases: dict[Case, Frame]) -> Iterator[str]:
    for (dataset, loss), counts in _counts(cases).items():
        values = [mean(cases[Case("mf", dataset, loss, n)]["recall"].tolist()) for n in counts]
        if len(counts) > 1 and all(map(math.isfinite, values)):
            rises = "rises" if all(one < other for one, other in pairwise(values)) else "does not always rise"
            texts = [f"{value:.4f} with {n}" for value, n in zip(values, counts, strict=True)]
            yield f"{named('mf', dataset)['data']}: Recall@20 of {loss} {rises} with negatives: {', '.join(texts)}."


def _counts(cases: dict[Case, Frame]) -> dict[tuple[str, str], list[int]]:
    """Data set and loss -> its numbers of negatives, the smallest first."""
    counts: dict[tuple[str, str], list[int]] = {}
    for case in sorted(cases, key=lambda one: one.negatives):
        if case.model == "mf" and case.schedule == "constant":
            counts.setdefault((case.dataset, case.loss), []).append(case.negatives)
    return counts


def _draw(rows: Frame) -> Picture:
    from studies.reproduction.pictures import panels  # matplotlib takes a second to load

    best = rows[(rows["reading"] == "best") & (rows["schedule"] == "constant")].sort_values("negatives", kind="stable")
    curves = {
        name: {
            loss: [(run["negatives"].tolist(), run[column].tolist()) for _, run in groups(of_loss, "seed")]
            for (loss,), of_loss in groups(best, "loss")
        }
        for name, column in METRICS.items()
    }
    return panels(curves, "negatives", "on the test part", marked=sorted(set(best["negatives"])))


FIGURE3 = _FIGURE_3.reproduction(
    "mml-figure3",
    "MF with CCL, BSL and MML over the number of negatives",
    "Figure 3: MF with different numbers of negatives, the best of all epochs; the paper by its Table 4",
    _rises,
    more={"By how much the losses are above CCL; the paper by its text and its Table 4": _gain_rows},
    draw=_draw,
)
