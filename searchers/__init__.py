"""Searchers by name. To add one: a class in a file of its own and a row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from core.errors import unknown_name
from core.searcher import Searcher
from core.space import OperatorSpace
from searchers.random import RandomSearcher
from searchers.reinforce import ReinforceSearcher


@dataclass(frozen=True)
class SearcherEntry:
    """A row of the registry."""

    make: Callable[[OperatorSpace, int], Searcher]
    about: str


SEARCHERS: Mapping[str, SearcherEntry] = MappingProxyType(
    {
        "rl": SearcherEntry(ReinforceSearcher, "the paper's LSTM controller, trained by REINFORCE"),
        "random": SearcherEntry(RandomSearcher, "uniform random programs"),
    }
)


def make_searcher(name: str, space: OperatorSpace, seed: int) -> Searcher:
    """The searcher of this name, with its default settings.

    Raises:
        UserError: an unknown name.
    """
    if name not in SEARCHERS:
        raise unknown_name("searcher", name, SEARCHERS)
    return SEARCHERS[name].make(space, seed)


__all__ = ["SEARCHERS", "SearcherEntry", "make_searcher"]
