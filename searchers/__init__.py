"""Searchers by name. To add one: a class in a file of its own and a row here, see docs/add-a-searcher.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from core.common.errors import unknown_name
from core.common.loading import source_digest
from core.search.searcher import Searcher
from core.search.space import Space
from searchers.bayesian import BayesianSearcher, BayesianSettings
from searchers.genetic import GeneticSearcher, GeneticSettings
from searchers.guessing import GuessingSearcher, read_guess
from searchers.hybrid import HybridSearcher, HybridSettings
from searchers.own import OwnSearcher, find_searcher
from searchers.policy import PolicySearcher, PolicySettings
from searchers.random import RandomSearcher
from searchers.specification import SearcherSpec, read_settings


@dataclass(frozen=True)
class SearcherEntry:
    """A row of the registry."""

    make: Callable[..., Searcher]
    """(space, seed), or (space, seed, settings) where there are settings."""
    about: str
    """What it is, for --help."""
    settings: type | None = None
    """A frozen dataclass of strings, numbers and truths, all with defaults."""


SEARCHERS: Mapping[str, SearcherEntry] = MappingProxyType(
    {
        "rl": SearcherEntry(PolicySearcher, "the paper's LSTM controller, trained by REINFORCE", PolicySettings),
        "gp": SearcherEntry(GeneticSearcher, "genetic programming with DEAP", GeneticSettings),
        "optuna": SearcherEntry(BayesianSearcher, "Optuna's TPE, or any other of its samplers", BayesianSettings),
        "hybrid": SearcherEntry(HybridSearcher, "genetic programming seeded by a policy", HybridSettings),
        "random": SearcherEntry(RandomSearcher, "uniform random programs"),
    }
)

#: Goes on where --help lists the names.
YOUR_OWN = " Or package.module:Class, a searcher of your own, see docs/add-a-searcher.md."


def check_searcher(text: str) -> tuple[SearcherSpec, Any]:
    """What a line such as `gp` or `optuna:sampler=cmaes` asks for, and the settings in it; None if it has none.

    Raises:
        UserError: an unknown name or setting, a value that cannot be, or a class that is no searcher.
    """
    spec = SearcherSpec.parse(text)
    if ":" not in spec.name and spec.name not in SEARCHERS:
        raise unknown_name("searcher", spec.name, SEARCHERS)
    kind = find_searcher(spec)[1] if ":" in spec.name else SEARCHERS[spec.name].settings
    return spec, read_settings(spec, kind)


def searcher_source(text: str) -> str | None:
    """A digest of the file in which the class of a line is written; None for those of the registry.

    Raises:
        UserError: see `check_searcher`.
    """
    spec = SearcherSpec.parse(text)
    return source_digest(find_searcher(spec)[0]) if ":" in spec.name else None


def make_searcher(
    text: str, space: Space[Any], seed: int, guesses: Sequence[str] = (), candidates_per_step: int = 16
) -> Searcher:
    """The searcher that a line asks for.

    Args:
        text: such as `gp`, `optuna:sampler=cmaes` or `package.module:Class:size=4`.
        space: where candidates come from.
        seed: of all draws.
        guesses: candidates to propose first, as a person writes them.
        candidates_per_step: how many candidates are trained at a time.

    Raises:
        UserError: see `check_searcher`; or a guess outside of the space.
    """
    spec, settings = check_searcher(text)
    if isinstance(settings, PolicySettings):
        settings = settings.for_steps_of(candidates_per_step)
    arguments = (space, seed) if settings is None else (space, seed, settings)
    if ":" in spec.name:
        searcher: Searcher = OwnSearcher(find_searcher(spec)[0], spec.name, *arguments)
    else:
        searcher = SEARCHERS[spec.name].make(*arguments)
    return GuessingSearcher(searcher, [read_guess(guess, space) for guess in guesses]) if guesses else searcher


__all__ = ["SEARCHERS", "YOUR_OWN", "SearcherEntry", "check_searcher", "make_searcher", "searcher_source"]
