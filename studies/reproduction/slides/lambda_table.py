"""The table of lambda-opt: fixed decays beside learned ones, and what validation data are worth by themselves.

The published figures are of other data sets (Amazon Fine Food and MovieLens-10M), so what is compared are gains over
one tuned decay, in percent. Ours has two treatments more. Learned decays have seen the validation part; whoever may use
it may as well train on it: `-refit` does, once everything is chosen.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from statistics import fmean
from typing import Any, NamedTuple

from core.common.errors import counted
from core.common.paired import won
from studies.reproduction.raw import Column, Frame
from studies.reproduction.reproduction import NOTHING, Reproduction, groups, number, spread
from studies.reproduction.slides.bench import ProblemBench
from studies.reproduction.slides.settings import SlidesReproduceSettings

#: What the paper calls a metric -> ours, and its column.
METRICS: Mapping[str, tuple[str, str]] = {
    "AUC": ("auc", "auc"),
    "HR@50": ("recall-alone@50", "hr50"),
    "HR@100": ("recall-alone@100", "hr100"),
    "NDCG@50": ("gain-alone@50", "ndcg50"),
    "NDCG@100": ("gain-alone@100", "ndcg100"),
}
_BASE, _REFIT = "fixed", "fixed-refit"
TREATMENTS = (_BASE, "frequency", "D", "DU", "DI", "DUI", "DUI-coded", _REFIT, "DUI-refit")


class Published(NamedTuple):
    """A row of the published table, by the order of METRICS."""

    food: tuple[float, ...]
    """Amazon Fine Food."""
    movies: tuple[float, ...]
    """MovieLens-10M."""


#: Slides of the authors (KDD 2019), "Result #1".
PUBLISHED: Mapping[str, Published] = {
    "fixed": Published((0.8052, 0.3482, 0.4163, 0.2251, 0.2217), (0.9497, 0.2487, 0.3779, 0.0727, 0.0943)),
    "D": Published((0.8109, 0.2134, 0.3910, 0.1292, 0.1543), (0.9501, 0.2365, 0.3556, 0.0715, 0.0909)),
    "DU": Published((0.8200, 0.3694, 0.4814, 0.2049, 0.2570), (0.9554, 0.2743, 0.4109, 0.0809, 0.1031)),
    "DI": Published((0.8501, 0.2966, 0.4476, 0.1642, 0.2039), (0.9516, 0.2648, 0.3952, 0.0804, 0.1013)),
    "DUI": Published((0.8743, 0.4470, 0.5251, 0.2946, 0.2920), (0.9575, 0.3027, 0.4367, 0.0942, 0.1158)),
}


def _measure(bench: ProblemBench) -> list[dict[str, Any]]:
    names = (_BASE, *bench.settings.treatment) if bench.settings.treatment else TREATMENTS
    return [
        {"dataset": bench.dataset, "treatment": name, "seed": seed, "best_epoch": found["best_epoch"]}
        | {column: found["test"].get(metric) for metric, column in METRICS.values()}
        | {"validation": found["validation"].get("gain-alone@50")}
        for name, seed, found in bench.trained(names)
    ]


def _columns(raw: Frame) -> dict[str, dict[str, list[float]]]:
    """Treatment -> column -> values of the seeds, in order."""
    return {
        name: {one: rows[one].tolist() for _, one in METRICS.values()} for (name,), rows in groups(raw, "treatment")
    }


def _rows(raw: Frame) -> Iterator[dict[str, str]]:
    for (dataset, name), rows in groups(raw, "dataset", "treatment"):
        cells = {shown: spread(rows[column].tolist()) for shown, (_, column) in METRICS.items()}
        cells |= {"validation NDCG@50": spread(rows["validation"].tolist())}
        yield {"data": dataset, "decays": name, "best epoch": number(fmean(rows["best_epoch"]), 0), **cells}


def _gain_rows(raw: Frame) -> Iterator[dict[str, str]]:
    values = _columns(raw)
    for name in dict.fromkeys((*(one for one in TREATMENTS if one in values or one in PUBLISHED), *values)):
        if name == _BASE:
            continue
        row = {"decays": name}
        for k, (shown, (_, column)) in enumerate(METRICS.items()):
            row[f"{shown}: Food, paper"] = _published(name, "food", k)
            row[f"{shown}: ML-10M, paper"] = _published(name, "movies", k)
            row[f"{shown}: ours"] = _percent(_ratio(values, name, column))
        yield row


def _published(name: str, data: str, k: int) -> str:
    if name not in PUBLISHED:
        return NOTHING
    own, base = (getattr(PUBLISHED[one], data)[k] for one in (name, _BASE))
    return _percent(own / base - 1)


def _percent(ratio: float | None) -> str:
    return NOTHING if ratio is None else f"{100 * ratio:+.1f}%"


def _ratio(values: Mapping[str, Mapping[str, list[float]]], name: str, column: str) -> float | None:
    """By how much a treatment is above fixed decays; None where one of them is missing or broke down."""
    if name not in values or _BASE not in values:
        return None
    own, base = (fmean(values[one][column]) for one in (name, _BASE))
    return own / base - 1 if math.isfinite(own) and math.isfinite(base) and base else None


def _sentences(raw: Frame) -> Iterator[str]:
    values = _columns(raw)
    for name in ("DUI", "frequency"):
        yield from _beside(values, name, _BASE, "test NDCG@50")
    yield from _beside(values, "DUI", _REFIT, "test NDCG@50, which trains on the validation part instead")
    yield from _beside(values, "DUI-refit", _REFIT, "test NDCG@50, both trained on the validation part, too")
    n = counted(len(set(raw["seed"])), "seed")
    yield (
        f"{n}; settings and epochs chosen on validation. Learned decays see half of it and are chosen by the other "
        "half. The published ones are of other data sets and were chosen on the test part."
    )


def _beside(values: Mapping[str, Mapping[str, list[float]]], name: str, other: str, what: str) -> Iterator[str]:
    if name not in values or other not in values:
        return
    own, base = (values[one]["ndcg50"] for one in (name, other))
    gains = [a - b for a, b in zip(own, base, strict=False)]
    if not all(map(math.isfinite, gains)):
        return
    yield f"{name} beside {other}: {fmean(gains):+.4f} {what}, {won(gains)}."


LAMBDA_TABLE = Reproduction(
    name="lambda-table",
    about="decays that are learned from validation data beside fixed ones (lambda-opt)",
    settings=SlidesReproduceSettings,
    options=frozenset({"dataset", "treatment", "dimensions", "max_epochs", "seeds"}),
    columns=(
        Column("dataset", str),
        Column("treatment", str),
        Column("seed", int),
        Column("best_epoch", int),
        *(Column(column, optional=True) for _, column in METRICS.values()),
        Column("validation", optional=True),
    ),
    measure=_measure,
    rows={
        "lambda-opt: metrics on the test part": _rows,
        "Gains over one tuned decay; the paper's are of other data sets": _gain_rows,
    },
    sentences=_sentences,
)
