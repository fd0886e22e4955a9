"""Figure 3: MF with CCL, BSL and MML over the number of negatives."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

from studies.reproduction.mml.paper import (
    DATASETS,
    FIGURE_3_GAINS,
    FIGURE_3_LOSSES,
    FIGURE_3_NEGATIVES,
    NEGATIVES,
    TABLE_4,
)
from studies.reproduction.mml.performance import METRICS, Case, Comparison, gain, percent, published_gain
from studies.reproduction.raw import Frame
from studies.reproduction.reproduction import Picture, groups, mean, named

_PUBLISHED = {
    Case("mf", dataset, loss, negatives): TABLE_4[loss][dataset] if negatives == NEGATIVES else None
    for dataset in DATASETS
    for negatives in FIGURE_3_NEGATIVES
    for loss in FIGURE_3_LOSSES
}
_TABLE = Comparison(
    FIGURE_3_LOSSES,
    ("mf",),
    FIGURE_3_NEGATIVES,
    _PUBLISHED,
    order=("dataset", "model", "negatives", "loss"),
    heads=("negatives", "loss"),
)
_BASE = "CCL"


def _gain_rows(raw: Frame) -> Iterator[dict[str, str]]:
    """By how much every loss is above CCL."""
    cases = _TABLE.cases(raw)
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
    return published_gain(_PUBLISHED.get(case), _PUBLISHED.get(base), column)


def _sentences(cases: dict[Case, Frame]) -> Iterator[str]:
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


FIGURE3 = _TABLE.reproduction(
    "mml-figure3",
    "MF with CCL, BSL and MML over the number of negatives",
    "Figure 3: MF with different numbers of negatives, the best of all epochs; the paper by its Table 4",
    _sentences,
    more={"By how much the losses are above CCL; the paper by its text and its Table 4": _gain_rows},
    draw=_draw,
)
