"""Recommenders by name. To add one: a class in a file of its own and a row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from core.errors import unknown_name
from recommenders.mf import MF
from recommenders.mlp import MLP
from recommenders.recommender import Recommender


@dataclass(frozen=True)
class RecommenderEntry:
    """A row of the registry."""

    make: Callable[..., Recommender]
    """A class whose fields are its settings."""
    about: str


RECOMMENDERS: Mapping[str, RecommenderEntry] = MappingProxyType(
    {
        "mf": RecommenderEntry(MF, "matrix factorisation with biases, Eq. 2"),
        "mlp": RecommenderEntry(MLP, "multi-layer perceptron, Eq. 3"),
    }
)


def make_recommender(name: str, **settings: object) -> Recommender:
    """The recommender of this name.

    Raises:
        UserError: an unknown name.
    """
    if name not in RECOMMENDERS:
        raise unknown_name("recommender", name, RECOMMENDERS)
    return RECOMMENDERS[name].make(**settings)


__all__ = ["RECOMMENDERS", "Recommender", "RecommenderEntry", "make_recommender"]
