"""Genetic programming seeded by a policy (Mundhenk et al., NeurIPS 2021, arXiv 2111.00053).

A policy proposes the immigrants of a genetic population. The hall of fame is fed back to the policy, which learns
by priority-queue training. Every few generations the population restarts, so that evolution explores from the
current policy.

Departures: the paper alternates whole batches of samples with whole runs of evolution. Here, where only a few
in a thousand proposals are worth training, samples and children are mixed, and the hall of fame survives a restart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.common.errors import UserError
from core.common.restoring import count
from core.common.seeding import derive_seed
from core.search.searcher import Searcher
from core.search.space import Space
from core.search.trial import Candidate, Trial, Verdict
from searchers.genetic import GeneticSearcher, GeneticSettings
from searchers.policy import PolicySearcher, PolicySettings
from searchers.preselection import PRESELECTION


@dataclass(frozen=True)
class HybridSettings:
    """Settings of policy and population.

    Raises:
        UserError: a number out of range.
    """

    policy_rate: float = 0.3
    """Share of proposals by the policy after breeding has begun."""
    generations_per_cycle: int = 5
    """Generations between two restarts of the population."""
    objective: str = "priority-queue"
    """The objective of the policy, see rl."""
    learning_rate: float = 0.0
    """Learning rate of the policy; 0 stands for 0.01 with priority-queue and 0.001 with the others."""
    entropy_weight: float = 0.01
    """Weight of the policy's entropy; higher than in rl, since imitation lowers the entropy fast."""
    population_size: int = 30
    """Maximum number of individuals that survive a generation."""
    offspring_size: int = 15
    """Number of trained candidates per generation."""
    n_elites: int = 10
    """Individuals in the hall of fame."""
    preselection: int = PRESELECTION
    """Of so many candidates for each one that is proposed, a model of what they do chooses; 1: none does."""

    def __post_init__(self) -> None:
        """Check the settings."""
        if self.generations_per_cycle < 1:
            raise UserError(f"hybrid generations_per_cycle: expected at least 1, got {self.generations_per_cycle}")
        try:
            _ = self.policy, self.genetic
        except UserError as error:  # told of the settings here
            _, _, told = str(error).partition(" ")
            raise UserError(f"hybrid {told.replace('immigrant_rate', 'policy_rate', 1)}") from None

    @property
    def policy(self) -> PolicySettings:
        """Settings of the policy."""
        return PolicySettings(
            objective=self.objective, learning_rate=self.learning_rate, entropy_weight=self.entropy_weight
        )

    @property
    def genetic(self) -> GeneticSettings:
        """Settings of the population."""
        return GeneticSettings(
            population_size=self.population_size,
            offspring_size=self.offspring_size,
            n_elites=self.n_elites,
            immigrant_rate=self.policy_rate,
            preselection=self.preselection,
        )


class HybridSearcher(Searcher):
    """A policy and a population that learn from each other.

    Args:
        space: the search space.
        seed: of all random draws.
        settings: of policy and population.
    """

    def __init__(self, space: Space[Any], seed: int, settings: HybridSettings | None = None) -> None:
        self._settings = settings or HybridSettings()
        self._policy = PolicySearcher(space, derive_seed(seed, "hybrid policy"), self._settings.policy)
        self._genetic = GeneticSearcher(
            space, derive_seed(seed, "hybrid population"), self._settings.genetic, immigrants=self._policy.ask
        )
        self._cycles = 0

    def ask(self, n: int) -> np.ndarray:
        """See Searcher."""
        return self._genetic.ask(n)

    def tell(self, trials: Sequence[Trial[Any]]) -> Mapping[str, float]:
        """See Searcher; both learn from all outcomes, and the policy from the elites at the end of each generation.

        Returns:
            The metrics of both.
        """
        before = self._genetic.generation
        bred = self._genetic.tell(trials)
        learned = self._policy.tell(trials)
        if self._genetic.generation > before:
            learned = self._policy.tell(self._elite_trials())
        if self._genetic.generation // self._settings.generations_per_cycle > self._cycles:
            self._cycles = self._genetic.generation // self._settings.generations_per_cycle
            self._genetic.restart()
        return {**bred, **learned}

    def _elite_trials(self) -> list[Trial[Any]]:
        return [
            Trial(0, Candidate(0, genome, solution), Verdict.ACCEPTED, reward=reward, trained=True)
            for genome, solution, reward in self._genetic.elites
        ]

    def state_dict(self) -> dict[str, Any]:
        """See Searcher."""
        return {
            "policy": self._policy.state_dict(),
            "genetic": self._genetic.state_dict(),
            "cycles": self._cycles,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See Searcher."""
        self._policy.load_state_dict(state["policy"])
        self._genetic.load_state_dict(state["genetic"])
        self._cycles = count(state["cycles"])
