"""What crosses are compared with, by name. To add one: a class in a file of its own, and a row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from core.common.extras import needs
from recommenders.data.fields.dataset import FieldData
from recommenders.tasks.crosses.rivals.boosted import CatBoost, ExplainableBoosting, LightGBM
from recommenders.tasks.crosses.rivals.informed import Informed
from recommenders.tasks.crosses.rivals.rival import Trainable
from recommenders.tasks.crosses.rivals.wide_deep import WideDeep


@dataclass(frozen=True)
class Kind:
    """A row of the registry."""

    make: Callable[[FieldData], Trainable]
    settings: Mapping[str, tuple[Any, ...]]
    """What settings are drawn from."""
    packages: tuple[str, ...] = ()
    """What has to be installed, as it is imported."""


RIVALS: Mapping[str, Kind] = MappingProxyType(
    {
        "lightgbm": Kind(
            LightGBM,
            {
                "num_leaves": (7, 15, 31, 63),
                "learning_rate": (0.03, 0.05, 0.1),
                "min_data_in_leaf": (10, 20, 50, 100),
                "lambda_l2": (0.0, 1.0, 10.0),
                "feature_fraction": (0.5, 0.75, 1.0),
                "bagging_fraction": (0.7, 1.0),
            },
            ("lightgbm",),
        ),
        "catboost": Kind(
            CatBoost,
            {
                "depth": (4, 6, 8),
                "learning_rate": (0.03, 0.05, 0.1),
                "l2_leaf_reg": (1.0, 3.0, 10.0),
                "random_strength": (0.5, 1.0, 2.0),
                "one_hot_max_size": (2, 10),
            },
            ("catboost",),
        ),
        "ebm": Kind(
            ExplainableBoosting,
            {
                "interactions": (0, 5, 10, 20),
                "learning_rate": (0.015, 0.04, 0.1),
                "max_leaves": (2, 3, 4),
                "max_bins": (256, 1024),
                "min_samples_leaf": (2, 4, 10, 50),
                "smoothing_rounds": (0, 75),
            },
            ("interpret",),
        ),
        "wide-deep": Kind(
            WideDeep,
            {
                "size": (4, 8, 16),
                "width": (32, 64, 128),
                "layers": (1, 2, 3),
                "dropout": (0.0, 0.2, 0.5),
                "learning_rate": (3e-4, 1e-3, 3e-3),
                "decay": (0.0, 0.01, 0.1, 1.0),
            },
        ),
        "cmi": Kind(Informed, {"prior": (1.0, 10.0, 100.0, 1_000.0), "at_once": (2, 4, 1_000), "bins": (10, 100)}),
    }
)


@dataclass(frozen=True)
class Rival:
    """A model that is no set of crosses.

    Raises:
        UserError: its package is not installed.
    """

    name: str
    """A key of RIVALS."""

    def __post_init__(self) -> None:
        """Check that it can be trained."""
        needs(f"--baseline {self.name}", *RIVALS[self.name].packages)

    def __str__(self) -> str:
        """Return the name."""
        return self.name
