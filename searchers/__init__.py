"""The registry of searchers. To add one, write a class in a file of its own and add a row: docs/add-a-searcher.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from core.common.errors import UserError, unknown_name
from core.common.loading import source_digest
from core.search.searcher import Searcher
from core.search.space import Space
from searchers.beam import BeamSearcher, BeamSettings
from searchers.feature_search import make_bayesian
from searchers.genetic import GeneticSearcher, GeneticSettings
from searchers.guessing import GuessingSearcher, read_guess
from searchers.hybrid import HybridSearcher, HybridSettings
from searchers.nasp import NaspSearcher, NaspSettings
from searchers.own import OwnSearcher, find_searcher
from searchers.policy import PolicySearcher, PolicySettings
from searchers.preselection import PreselectingSearcher
from searchers.random import RandomSearcher
from searchers.samplers import BayesianSettings
from searchers.specification import SearcherSpec, read_settings
from searchers.surrogate import SurrogateSearcher, SurrogateSettings


@dataclass(frozen=True)
class SearcherEntry:
    """A row of the registry."""

    make: Callable[..., Searcher]
    """(space, seed) -> searcher, or (space, seed, settings) -> searcher if there are settings."""
    about: str
    """A short description, for --help."""
    settings: type | None = None
    """A frozen dataclass with fields of type str, int, float or bool, all with defaults; None: no settings."""
    needs: str = ""
    """The method of a problem (`core.phases.problem.StudyProblem`) whose result `make` gets behind the settings."""
    problems: str = ""
    """Those that have it, for messages."""


SEARCHERS: Mapping[str, SearcherEntry] = MappingProxyType(
    {
        "rl": SearcherEntry(PolicySearcher, "the paper's LSTM controller, trained by REINFORCE", PolicySettings),
        "gp": SearcherEntry(GeneticSearcher, "genetic programming with DEAP", GeneticSettings),
        "optuna": SearcherEntry(make_bayesian, "Optuna's TPE, or any other of its samplers", BayesianSettings),
        "hybrid": SearcherEntry(HybridSearcher, "genetic programming seeded by a policy", HybridSettings),
        "surrogate": SearcherEntry(
            SurrogateSearcher, "a Gaussian process over what candidates do (of losses: gradients)", SurrogateSettings
        ),
        "random": SearcherEntry(RandomSearcher, "uniform random programs"),
    }
)

#: Those that know more of a problem than its space, and so are for some problems alone.
OF_PROBLEMS: Mapping[str, SearcherEntry] = MappingProxyType(
    {
        "nasp": SearcherEntry(
            NaspSearcher,
            "one-shot search by proximal iterations, of --problem interaction alone",
            NaspSettings,
            "supernet",
            "whose candidates share weights in a supernet, such as --problem interaction with space=functions",
        ),
        "beam": SearcherEntry(
            BeamSearcher,
            "beam search, of --problem crosses alone",
            BeamSettings,
            "expansion",
            "whose candidates grow by a part at a time, such as --problem crosses",
        ),
    }
)
#: Name of what a searcher needs of a problem, and a seed -> that; None: the problem has none.
Insight = Callable[[str, int], Any]

#: The sentence after the list of names in --help.
YOUR_OWN = " Or package.module:Class, a searcher of your own, see docs/add-a-searcher.md."


def check_searcher(text: str) -> tuple[SearcherSpec, Any]:
    """Parse and check a line such as `gp` or `optuna:sampler=cmaes`.

    Returns:
        The specification, and the searcher's settings; None for a searcher without settings.

    Raises:
        UserError: an unknown name or setting, an invalid value, or a class that is not a searcher.
    """
    spec = SearcherSpec.parse(text)
    every = {**SEARCHERS, **OF_PROBLEMS}
    if ":" not in spec.name and spec.name not in every:
        raise unknown_name("searcher", spec.name, every)
    kind = find_searcher(spec)[1] if ":" in spec.name else every[spec.name].settings
    return spec, read_settings(spec, kind)


def searcher_source(text: str) -> str | None:
    """Return a digest of the file that defines the class named by a line; None for searchers of the registry.

    Raises:
        UserError: see `check_searcher`.
    """
    spec = SearcherSpec.parse(text)
    return source_digest(find_searcher(spec)[0]) if ":" in spec.name else None


def make_searcher(
    text: str,
    space: Space[Any],
    seed: int,
    guesses: Sequence[str] = (),
    candidates_per_step: int = 16,
    insight: Insight = lambda name, seed: None,
) -> Searcher:
    """Build the searcher that a line specifies.

    Args:
        text: such as `gp`, `optuna:sampler=cmaes` or `package.module:Class:size=4`.
        space: the search space.
        seed: of all random draws.
        guesses: candidates to propose first, as text.
        candidates_per_step: how many candidates are trained together.
        insight: gives what some searchers need of a problem beside its space, see `OF_PROBLEMS`.

    Raises:
        UserError: see `check_searcher`; a guess that is not in the space, or a searcher of other problems.
    """
    spec, settings = check_searcher(text)
    if isinstance(settings, PolicySettings):
        settings = settings.for_steps_of(candidates_per_step)
    arguments = (space, seed) if settings is None else (space, seed, settings)
    if ":" in spec.name:
        searcher: Searcher = OwnSearcher(find_searcher(spec)[0], spec.name, *arguments)
    elif (entry := OF_PROBLEMS.get(spec.name)) is not None:
        if (known := insight(entry.needs, seed)) is None:
            raise UserError(f"searcher {spec.name}: expected a problem {entry.problems}")
        searcher = entry.make(*arguments, known)
    else:
        searcher = SEARCHERS[spec.name].make(*arguments)
        times = getattr(settings, "preselection", 1)
        searcher = PreselectingSearcher(searcher, space, times) if times > 1 else searcher
    return GuessingSearcher(searcher, [read_guess(guess, space) for guess in guesses]) if guesses else searcher


__all__ = [
    "OF_PROBLEMS",
    "SEARCHERS",
    "YOUR_OWN",
    "SearcherEntry",
    "check_searcher",
    "make_searcher",
    "searcher_source",
]
