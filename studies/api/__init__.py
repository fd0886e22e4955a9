"""Searching a loss, and training a recommender, from a notebook or a script, as short as the command.

`CrossedClassifier` and `CrossedFeatures` are crossed features for scikit-learn, which an extra brings.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from core.common.extras import needs
from studies.api.ranking import TrainedRecommender, train_recommender
from studies.api.result import SearchResult
from studies.api.searching import load_result, search_loss

if TYPE_CHECKING:
    from studies.api.crossed import CrossedClassifier, CrossedFeatures

__all__ = [
    "CrossedClassifier",
    "CrossedFeatures",
    "SearchResult",
    "TrainedRecommender",
    "load_result",
    "search_loss",
    "train_recommender",
]


def __getattr__(name: str) -> Any:
    """Loaded when it is asked for: scikit-learn may be missing, and takes a second.

    Raises:
        UserError: scikit-learn is not installed.
    """
    if name in ("CrossedClassifier", "CrossedFeatures"):
        needs(name, "sklearn")
        return getattr(import_module("studies.api.crossed"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
