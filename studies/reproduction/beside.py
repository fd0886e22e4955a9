"""What the reproductions share: names as the paper writes them, and sentences about what was not measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from studies.reproduction.paper import DATASETS, MODELS
from studies.reproduction.raw import Frame

#: Metrics as the paper writes them.
METRIC_NAMES = {"auc": "AUC", "f1": "F1", "accuracy": "accuracy", "rmse": "RMSE", "mae": "MAE"}


def model_name(model: str) -> str:
    """As the paper writes it."""
    return MODELS.get(model, model)


def data_name(dataset: str) -> str:
    """As the paper writes it."""
    return DATASETS.get(dataset, dataset)


def groups(raw: Frame, columns: Sequence[str]) -> list[tuple[tuple[Any, ...], Frame]]:
    """The rows of equal values in these columns, in the order in which they first appear."""
    return [(key if isinstance(key, tuple) else (key,), rows) for key, rows in raw.groupby(list(columns), sort=False)]


def not_measured(raw: Frame, published: Iterable[tuple[str, str]]) -> list[str]:
    """A sentence about the pairs of model and data set that the paper has and these results have not."""
    measured = set(zip(raw["model"], raw["dataset"], strict=True))
    missing = [pair for pair in dict.fromkeys(published) if pair not in measured]
    told = []
    if any(dataset == "electronics" for _, dataset in missing):
        told.append(
            "Electronics has to be given: --data reviews_Electronics_5.json.gz. Without it the paper stands alone."
        )
    others = [f"{model_name(model)} on {data_name(dataset)}" for model, dataset in missing if dataset != "electronics"]
    if others:
        told.append(f"Not measured here: {', '.join(others)}.")
    return told
