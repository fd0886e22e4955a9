"""Everything that the paper publishes: its tables as data, to be put beside ours.

AutoLossGen: Automatic Loss Function Generation for Recommender Systems, SIGIR 2022. Names of models, data sets, losses
and metrics are those of this house.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

#: As the paper writes what this house writes in small letters.
MODELS: Mapping[str, str] = MappingProxyType({"mf": "MF", "mlp": "MLP"})
DATASETS: Mapping[str, str] = MappingProxyType({"ml-100k": "ML-100K", "electronics": "Electronics"})
METRIC_NAMES: Mapping[str, str] = MappingProxyType(
    {"auc": "AUC", "f1": "F1", "accuracy": "accuracy", "rmse": "RMSE", "mae": "MAE"}
)


@dataclass(frozen=True)
class GeneratedLoss:
    """A row of Table 8: a loss that passed Phase II (MF, ML-100K, another seed)."""

    formula: str
    """In our syntax: the smoothing term is what every `1/()` brings along by itself."""
    positive_rate: float
    auc: float
    """On the test part after convergence; about .5 for what the paper calls not effective at all."""


#: (model, data set, task) -> the loss that the paper's search found. Section 5.2 says that MF on Electronics and MLP on
#: ML-100K found what is merged as SumR. What each is made of, the named losses have.
TABLE_4: Mapping[tuple[str, str, str], str] = MappingProxyType(
    {
        ("mf", "ml-100k", "classification"): "MaxR",
        ("mf", "electronics", "classification"): "SumR",
        ("mlp", "ml-100k", "classification"): "SumR",
        ("mlp", "electronics", "classification"): "LogMin",
        **{(model, dataset, "regression"): "MSE" for model in MODELS for dataset in DATASETS},
    }
)

#: (model, data set, metric) -> loss -> how it does on the test part.
Performances: TypeAlias = Mapping[tuple[str, str, str], Mapping[str, float]]

_LOSSES_5 = ("MSE", "BCE", "hinge", "focal", "MaxR", "SumR", "LogMin")
_ROWS_5 = {
    ("mf", "ml-100k", "auc"): (0.7808, 0.7882, 0.7848, 0.7930, 0.8087, 0.8086, 0.7981),
    ("mf", "ml-100k", "f1"): (0.6058, 0.6073, 0.6133, 0.6121, 0.6260, 0.6245, 0.6160),
    ("mf", "ml-100k", "accuracy"): (0.6919, 0.6972, 0.7239, 0.7011, 0.7305, 0.7645, 0.7398),
    ("mf", "electronics", "auc"): (0.6510, 0.6515, 0.6689, 0.6521, 0.6697, 0.6695, 0.6534),
    ("mf", "electronics", "f1"): (0.8843, 0.8843, 0.8846, 0.8843, 0.8846, 0.8846, 0.8844),
    ("mf", "electronics", "accuracy"): (0.7927, 0.7927, 0.7937, 0.7927, 0.7937, 0.7937, 0.7927),
    ("mlp", "ml-100k", "auc"): (0.7655, 0.7725, 0.7472, 0.7629, 0.7747, 0.7743, 0.7752),
    ("mlp", "ml-100k", "f1"): (0.5938, 0.5985, 0.5865, 0.5890, 0.6130, 0.6053, 0.6064),
    ("mlp", "ml-100k", "accuracy"): (0.6625, 0.6797, 0.6717, 0.6437, 0.7077, 0.6830, 0.6909),
    ("mlp", "electronics", "auc"): (0.6232, 0.6228, 0.6242, 0.6205, 0.6250, 0.6404, 0.6318),
    ("mlp", "electronics", "f1"): (0.8843, 0.8843, 0.8843, 0.8843, 0.8844, 0.8843, 0.8843),
    ("mlp", "electronics", "accuracy"): (0.7926, 0.7926, 0.7926, 0.7926, 0.7928, 0.7927, 0.7926),
}
_LOSSES_6 = ("BCE", "hinge", "focal", "MSE")
_ROWS_6 = {
    ("mf", "ml-100k", "rmse"): (0.4540, 0.4602, 0.4710, 0.4480),
    ("mf", "ml-100k", "mae"): (0.4386, 0.4077, 0.4673, 0.3548),
    ("mf", "electronics", "rmse"): (0.4043, 0.4075, 0.4363, 0.3945),
    ("mf", "electronics", "mae"): (0.3224, 0.3501, 0.4237, 0.3180),
    ("mlp", "ml-100k", "rmse"): (0.4338, 0.4643, 0.4376, 0.4268),
    ("mlp", "ml-100k", "mae"): (0.3802, 0.3642, 0.3811, 0.3586),
    ("mlp", "electronics", "rmse"): (0.4005, 0.4097, 0.4153, 0.4000),
    ("mlp", "electronics", "mae"): (0.3105, 0.3633, 0.3573, 0.3100),
}
TABLE_5: Performances = {place: dict(zip(_LOSSES_5, values, strict=True)) for place, values in _ROWS_5.items()}
TABLE_6: Performances = {place: dict(zip(_LOSSES_6, values, strict=True)) for place, values in _ROWS_6.items()}

#: With the proxy test or without -> losses that are sampled in a day on a 2080Ti.
TABLE_7: Mapping[str, int] = MappingProxyType({"without": 3_200, "with": 93_792})
TABLE_7_HOURS = 24.0

_LONG = "1 + y_hat + 1/(min(y_hat, y)) + max(1/(min(y_hat, y)), max(min(y_hat, y), y_hat + 1/(min(y_hat, y))))"
TABLE_8 = (
    GeneratedLoss("max(y_hat, y*max(y_hat, 1/(y_hat)))", 1.000, 0.4882),
    GeneratedLoss("y_hat + 1/(y*y_hat)", 1.000, 0.4918),
    GeneratedLoss("max(y_hat, y)/(y_hat)", 1.000, 0.4881),
    GeneratedLoss(_LONG, 1.000, 0.4863),
    GeneratedLoss("y_hat + y + 1/(min(y, y_hat)^2)", 1.000, 0.4898),
    GeneratedLoss("1/(min(y, y_hat)) + max(y_hat, y) + max(y_hat, y)^2", 1.000, 0.4877),
    GeneratedLoss("1 + min(min(1, y_hat + y), 1/(y + y_hat))", 1.000, 0.7658),
    GeneratedLoss("max(y, y_hat) + 1/(max(y_hat + 1, y))", 1.000, 0.7703),
    GeneratedLoss("y_hat + 1/(min(y_hat, y))", 1.000, 0.4872),
    GeneratedLoss("(min(1/(y + y_hat), max(y, y_hat)))^2", 1.000, 0.7782),
    GeneratedLoss("min(1/(max(y_hat, y + y_hat^2)), max(y, (y_hat^2)^2))", 0.996, 0.7787),
    GeneratedLoss("y_hat^2 + 1/(min(y, y_hat))", 0.902, 0.4884),
)


def published(model: str, dataset: str, metric: str, loss: str) -> float | None:
    """The number of Table 5 or 6 for these names; None where the paper has none."""
    return {**TABLE_5, **TABLE_6}.get((model, dataset, metric), {}).get(loss)
