"""Figures 2, 4, 5, 6 (c) and 8 of SIF: searched interaction functions beside other models, searches and spaces.

The figures are pictures without numbers, so what is compared are orderings. Ours are with biases of users and items and
without, as published: a sum of two vectors is no interaction, but it is biases, and looks like one where the others
have none. Everything is chosen on validation; published code chose what random and Bayesian search found on test.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any, NamedTuple

from core.common.paired import won
from recommenders.tasks.rating.problem import KNOWN, NETWORKS
from studies.execution.task import Result
from studies.reproduction.raw import Column, Frame
from studies.reproduction.reproduction import Picture, Reproduction, groups, mean, number, spread
from studies.reproduction.slides.bench import Search, SearchBench
from studies.reproduction.slides.settings import SifReproduceSettings
from studies.study.history import thinned

#: Lengths of vectors in Figures 2 and 4; the others have 8 alone.
DIMENSIONS, USUAL = (2, 4, 8, 16), 8
#: What the figures call a search -> its line, and whether it is the one-shot one, which needs one training.
SIF, NO_AUTO, PRODUCT = "SIF", "SIF(no-auto)", "multiply"
SEARCHERS: Mapping[str, str] = {
    SIF: "nasp",
    "Random": "random",
    "RL": "rl",
    "Bayes": "optuna",
    "gp": "gp",
}
_ONE_SHOT = {SIF: "nasp", NO_AUTO: "nasp:part=train"}
#: Figure 8: a space -> who searches it.
SPACES: Mapping[str, tuple[str, ...]] = {
    "nets": (SIF, "Random"),
    "functions": (SIF, "Random"),
    "networks": ("Random",),
    "programs": ("Random",),
}
_MOST_POINTS = 40


class _Asked(NamedTuple):
    """A search, and the name of what it finds."""

    method: str
    search: Search


def _search(bench: SearchBench, method: str, dimensions: int, **given: Any) -> _Asked:
    line = {**SEARCHERS, **_ONE_SHOT}[method]
    trainings = 1 if method in _ONE_SHOT else bench.settings.trainings
    return _Asked(method, Search(line, trainings, dimensions, **given))


def _rows_of(bench: SearchBench, asked: Sequence[_Asked]) -> list[dict[str, Any]]:
    """A row for each thing that was found, and for each known one beside, once."""
    method_of, rows = {search: method for method, search in asked}, dict[tuple[Any, ...], dict[str, Any]]()
    for search, seed, found in bench.searched([one.search for one in asked]):
        result = found["result"]
        setting: dict[str, Any] = {
            "dataset": bench.dataset,
            "space": search.space,
            "biases": "yes" if search.biases else "no",
        }
        setting |= {"dimensions": search.dimensions, "seed": seed, "std": result["dataset"]["std"]}
        own = {method_of[search]: result["best"], **result["baselines"]}
        for method, entry in own.items():
            space = search.space if method == method_of[search] else ""
            row = setting | {"space": space, "method": method} | _metrics(entry)
            row |= {"epochs": _passes(found) if space else entry["per_seed"][0]["epochs"]}
            rows.setdefault((space, search.biases, search.dimensions, method, seed), row)
    return list(rows.values())


def _metrics(entry: Result | None) -> dict[str, Any]:
    """Metrics of something found or known; nothing where there is none."""
    if entry is None:
        return {"validation": None, "test": None, "found": ""}
    return {"validation": entry["validation"].get("rmse"), "test": entry["test"].get("rmse"), "found": entry["formula"]}


def _passes(found: Result) -> float:
    """Passes over the training rows that a search took; of a supernet, as many over the validation part beside."""
    return max((_cost(one) for one in found["steps"]), default=0.0)


def _cost(step: Mapping[str, Any]) -> float:
    return float(step["candidate_epochs"] + step["metrics"].get("supernet_epochs", 0.0))


def _dimensions(bench: SearchBench, usual: Sequence[int]) -> Sequence[int]:
    return bench.settings.dimensions or usual


def _figure2(bench: SearchBench) -> list[dict[str, Any]]:
    known = (*KNOWN, *NETWORKS)
    kinds = [(d, biases) for d in _dimensions(bench, DIMENSIONS) for biases in (True, False)]
    return _rows_of(
        bench,
        [
            _search(bench, method, d, biases=biases, beside=beside)
            for d, biases in kinds
            for method, beside in ((SIF, known), (NO_AUTO, (PRODUCT,)))
        ],
    )


def _figure4(bench: SearchBench) -> list[dict[str, Any]]:
    return _rows_of(bench, [_search(bench, one, d) for d in _dimensions(bench, DIMENSIONS) for one in SEARCHERS])


def _figure8(bench: SearchBench) -> list[dict[str, Any]]:
    sizes = _dimensions(bench, (USUAL,))
    return _rows_of(
        bench,
        [_search(bench, who, d, space=space) for d in sizes for space, several in SPACES.items() for who in several],
    )


def _figure5(bench: SearchBench) -> list[dict[str, Any]]:
    asked = [_search(bench, one, d) for d in _dimensions(bench, (USUAL,)) for one in SEARCHERS]
    method_of = {search: method for method, search in asked}
    shared = {"dataset": bench.dataset}
    return [
        shared | {"method": method_of[search], "dimensions": search.dimensions, "seed": seed, **point}
        for search, seed, found in bench.searched([one.search for one in asked])
        for point in thinned(
            [{"epochs": _cost(one), "seconds": one["seconds"], "validation": one["best"]} for one in found["steps"]],
            _MOST_POINTS,
        )
    ]


def _table(raw: Frame) -> Iterator[dict[str, str]]:
    for (biases, d), rows in groups(raw, "biases", "dimensions"):
        product = _by_seed(rows[rows["method"] == PRODUCT])
        for (space, method), own in groups(rows, "space", "method"):
            std = float(own["std"].mean())
            gains = _gains(_by_seed(own), product)
            yield {
                "biases": biases,
                "d": str(d),
                "method": method,
                "space": space,
                "test RMSE": spread(own["test"].tolist()),
                "in standard deviations": number(mean(own["test"].tolist()) / std),
                "validation RMSE": spread(own["validation"].tolist()),
                "below the product": number(mean(gains), sign="+") if method != PRODUCT else "",
                "passes": number(mean(own["epochs"].tolist()), 0),
            }


def _by_seed(rows: Frame) -> dict[int, float]:
    return dict(zip(rows["seed"].tolist(), rows["test"].tolist(), strict=True))


def _gains(own: Mapping[int, float], other: Mapping[int, float]) -> list[float]:
    """By how much the test metric is below that of something else, by seed, where both are finite."""
    both = [other[seed] - own[seed] for seed in own if seed in other]
    return [gain for gain in both if math.isfinite(gain)]


def _orders(raw: Frame) -> Iterator[str]:
    """For each length who is best, and how far from the product."""
    for (biases, d), rows in groups(raw, "biases", "dimensions"):
        means = {(space, name): mean(own["test"].tolist()) for (space, name), own in groups(rows, "space", "method")}
        ranked = sorted((value, name, space) for (space, name), value in means.items() if math.isfinite(value))
        texts = [f"{name}{f' in {space}' if space else ''} {value:.4f}" for value, name, space in ranked]
        yield f"{'With' if biases == 'yes' else 'Without'} biases, {d} numbers, by test RMSE: {', '.join(texts)}."
        yield from _beside(rows, SIF, PRODUCT)


def _beside(rows: Frame, name: str, other: str) -> Iterator[str]:
    named = {method: _by_seed(own) for (space, method), own in groups(rows, "space", "method") if space != "functions"}
    if name not in named or other not in named:
        return
    gains = _gains(named[name], named[other])
    if gains:
        yield f"{name} beside {other}: {fmean(gains):+.4f} test RMSE below it, {won(gains)}."


def _passes_table(raw: Frame) -> Iterator[dict[str, str]]:
    for (d, method), rows in groups(raw, "dimensions", "method"):
        ends = [run.iloc[-1] for _, run in groups(rows, "seed")]
        yield {
            "d": str(d),
            "search": method,
            "passes": number(mean([float(one["epochs"]) for one in ends]), 0),
            "seconds": number(mean([float(one["seconds"]) for one in ends]), 0),
            "best validation RMSE": spread([float(one["validation"]) for one in ends]),
        }


def _draw(raw: Frame) -> Picture:
    from studies.reproduction.pictures import panels  # matplotlib takes a second to load

    curves = {
        f"{d} numbers": {
            method: [(run["epochs"].tolist(), run["validation"].tolist()) for _, run in groups(rows, "seed")]
            for (method,), rows in groups(of_size, "method")
        }
        for (d,), of_size in groups(raw, "dimensions")
    }
    return panels(curves, "passes over the training rows", "best validation RMSE")


_OPTIONS = frozenset({"dataset", "dimensions", "max_epochs", "seeds"})
#: Of rows that say where something was measured.
_WHERE = (Column("dataset", str), Column("method", str), Column("dimensions", int), Column("seed", int))

FIGURE2 = Reproduction(
    name="sif-figure2",
    about="searched interaction functions beside models designed by hand and single operations (SIF, Figures 2 and 6c)",
    settings=SifReproduceSettings,
    options=_OPTIONS,
    columns=(
        *(*_WHERE, Column("space", str, optional=True), Column("biases", str, known=frozenset({"yes", "no"}))),
        *(Column("std"), Column("epochs"), Column("validation", optional=True), Column("test", optional=True)),
        Column("found", str, optional=True),
    ),
    measure=_figure2,
    rows={"SIF, Figures 2 and 6 (c): RMSE by the length of vectors; published as pictures": _table},
    sentences=_orders,
)
FIGURE4 = replace(
    FIGURE2,
    name="sif-figure4",
    about="SIF beside other searches of the same space (SIF, Figure 4)",
    options=_OPTIONS | {"trainings"},
    measure=_figure4,
    rows={"SIF, Figure 4: RMSE of what searches find; published as pictures": _table},
)
FIGURE5 = Reproduction(
    name="sif-figure5",
    about="how fast searches find what they find (SIF, Figure 5); from the searches of sif-figure4",
    settings=SifReproduceSettings,
    options=FIGURE4.options,
    columns=(*_WHERE, Column("epochs"), Column("seconds"), Column("validation", optional=True)),
    measure=_figure5,
    rows={
        "SIF, Figure 5: what each search took in all, and the best that it found; published as pictures": _passes_table
    },
    draw=_draw,
)
FIGURE8 = replace(
    FIGURE4,
    name="sif-figure8",
    about="spaces of interaction functions beside each other (SIF, Figure 8)",
    measure=_figure8,
    rows={"SIF, Figure 8: RMSE of what is found in each space; published as pictures": _table},
)
