"""Table 2: CCL and MML with SimpleX and MF, stopped early and not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from studies.reproduction.mml.paper import DATASETS, NEGATIVES, TABLE_2
from studies.reproduction.mml.performance import METRICS, Case, Comparison, gain, percent, published_gain
from studies.reproduction.mml.settings import MODELS
from studies.reproduction.raw import Frame

_READINGS = {True: "early", False: "best"}
_PUBLISHED = {
    Case(model, dataset, loss, NEGATIVES, reading=_READINGS[early]): performance[dataset]
    for dataset in DATASETS
    for (model, loss, early), performance in TABLE_2.items()
}
_TABLE = Comparison(
    ("CCL", "MML"),
    MODELS,
    (NEGATIVES,),
    _PUBLISHED,
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


def _sentences(cases: dict[Case, Frame]) -> Iterator[str]:
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
        published = published_gain(_PUBLISHED.get(case), _PUBLISHED.get(base), column)
        paper = f" (paper {percent(published)})" if math.isfinite(published) else ""
        texts.append(f"{percent(gain(rows, of_base, column))} in {name}{paper}")
    return " and ".join(texts)


TABLE2 = _TABLE.reproduction(
    "mml-table2",
    "CCL and MML with SimpleX and MF, stopped early and not",
    "Table 2: MML and CCL with SimpleX and MF, with early stopping and without",
    _sentences,
    options=("recommenders", "falling_rate"),
)
