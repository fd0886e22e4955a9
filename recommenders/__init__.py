"""Recommenders by name. To add one: a class in a file of its own and a row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from core.errors import unknown_name
from recommenders.mf import MF
from recommenders.mlp import MLP
from recommenders.recommender import Recommender

#: name -> class; its fields are its settings.
RECOMMENDERS: Mapping[str, Callable[..., Recommender]] = MappingProxyType({"mf": MF, "mlp": MLP})


def make_recommender(name: str, **settings: object) -> Recommender:
    """The recommender of this name.

    Raises:
        UserError: an unknown name.
    """
    if name not in RECOMMENDERS:
        raise unknown_name("recommender", name, RECOMMENDERS)
    return RECOMMENDERS[name](**settings)


__all__ = ["RECOMMENDERS", "Recommender", "make_recommender"]
