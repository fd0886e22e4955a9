"""What the reproductions share: parts of every data set, names as the paper writes them, what was not measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from studies.execution.task import Task
from studies.reproduction.bench import Bench
from studies.reproduction.paper import DATASETS, MODELS
from studies.reproduction.raw import Frame
from studies.reproduction.reproduction import Pictures

T = TypeVar("T")
#: Metrics as the paper writes them.
METRIC_NAMES = {"auc": "AUC", "f1": "F1", "accuracy": "accuracy", "rmse": "RMSE", "mae": "MAE"}


def computed(
    bench: Bench, text: str, plan: Callable[[str], Iterable[tuple[T, Task]]], alone: bool = False
) -> Iterator[tuple[T, Mapping[str, Any]]]:
    """Compute parts of every data set, a stage each.

    Args:
        bench: where.
        text: what a stage does, in a sentence with `{n}` for the number of parts and `{dataset}`.
        plan: data set -> its parts, each with what the caller knows it by.
        alone: one part after the other, where time is what is measured.

    Returns:
        What the caller knows each part by, and what was found.
    """
    for dataset in bench.datasets:
        known, parts = zip(*plan(dataset), strict=True)
        message = text.format(n=len(parts), dataset=dataset)
        yield from zip(known, bench.runner(alone).stage(message, parts), strict=True)


def model_name(model: str) -> str:
    """As the paper writes it."""
    return MODELS.get(model, model)


def data_name(dataset: str) -> str:
    """As the paper writes it."""
    return DATASETS.get(dataset, dataset)


def groups(raw: Frame, *columns: str) -> list[tuple[tuple[Any, ...], Frame]]:
    """The rows of equal values in these columns, in the order in which they first appear."""
    return list(raw.groupby(list(columns), sort=False))


def by_pair(raw: Frame, stem: str, draw: Callable[[Frame], Any]) -> Pictures:
    """A picture for each model and data set, under the stem alone where there is but one pair."""
    pairs = groups(raw, "model", "dataset")
    return {stem if len(pairs) == 1 else "-".join((stem, *pair)): draw(rows) for pair, rows in pairs}


def not_measured(raw: Frame, published: Iterable[Sequence[str]]) -> list[str]:
    """A sentence about the pairs of model and data set that the paper has and these results have not."""
    measured = set(zip(raw["model"], raw["dataset"], strict=True))
    missing = [pair for pair in dict.fromkeys(map(tuple, published)) if pair not in measured]
    sentences = []
    if any(dataset == "electronics" for _, dataset in missing):
        sentences.append(
            "Electronics has to be given: --data reviews_Electronics_5.json.gz. Without it the paper stands alone."
        )
    others = [f"{model_name(model)} on {data_name(dataset)}" for model, dataset in missing if dataset != "electronics"]
    if others:
        sentences.append(f"Not measured here: {', '.join(others)}.")
    return sentences
