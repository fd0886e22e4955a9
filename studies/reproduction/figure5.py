"""Figure 5 and section 5.6: how the recommender learns during the search, with the reward filter and without.

Algorithm 1 to the letter: one candidate a step, the validation check after the search. Without the filter every loss
that passes the proxy test trains the recommender; that is an eta as large as the metric goes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from statistics import fmean
from typing import Any

from core.common.errors import counted
from studies.execution.searches import Point
from studies.execution.task import Task, TaskFactory
from studies.reproduction.bench import Bench
from studies.reproduction.raw import PAIR, Column, Frame
from studies.reproduction.reproduction import NOTHING, Picture, Reproduction, difference, groups, named, number, spread
from studies.study.history import thinned

#: Filter -> the settings that make it. AUC cannot fall by more than 1.
FILTERS: Mapping[str, Mapping[str, float]] = {"with": {}, "without": {"eta": 1.0}}
#: Without the filter, AUC "will stay around 0.5" (section 5.6); of the run with it the paper has a picture alone.
PAPER_AUC: Mapping[str, float | None] = {"with": None, "without": 0.5}
#: An AUC as near as this to .5 is around it.
_AROUND = 0.05
_MOST_POINTS = 40


def _measure(bench: Bench) -> list[dict[str, Any]]:
    settings = bench.settings

    def plan(dataset: str, factory: TaskFactory) -> Iterator[tuple[dict[str, Any], Task]]:
        shared: dict[str, Any] = {"dataset": dataset, "check": "after", "candidates_per_step": 1}
        for model, (name, given), seed in product(settings.models, FILTERS.items(), range(settings.seeds)):
            study = settings.study(recommender=model, seed=seed, **shared, **given)
            search = {"model": study.training.recommender, "dataset": dataset, "filter": name, "seed": seed}
            yield search, factory.learning(study, f"{study.training.recommender} {name} the reward filter seed {seed}")

    found = bench.computed("Phase I on {dataset}, with the reward filter and without", plan)
    return [search | point for search, part in found for point in _kept(part["points"])]


def _kept(points: Sequence[Point]) -> list[Point]:
    """Points of a curve, with the best one among them."""
    validation = [-1.0 if point["validation"] is None else point["validation"] for point in points]
    return thinned(points, _MOST_POINTS, keep=[validation.index(max(validation))])


def _runs(rows: Frame) -> list[Frame]:
    return [run for _, run in groups(rows, "seed")]


def _last(rows: Frame, column: str) -> list[float]:
    """What each run ends with."""
    return [float(run[column].iloc[-1]) for run in _runs(rows)]


def _rows(raw: Frame) -> Iterator[dict[str, str]]:
    for (model, dataset, name), of_filter in groups(raw, "model", "dataset", "filter"):
        paper, final = PAPER_AUC[name], _last(of_filter, "validation")
        yield named(model, dataset) | {
            "reward filter": name,
            "seeds": str(len(final)),
            "paper, at the end": NOTHING if paper is None else f"around {paper:g}",
            "validation, at the end": spread(final),
            "difference": difference(fmean(final), paper),
            "validation, best": spread([float(run["validation"].max()) for run in _runs(of_filter)]),
            "training, at the end": spread(_last(of_filter, "train")),
            "restarts a search": number(fmean(_last(of_filter, "restarts")), 1),
        }


def _draw(rows: Frame) -> Picture:
    from studies.reproduction.pictures import panels  # matplotlib takes a second to load

    curves = {
        f"{name} the reward filter": {
            part: [(run["trained"].tolist(), run[column].tolist()) for run in _runs(of_filter)]
            for part, column in (("training", "train"), ("validation", "validation"))
        }
        for (name,), of_filter in groups(rows, "filter")
    }
    return panels(curves, "losses trained", "AUC")


def _sentences(raw: Frame) -> Iterator[str]:
    for pair, rows in groups(raw, "model", "dataset"):
        ends = {name: _last(of_filter, "validation") for (name,), of_filter in groups(rows, "filter")}
        where = ", ".join(named(*pair).values())
        if "without" in ends:
            around = sum(abs(end - 0.5) <= _AROUND for end in ends["without"])
            yield (
                f"{where}: without the filter {around} of {len(ends['without'])} searches end around an AUC of .5, "
                f"within {_AROUND}, as the paper says; the highest ends at {number(max(ends['without']))}."
            )
        if len(ends) == len(FILTERS):
            seeds = counted(len(ends["with"]), "seed")
            better = sum(one > other for one, other in zip(ends["with"], ends["without"], strict=False))
            yield (
                f"{where}: with the filter the recommender ends higher in {better} of {seeds}, "
                f"by {difference(fmean(ends['with']), fmean(ends['without']))} on average."
            )


FIGURE5 = Reproduction(
    name="figure5",
    about="AUC on training and validation during the search, with the reward filter and without (section 5.6)",
    options=frozenset({"dataset", "recommenders", "seeds", "searcher", "trainings", "preset", "device"}),
    columns=(
        *PAIR,
        Column("filter", str, known=frozenset(FILTERS)),
        Column("seed", int),
        Column("trained", int),
        Column("train", optional=True),
        Column("validation", optional=True),
        Column("restarts", int),
    ),
    measure=_measure,
    rows={"Figure 5: AUC of the recommender that the search trains": _rows},
    sentences=_sentences,
    published=(("mf", "ml-100k"),),
    draw=_draw,
)
