"""The table of AutoCross: logistic regression with crosses and without, beside the paper's figures and other models.

The published rows are of the same two public tables; of Bank the split is not known, so ours are random ones. What
decides most is how numbers are cut into bins: the regression without any cross has the same bins here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from statistics import fmean
from typing import Any

from core.common.paired import won
from recommenders.tasks.crosses.greedy import GREEDY
from recommenders.tasks.crosses.problem import PLAIN
from studies.reproduction.raw import Column, Frame
from studies.reproduction.reproduction import NOTHING, Reproduction, difference, groups, number, spread
from studies.reproduction.slides.bench import CrossBench
from studies.reproduction.slides.settings import CrossReproduceSettings

#: What is trained, whatever --model adds.
MODELS = (PLAIN, GREEDY)
#: Test AUC, slides of the authors: "Experimental results (test AUC) on benchmark and real-world business datasets".
PUBLISHED: Mapping[str, Mapping[str, float]] = {
    "bank": {"lr": 0.9400, "autocross": 0.9455, "AC+W&D": 0.9420, "cmi": 0.9431, "Deep": 0.9418, "xDeepFM": 0.9419},
    "adult": {"lr": 0.9169, "autocross": 0.9280, "AC+W&D": 0.9260, "cmi": 0.9153, "Deep": 0.9130, "xDeepFM": 0.9131},
}


def _measure(bench: CrossBench) -> list[dict[str, Any]]:
    names = (*MODELS, *bench.settings.model)
    return [
        {"dataset": bench.dataset, "model": name, "seed": seed}
        | {"validation": found["validation"].get("auc")}
        | {"auc": found["test"].get("auc"), "log_loss": found["test"].get("log_loss")}
        for name, seed, found in bench.trained(names)
    ]


def _values(raw: Frame) -> dict[str, dict[str, list[float]]]:
    """Data set -> model -> test AUC of the seeds, in order."""
    found: dict[str, dict[str, list[float]]] = {}
    for (dataset, model), rows in groups(raw, "dataset", "model"):
        found.setdefault(dataset, {})[model] = rows["auc"].tolist()
    return found


def _rows(raw: Frame) -> Iterator[dict[str, str]]:
    for dataset, models in _values(raw).items():
        published = PUBLISHED.get(dataset, {})
        losses = {model: rows["log_loss"].tolist() for (_, model), rows in groups(raw, "dataset", "model")}
        for model in dict.fromkeys((*models, *published)):
            ours, paper = models.get(model), published.get(model)
            yield {
                "data": dataset,
                "model": model,
                "AUC, paper": number(paper),
                "AUC, ours": NOTHING if ours is None else spread(ours),
                "difference": NOTHING if ours is None else difference(_mean(ours), paper),
                "log-loss, ours": spread(losses[model]) if model in losses else NOTHING,
            }


def _mean(values: list[float]) -> float | None:
    return fmean(values) if all(map(math.isfinite, values)) else None


def _sentences(raw: Frame) -> Iterator[str]:
    for dataset, models in _values(raw).items():
        for model, values in models.items():
            gains = [a - b for a, b in zip(values, models.get(PLAIN, ()), strict=False)]
            if model == PLAIN or not gains or not all(map(math.isfinite, gains)):
                continue
            yield f"{dataset}: {model} beside {PLAIN}: {fmean(gains):+.4f} test AUC, {won(gains)}."
    yield "The paper's gains are over bins of its own; ours has the same bins with crosses and without."


AUTOCROSS_TABLE = Reproduction(
    name="autocross-table",
    about="logistic regression with searched crosses and without (AutoCross)",
    settings=CrossReproduceSettings,
    options=frozenset({"dataset", "model", "leave_out", "seeds"}),
    columns=(
        *(Column("dataset", str), Column("model", str), Column("seed", int), Column("validation", optional=True)),
        *(Column("auc", optional=True), Column("log_loss", optional=True)),
    ),
    measure=_measure,
    rows={"AutoCross: AUC on the test part": _rows},
    sentences=_sentences,
)
