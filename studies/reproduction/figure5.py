"""Figure 5 and section 5.6: how the recommender learns during the search, with the reward filter and without.

Algorithm 1 to the letter: one candidate a step, the validation check after the search. Without the filter every loss
that passes the proxy test trains the recommender; that is an eta as large as the metric goes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from studies.execution.searches import Point, thinned
from studies.reproduction.bench import Bench
from studies.reproduction.beside import data_name, groups, model_name, not_measured
from studies.reproduction.raw import Column, Frame, frame
from studies.reproduction.reproduction import Pictures, Reproduction
from studies.reproduction.table import NOTHING, Table, difference, number, spread
from studies.study.settings import StudySettings

#: Filter -> the eta that makes it; None: the usual one. AUC cannot fall by more than 1.
FILTERS: Mapping[str, float | None] = {"with": None, "without": 1.0}
#: Without the filter, AUC "will stay around 0.5" (section 5.6); of the run with it the paper has a picture alone.
PAPER_AUC: Mapping[str, float | None] = {"with": None, "without": 0.5}
#: An AUC as near as this to .5 is around it.
_AROUND = 0.05
_MOST_POINTS = 40


class Figure5(Reproduction):
    """See the module."""

    name = "figure5"
    about = "AUC on training and validation during the search, with the reward filter and without (section 5.6)"
    options = frozenset({"dataset", "recommenders", "seeds", "searcher", "trainings", "preset", "device"})
    columns = (
        Column("model", str),
        Column("dataset", str),
        Column("filter", str, known=frozenset(FILTERS)),
        Column("seed", int),
        Column("trained", int),
        Column("train", float, optional=True),
        Column("validation", float, optional=True),
        Column("restarts", int),
    )

    def measure(self, bench: Bench) -> Frame:
        """See Reproduction."""
        rows: list[dict[str, Any]] = []
        for dataset in bench.datasets:
            searches = [
                (name, _settings(bench, dataset, model, seed, eta))
                for model in bench.settings.models
                for name, eta in FILTERS.items()
                for seed in range(bench.settings.seeds)
            ]
            factory = bench.factory(dataset)
            parts = [
                factory.learning(study, f"{study.recommender} {name} the reward filter seed {study.seed}")
                for name, study in searches
            ]
            found = bench.runner().stage(f"Phase I on {dataset}, with the reward filter and without", parts)
            for (name, study), part in zip(searches, found, strict=True):
                shared = {"model": study.recommender, "dataset": dataset, "filter": name, "seed": study.seed}
                rows += [shared | point for point in _kept(part["points"])]
        return frame(self.columns, rows)

    def tables(self, raw: Frame) -> list[Table]:
        """See Reproduction."""
        rows = []
        for (model, dataset, name), runs in groups(raw, ("model", "dataset", "filter")):
            curves = [curve for _, curve in groups(runs, ("seed",))]
            final = [float(curve["validation"].iloc[-1]) for curve in curves]
            best = [float(curve["validation"].max()) for curve in curves]
            train = [float(curve["train"].iloc[-1]) for curve in curves]
            paper = PAPER_AUC[name]
            rows.append(
                (
                    model_name(model),
                    data_name(dataset),
                    name,
                    str(len(curves)),
                    NOTHING if paper is None else f"around {paper:g}",
                    spread(final),
                    difference(_mean(final), paper),
                    spread(best),
                    spread(train),
                    number(_mean([float(curve["restarts"].iloc[-1]) for curve in curves]), 1),
                )
            )
        return [Table("Figure 5: AUC of the recommender that the search trains", _COLUMNS, tuple(rows))]

    def pictures(self, raw: Frame) -> Pictures:
        """See Reproduction; one for each model and data set."""
        from studies.reproduction.pictures import panels  # matplotlib takes a second to load

        drawn, pairs = {}, groups(raw, ("model", "dataset"))
        for (model, dataset), both in pairs:
            curves = {
                f"{name} the reward filter": {
                    part: [(run["trained"].tolist(), run[column].tolist()) for _, run in groups(runs, ("seed",))]
                    for part, column in (("training", "train"), ("validation", "validation"))
                }
                for (name,), runs in groups(both, ("filter",))
            }
            stem = self.name if len(pairs) == 1 else f"{self.name}-{model}-{dataset}"
            drawn[stem] = panels(curves, "losses trained", "AUC")
        return drawn

    def notes(self, raw: Frame) -> list[str]:
        """See Reproduction."""
        told = []
        for (model, dataset), both in groups(raw, ("model", "dataset")):
            ends = {
                name: [float(run["validation"].iloc[-1]) for _, run in groups(runs, ("seed",))]
                for (name,), runs in groups(both, ("filter",))
            }
            where = f"{model_name(model)}, {data_name(dataset)}"
            if "without" in ends:
                around = sum(abs(end - 0.5) <= _AROUND for end in ends["without"])
                told.append(
                    f"{where}: without the filter {around} of {len(ends['without'])} searches end around an AUC of .5, "
                    f"within {_AROUND}, as the paper says; the highest ends at {number(max(ends['without']))}."
                )
            if len(ends) == len(FILTERS):
                better = sum(one > other for one, other in zip(ends["with"], ends["without"], strict=False))
                told.append(
                    f"{where}: with the filter the recommender ends higher in {better} of {len(ends['with'])} seeds, "
                    f"by {difference(_mean(ends['with']), _mean(ends['without']))} on average."
                )
        return told + not_measured(raw, (("mf", "ml-100k"),))


_COLUMNS = (
    *("model", "data", "reward filter", "seeds", "paper, at the end", "validation, at the end", "difference"),
    *("validation, best", "training, at the end", "restarts a search"),
)


def _settings(bench: Bench, dataset: str, model: str, seed: int, eta: float | None) -> StudySettings:
    given = {} if eta is None else {"eta": eta}
    return bench.study(dataset, recommender=model, seed=seed, check="after", candidates_per_step=1, **given)


def _kept(points: Sequence[Point]) -> list[Point]:
    """Points of a curve, with the best one among them."""
    validation = [-1.0 if point["validation"] is None else point["validation"] for point in points]
    return thinned(points, _MOST_POINTS, keep=[validation.index(max(validation))])


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
