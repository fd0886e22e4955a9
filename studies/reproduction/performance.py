"""Tables 5 and 6: how the losses do in the end, for classification and for regression.

All losses share one learning rate and one weight decay, as published; the smoothing term is chosen on validation; F1
and accuracy have the threshold that is best on the test part, as in the published code. A loss that was found on one
model and data set stands in the rows of the others too, which is what the paper calls transfer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from statistics import fmean
from typing import Any

from recommenders.tasks.metrics import METRICS
from studies.evaluation.report import seed_rows
from studies.evaluation.statistics import LEVEL, compare_with
from studies.reproduction.bench import Bench
from studies.reproduction.beside import METRIC_NAMES, data_name, groups, model_name, not_measured
from studies.reproduction.evaluated import evaluate_losses
from studies.reproduction.paper import TABLE_5, TABLE_6, Performance, published
from studies.reproduction.raw import Column, Frame, metric_columns
from studies.reproduction.reproduction import Reproduction
from studies.reproduction.settings import OF_TRAINING
from studies.reproduction.table import NOTHING, Table, difference, number, shortest, spread

#: What a mean has to be within of the paper's to count as agreeing.
CLOSE = 0.002


@dataclass(frozen=True)
class _PerformanceTable:
    """One of the tables of performance: what is evaluated."""

    title: str
    task: str
    published: tuple[Performance, ...]
    handcrafted: tuple[str, ...]
    found: tuple[str, ...]
    """What the paper's search found."""
    metrics: tuple[str, ...]
    """The first one decides."""

    def reproduction(self, name: str, about: str) -> Reproduction:
        """What is judged, as the command knows it."""
        columns = (
            Column("model", str),
            Column("dataset", str),
            Column("loss", str),
            Column("epsilon", optional=True),
            Column("learning_rate"),
            Column("weight_decay"),
            Column("seed", int),
            Column("best_epoch", int),
            *metric_columns(*self.metrics),
        )
        does: dict[str, Any] = {"measure": self.measure, "tables": self.tables, "notes": self.notes}
        return Reproduction(name=name, about=about, options=OF_TRAINING, columns=columns, **does)

    def measure(self, bench: Bench) -> list[dict[str, Any]]:
        """Train every loss to convergence."""
        rows: list[dict[str, Any]] = []
        for dataset, model in product(bench.datasets, bench.settings.models):
            given = {"task": self.task, "tuning_seeds": 1}
            outcome = evaluate_losses(bench, "paper", dataset, model, self.found, self.handcrafted, **given)
            rows += [{"model": model, "dataset": dataset, **row} for row in seed_rows(outcome)]
        return rows

    def tables(self, raw: Frame) -> list[Table]:
        """A row for each loss, metrics beside each other."""
        rows = [self._row(key, of_loss) for key, of_loss in self._groups(raw)]
        measured = set(zip(raw["model"], raw["dataset"], strict=True))
        for model, dataset in dict.fromkeys((row.model, row.dataset) for row in self.published):
            if (model, dataset) not in measured:
                rows += [self._published_row(model, dataset, loss) for loss in (*self.handcrafted, *self.found)]
        columns = ["model", "data", "loss", "smoothing term", "best epoch"]
        for metric in self.metrics:
            columns += [f"{METRIC_NAMES[metric]}, {what}" for what in ("paper", "ours", "difference")]
        return [Table(self.title, tuple(columns), tuple(rows))]

    def _groups(self, raw: Frame) -> list[tuple[tuple[Any, ...], Frame]]:
        """Losses in the order of the paper."""
        order = {name: i for i, name in enumerate((*self.handcrafted, *self.found))}
        found = groups(raw, "model", "dataset", "loss")
        places = {pair: i for i, pair in enumerate(dict.fromkeys(key[:2] for key, _ in found))}
        return sorted(found, key=lambda one: (places[one[0][:2]], order.get(one[0][2], len(order))))

    def _row(self, key: tuple[Any, ...], rows: Frame) -> tuple[str, ...]:
        model, dataset, loss = key
        cells = [model_name(model), data_name(dataset), loss, shortest(rows["epsilon"].iloc[0])]
        cells.append(number(float(rows["best_epoch"].mean()), 0))
        for metric in self.metrics:
            values = rows[f"test_{metric}"].tolist()
            paper = published(self.published, model, dataset, metric, loss)
            cells += [number(paper), spread(values), difference(_mean(values), paper)]
        return tuple(cells)

    def _published_row(self, model: str, dataset: str, loss: str) -> tuple[str, ...]:
        cells = [model_name(model), data_name(dataset), loss, NOTHING, NOTHING]
        for metric in self.metrics:
            cells += [number(published(self.published, model, dataset, metric, loss)), NOTHING, NOTHING]
        return tuple(cells)

    def notes(self, raw: Frame) -> list[str]:
        """How close the deciding metric comes, then who is better than all handcrafted losses."""
        sentences = []
        for (model, dataset), rows in groups(raw, "model", "dataset"):
            sentences += [self._closeness(model, dataset, rows), *self._ahead(model, dataset, rows)]
        return sentences + not_measured(raw, ((row.model, row.dataset) for row in self.published))

    def _closeness(self, model: str, dataset: str, rows: Frame) -> str:
        metric, far, n = self.metrics[0], [], 0
        for (loss,), of_loss in groups(rows, "loss"):
            paper, ours = published(self.published, model, dataset, metric, loss), _mean(of_loss[f"test_{metric}"])
            if paper is not None:
                n += 1
                far += [] if abs(ours - paper) <= CLOSE else [f"{loss} ({ours - paper:+.4f})"]
        name = f"{model_name(model)} on {data_name(dataset)}, {METRIC_NAMES[metric]}"
        if not n:
            return f"{name}: the paper has no such row."
        apart = f"; further away: {', '.join(far)}" if far else ""
        return f"{name}: {n - len(far)} of {n} losses are within {CLOSE:g} of the paper{apart}."

    def _ahead(self, model: str, dataset: str, rows: Frame) -> list[str]:
        metric = METRICS[self.metrics[0]]
        values = {loss: of.sort_values("seed")[f"test_{metric.name}"].tolist() for (loss,), of in groups(rows, "loss")}
        handcrafted, sentences = [name for name in self.handcrafted if name in values], []
        for loss in self.found:
            if loss in values:
                pairs = compare_with(loss, [name for name in handcrafted if name != loss], metric, values)
                better = [pair.baseline for pair in pairs if pair.verdict == "better"]
                worst = max((pair.p_holm for pair in pairs if pair.p_holm is not None), default=1.0)
                all_of = "all" if len(better) == len(pairs) else f"{len(better)} of {len(pairs)}"
                sentences.append(
                    f"{loss} ({model_name(model)}, {data_name(dataset)}) is better than {all_of} handcrafted losses at "
                    f"p < {LEVEL:g} ({len(values[loss])} paired seeds, largest p after Holm's correction {worst:.2g})."
                )
        return sentences


def _mean(values: Sequence[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return fmean(finite) if finite else math.nan


TABLE5 = _PerformanceTable(
    title="Table 5: test metrics of all losses, classification, one published decay for all",
    task="classification",
    published=TABLE_5,
    handcrafted=("MSE", "BCE", "hinge", "focal"),
    found=("MaxR", "SumR", "LogMin"),
    metrics=("auc", "f1", "accuracy"),
).reproduction("table5", "how all losses do in the end, classification")

TABLE6 = _PerformanceTable(
    title="Table 6: test metrics of all losses, regression, one published decay for all",
    task="regression",
    published=TABLE_6,
    handcrafted=("BCE", "hinge", "focal"),
    found=("MSE",),
    metrics=("rmse", "mae"),
).reproduction("table6", "how all losses do in the end, regression")
