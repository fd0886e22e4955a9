"""Metrics of K candidates at once: predictions y_hat [K, n] and labels y [n] -> [K].

A candidate with a prediction that is not finite gets NaN. Tested against scikit-learn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from core.common.errors import unknown_name
from core.phases.metric import Metric
from recommenders.tasks.merging import pairs_won


def auc(y_hat: Tensor, y: Tensor) -> Tensor:
    """Return the area under the ROC curve [K]; ties count half (Mann-Whitney).

    Args:
        y_hat: predictions [K, n].
        y: labels [n].
    """
    positive = y > 0.5
    below, above = _in_order(y_hat[:, ~positive]), _in_order(y_hat[:, positive])
    return _finite_only(_pairs_won(below, above).double() / (2 * below.shape[1] * above.shape[1]), y_hat)


def _in_order(values: Tensor) -> Tensor:
    """Sort every row; on a CPU, NumPy is many times faster than torch."""
    if values.device.type == "cpu":
        return torch.from_numpy(np.sort(values.numpy(), axis=1))
    return values.sort(dim=1).values


def _pairs_won(below: Tensor, above: Tensor) -> Tensor:
    """Return `recommenders.tasks.merging.pairs_won` [K] of sorted rows [K, n] and [K, m]."""
    if below.device.type == "cpu":
        return torch.tensor([pairs_won(*rows) for rows in zip(below.numpy(), above.numpy(), strict=True)])
    smaller, not_larger = (torch.searchsorted(below, above, right=right) for right in (False, True))
    return (smaller + not_larger).sum(dim=1)


def rmse(y_hat: Tensor, y: Tensor) -> Tensor:
    """Return the root mean squared error [K].

    Args:
        y_hat: predictions [K, n].
        y: labels [n].
    """
    return _finite_only((y_hat.double() - y.double()).square().mean(dim=1).sqrt(), y_hat)


def mae(y_hat: Tensor, y: Tensor) -> Tensor:
    """Return the mean absolute error [K].

    Args:
        y_hat: predictions [K, n].
        y: labels [n].
    """
    return _finite_only((y_hat.double() - y.double()).abs().mean(dim=1), y_hat)


def best_threshold(y_hat: Tensor, y: Tensor) -> Tensor:
    """Return the threshold with the best F1 [K], where y_hat >= threshold is a predicted positive.

    Args:
        y_hat: predictions [K, n].
        y: labels [n].

    Returns:
        [K]; the largest one of several equally good thresholds.
    """
    values, order = torch.sort(y_hat, dim=1, descending=True)
    hits = (y > 0.5)[order].double().cumsum(dim=1)
    predicted = torch.arange(1, y_hat.shape[1] + 1, device=y_hat.device, dtype=torch.float64)
    scores = 2 * hits / (predicted + (y > 0.5).sum())
    cuts = torch.ones_like(values, dtype=torch.bool)  # a threshold cannot part equal predictions
    cuts[:, :-1] = values[:, :-1] != values[:, 1:]
    best = torch.where(cuts, scores, -1).argmax(dim=1, keepdim=True)
    return values.gather(1, best).squeeze(1)


def f1(y_hat: Tensor, y: Tensor, threshold: Tensor | None = None) -> Tensor:
    """Return the F1 score [K]; 0 without true positives.

    Args:
        y_hat: predictions [K, n].
        y: labels [n].
        threshold: [K]; None: the threshold with the best F1.
    """
    predicted, positive = _predicted(y_hat, y, threshold), y > 0.5
    hits = (predicted & positive).sum(dim=1).double()
    return _finite_only(2 * hits / (predicted.sum(dim=1) + positive.sum()), y_hat)


def accuracy(y_hat: Tensor, y: Tensor, threshold: Tensor | None = None) -> Tensor:
    """Return the accuracy [K].

    Args:
        y_hat: predictions [K, n].
        y: labels [n].
        threshold: [K]; None: the threshold with the best F1.
    """
    return _finite_only((_predicted(y_hat, y, threshold) == (y > 0.5)).double().mean(dim=1), y_hat)


def _predicted(y_hat: Tensor, y: Tensor, threshold: Tensor | None) -> Tensor:
    return y_hat >= (best_threshold(y_hat, y) if threshold is None else threshold)[:, None]


def _finite_only(metric: Tensor, y_hat: Tensor) -> Tensor:
    return torch.where(y_hat.isfinite().all(dim=1), metric, torch.nan)


@dataclass(frozen=True)
class PredictionMetric(Metric):
    """A row of the metric table."""

    task: str
    """The task that it belongs to."""
    evaluate: Callable[[Tensor, Tensor], Tensor]
    """(y_hat [K, n], y [n]) -> value [K]."""

    def score(self, y_hat: Tensor, y: Tensor) -> Tensor:
        """Return the score [K]: the metric, negated if lower is better.

        Args:
            y_hat: predictions [K, n].
            y: labels [n].
        """
        value = self.evaluate(y_hat, y)
        return value if self.higher_is_better else -value


#: name -> metric; the first metric of a task is its default.
METRICS: Mapping[str, PredictionMetric] = MappingProxyType(
    {
        row.name: row
        for row in (
            PredictionMetric("auc", True, "classification", auc),
            PredictionMetric("f1", True, "classification", f1),
            PredictionMetric("accuracy", True, "classification", accuracy),
            PredictionMetric("rmse", False, "regression", rmse),
            PredictionMetric("mae", False, "regression", mae),
        )
    }
)

#: The tasks of the paper (section 3.1).
TASKS = tuple(dict.fromkeys(metric.task for metric in METRICS.values()))


def metrics_of(task: str) -> list[PredictionMetric]:
    """Return the metrics of a task, the default first.

    Raises:
        UserError: an unknown task.
    """
    if task not in TASKS:
        raise unknown_name("task", task, TASKS)
    return [metric for metric in METRICS.values() if metric.task == task]


def find_metric(task: str, name: str | None) -> PredictionMetric:
    """Return a metric of a task.

    Args:
        task: one of TASKS.
        name: of the metric; None: the task's default.

    Raises:
        UserError: an unknown task, or a metric that the task does not have.
    """
    known = {metric.name: metric for metric in metrics_of(task)}
    if name is None:
        return next(iter(known.values()))
    if name not in known:
        raise unknown_name(f"metric of {task}", name, known)
    return known[name]


def report(task: str, y_hat: Tensor, y: Tensor, threshold: Tensor) -> dict[str, list[float]]:
    """Return every metric of a task by name, with a number for each of K candidates.

    Args:
        task: one of TASKS.
        y_hat: predictions [K, n].
        y: labels [n].
        threshold: [K], for the metrics that need one.
    """
    values = {}
    for metric in metrics_of(task):
        needs_threshold = metric.evaluate in (f1, accuracy)
        value = metric.evaluate(y_hat, y, threshold) if needs_threshold else metric.evaluate(y_hat, y)  # type: ignore[call-arg]
        values[metric.name] = value.tolist()
    return values
