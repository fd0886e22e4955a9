"""Tables 5 and 6: how the losses do in the end, for classification and for regression.

All losses share one learning rate and one weight decay, as published; the smoothing term is chosen on validation; F1
and accuracy have the threshold that is best on the test part, as in the published code. A loss that was found on one
model and data set stands in the rows of the others too, which is what the paper calls transfer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from core.common.errors import counted
from recommenders.tasks.metrics import METRICS
from studies.evaluation.outcome import LEVEL, compare_with
from studies.evaluation.report import seed_rows
from studies.reproduction.bench import Bench
from studies.reproduction.paper import METRIC_NAMES, TABLE_5, TABLE_6, published
from studies.reproduction.raw import TRAINED, Frame, converged
from studies.reproduction.reproduction import Reproduction, beside, groups, mean, named, number, shortest
from studies.reproduction.settings import OF_TRAINING

#: What a mean has to be within of the paper's to count as agreeing.
CLOSE = 0.002


@dataclass(frozen=True)
class _PerformanceTable:
    """One of the tables of performance: what is evaluated."""

    task: str
    pairs: tuple[tuple[str, str], ...]
    """Models and data sets that the paper has."""
    handcrafted: tuple[str, ...]
    found: tuple[str, ...]
    """What the paper's search found."""
    metrics: tuple[str, ...]
    """The first one decides."""

    def reproduction(self, name: str) -> Reproduction:
        """What is evaluated, as the command knows it."""
        what = f"{self.task}, one published decay for all"
        return Reproduction(
            name=name,
            about=f"how all losses do in the end, {self.task}",
            options=OF_TRAINING,
            columns=(*TRAINED, *converged(*self.metrics)),
            measure=self.measure,
            rows={f"Table {name.removeprefix('table')}: test metrics of all losses, {what}": self.rows},
            sentences=self.sentences,
            published=self.pairs,
        )

    def measure(self, bench: Bench) -> list[dict[str, Any]]:
        """Train every loss to convergence."""
        found = bench.evaluate_losses("paper", self.found, self.handcrafted, task=self.task, tuning_seeds=1)
        return [
            {"model": model, "dataset": dataset} | row
            for model, dataset, outcome in found
            for row in seed_rows(outcome)
        ]

    def rows(self, raw: Frame) -> Iterator[dict[str, str]]:
        """A row for each loss, metrics beside each other; what was not measured as published."""
        losses = (*self.handcrafted, *self.found)
        order, measured = {loss: i for i, loss in enumerate(losses)}, groups(raw, "model", "dataset")
        for (model, dataset), of_pair in measured:
            of_losses = groups(of_pair, "loss")
            for (loss,), rows in sorted(of_losses, key=lambda one: order.get(one[0][0], len(order))):
                yield self._row(model, dataset, loss, rows)
        for model, dataset in self.pairs:
            if (model, dataset) not in dict(measured):
                yield from (self._row(model, dataset, loss, raw.iloc[:0]) for loss in losses)

    def _row(self, model: str, dataset: str, loss: str, rows: Frame) -> dict[str, str]:
        """With no rows, what is published alone."""
        cells = named(model, dataset) | {
            "loss": loss,
            "smoothing term": shortest(rows["epsilon"].max()),
            "best epoch": number(float(rows["best_epoch"].mean()), 0),
        }
        for metric in self.metrics:
            paper, ours = published(model, dataset, metric, loss), rows[f"test_{metric}"].tolist()
            cells |= beside(METRIC_NAMES[metric], paper, ours)
        return cells

    def sentences(self, raw: Frame) -> Iterator[str]:
        """How close the deciding metric comes, then who is better than all handcrafted losses."""
        for (model, dataset), rows in groups(raw, "model", "dataset"):
            by_seed = [(loss, of_loss.sort_values("seed")) for (loss,), of_loss in groups(rows, "loss")]
            values = {loss: of_loss[f"test_{self.metrics[0]}"].tolist() for loss, of_loss in by_seed}
            yield self._closeness(model, dataset, values)
            yield from self._ahead(", ".join(named(model, dataset).values()), values)

    def _closeness(self, model: str, dataset: str, values: dict[str, list[float]]) -> str:
        metric = self.metrics[0]
        papers = {loss: published(model, dataset, metric, loss) for loss in values}
        gaps = {loss: mean(values[loss]) - paper for loss, paper in papers.items() if paper is not None}
        name = f"{' on '.join(named(model, dataset).values())}, {METRIC_NAMES[metric]}"
        if not gaps:
            return f"{name}: the paper has no such row."
        far = [f"{loss} ({gap:+.4f})" for loss, gap in gaps.items() if not abs(gap) <= CLOSE]
        apart = f"; further away: {', '.join(far)}" if far else ""
        return f"{name}: {len(gaps) - len(far)} of {len(gaps)} losses are within {CLOSE:g} of the paper{apart}."

    def _ahead(self, where: str, values: dict[str, list[float]]) -> Iterator[str]:
        for loss in self.found:
            if loss in values:
                others = [name for name in self.handcrafted if name in values and name != loss]
                pairs = compare_with(loss, others, METRICS[self.metrics[0]], values)
                better = [pair.baseline for pair in pairs if pair.verdict == "better"]
                worst = max((pair.p_holm for pair in pairs if pair.p_holm is not None), default=1.0)
                seeds = counted(len(values[loss]), "paired seed")
                all_of = "all" if len(better) == len(pairs) else f"{len(better)} of {len(pairs)}"
                yield (
                    f"{loss} ({where}) is better than {all_of} handcrafted losses at "
                    f"p < {LEVEL:g} ({seeds}, largest p after Holm's correction {worst:.2g})."
                )


TABLE5 = _PerformanceTable(
    task="classification",
    pairs=tuple(dict.fromkeys(place[:2] for place in TABLE_5)),
    handcrafted=("MSE", "BCE", "hinge", "focal"),
    found=("MaxR", "SumR", "LogMin"),
    metrics=("auc", "f1", "accuracy"),
).reproduction("table5")

TABLE6 = _PerformanceTable(
    task="regression",
    pairs=tuple(dict.fromkeys(place[:2] for place in TABLE_6)),
    handcrafted=("BCE", "hinge", "focal"),
    found=("MSE",),
    metrics=("rmse", "mae"),
).reproduction("table6")
