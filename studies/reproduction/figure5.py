"""Figure 5 and section 5.6: how the recommender learns during the search, with the reward filter and without.

Algorithm 1 to the letter: one candidate a step, the validation check after the search. Without the filter every loss
that passes the proxy test trains the recommender; that is an eta as large as the metric goes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from statistics import fmean
from typing import Any

from studies.execution.searches import Point, thinned
from studies.execution.task import Task
from studies.reproduction.bench import Bench
from studies.reproduction.beside import by_pair, computed, data_name, groups, model_name, not_measured
from studies.reproduction.raw import Column, Frame
from studies.reproduction.reproduction import Pictures, Reproduction
from studies.reproduction.table import NOTHING, Table, difference, number, spread

#: Filter -> the eta that makes it; None: the usual one. AUC cannot fall by more than 1.
FILTERS: Mapping[str, float | None] = {"with": None, "without": 1.0}
#: Without the filter, AUC "will stay around 0.5" (section 5.6); of the run with it the paper has a picture alone.
PAPER_AUC: Mapping[str, float | None] = {"with": None, "without": 0.5}
#: An AUC as near as this to .5 is around it.
_AROUND = 0.05
_MOST_POINTS = 40
_COLUMNS = (
    *("model", "data", "reward filter", "seeds", "paper, at the end", "validation, at the end", "difference"),
    *("validation, best", "training, at the end", "restarts a search"),
)


def _measure(bench: Bench) -> list[dict[str, Any]]:
    def plan(dataset: str) -> Iterator[tuple[dict[str, Any], Task]]:
        for model, (name, eta), seed in product(bench.settings.models, FILTERS.items(), range(bench.settings.seeds)):
            given = {} if eta is None else {"eta": eta}
            study = bench.study(dataset, recommender=model, seed=seed, check="after", candidates_per_step=1, **given)
            part = bench.factory(dataset).learning(study, f"{study.recommender} {name} the reward filter seed {seed}")
            yield {"model": study.recommender, "dataset": dataset, "filter": name, "seed": seed}, part

    found = computed(bench, "Phase I on {dataset}, with the reward filter and without", plan)
    return [search | point for search, part in found for point in _kept(part["points"])]


def _kept(points: Sequence[Point]) -> list[Point]:
    """Points of a curve, with the best one among them."""
    validation = [-1.0 if point["validation"] is None else point["validation"] for point in points]
    return thinned(points, _MOST_POINTS, keep=[validation.index(max(validation))])


def _runs(rows: Frame) -> list[Frame]:
    return [run for _, run in groups(rows, "seed")]


def _last(runs: Sequence[Frame], column: str) -> list[float]:
    """What each run ends with."""
    return [float(run[column].iloc[-1]) for run in runs]


def _tables(raw: Frame) -> list[Table]:
    rows = []
    for (model, dataset, name), of_filter in groups(raw, "model", "dataset", "filter"):
        runs, paper = _runs(of_filter), PAPER_AUC[name]
        final = _last(runs, "validation")
        rows.append(
            (
                model_name(model),
                data_name(dataset),
                name,
                str(len(runs)),
                NOTHING if paper is None else f"around {paper:g}",
                spread(final),
                difference(fmean(final), paper),
                spread([float(run["validation"].max()) for run in runs]),
                spread(_last(runs, "train")),
                number(fmean(_last(runs, "restarts")), 1),
            )
        )
    return [Table("Figure 5: AUC of the recommender that the search trains", _COLUMNS, tuple(rows))]


def _pictures(raw: Frame) -> Pictures:
    """One for each model and data set."""
    from studies.reproduction.pictures import panels  # matplotlib takes a second to load

    def curves(rows: Frame) -> dict[str, Any]:
        return {
            f"{name} the reward filter": {
                part: [(run["trained"].tolist(), run[column].tolist()) for run in _runs(of_filter)]
                for part, column in (("training", "train"), ("validation", "validation"))
            }
            for (name,), of_filter in groups(rows, "filter")
        }

    return by_pair(raw, "figure5", lambda rows: panels(curves(rows), "losses trained", "AUC"))


def _notes(raw: Frame) -> list[str]:
    sentences = []
    for (model, dataset), rows in groups(raw, "model", "dataset"):
        ends = {name: _last(_runs(of_filter), "validation") for (name,), of_filter in groups(rows, "filter")}
        where = f"{model_name(model)}, {data_name(dataset)}"
        if "without" in ends:
            around = sum(abs(end - 0.5) <= _AROUND for end in ends["without"])
            sentences.append(
                f"{where}: without the filter {around} of {len(ends['without'])} searches end around an AUC of .5, "
                f"within {_AROUND}, as the paper says; the highest ends at {number(max(ends['without']))}."
            )
        if len(ends) == len(FILTERS):
            better = sum(one > other for one, other in zip(ends["with"], ends["without"], strict=False))
            sentences.append(
                f"{where}: with the filter the recommender ends higher in {better} of {len(ends['with'])} seeds, "
                f"by {difference(fmean(ends['with']), fmean(ends['without']))} on average."
            )
    return sentences + not_measured(raw, (("mf", "ml-100k"),))


FIGURE5 = Reproduction(
    name="figure5",
    about="AUC on training and validation during the search, with the reward filter and without (section 5.6)",
    options=frozenset({"dataset", "recommenders", "seeds", "searcher", "trainings", "preset", "device"}),
    columns=(
        Column("model", str),
        Column("dataset", str),
        Column("filter", str, known=frozenset(FILTERS)),
        Column("seed", int),
        Column("trained", int),
        Column("train", optional=True),
        Column("validation", optional=True),
        Column("restarts", int),
    ),
    measure=_measure,
    tables=_tables,
    pictures=_pictures,
    notes=_notes,
)
