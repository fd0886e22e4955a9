"""Genetic programming with DEAP (Fortin et al., JMLR 2012) on genomes.

Tournament selection, one-point crossover at the cuts of the space (for programs: between lines), and mutation of a
decision that counts. Children that are not viable or not new are dropped; where all are, the next ones are mutated once
more. The best of parents and children survive (mu + lambda) or, optionally, the newest (regularised evolution, Real et
al., AAAI 2019, Algorithm 1) or the Pareto front of reward and complexity (NSGA-II, Deb et al., 2002). Only trained
candidates enter the population: nearly all others have the same failure reward, which gives selection nothing to work
with.

DEAP's tools draw from Python's global generator. Around each use, its state is replaced by that of the searcher's own
generator and restored afterwards.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from deap import base, tools

from core.common.errors import UserError
from core.common.restoring import count, read
from core.common.seeding import derive_seed, numpy_rng, own_random
from core.search.searcher import Searcher
from core.search.space import Solution, Space
from core.search.trial import Trial, read_genome
from searchers.preselection import PRESELECTION

#: Children that are bred first, of which those that are viable and new are proposed; then four times as many each time,
#: up to a number, and so often at most.
_BROOD, _LARGEST, _BROODS = 32, 4_096, 6
#: Tournaments for the parents of all children that are asked for at once: many more would take longer than all else.
_PARENTS = 256


@dataclass(frozen=True)
class GeneticSettings:
    """Settings of the population and its variation.

    Raises:
        UserError: a number out of range, or an unknown selection.
    """

    population_size: int = 30
    """Maximum number of individuals that survive a generation."""
    offspring_size: int = 15
    """Number of trained candidates per generation."""
    initial_size: int = 8
    """Number of individuals before breeding begins; until then, proposals are random."""
    tournament_size: int = 3
    """Individuals drawn for each tournament; more increase the selection pressure."""
    crossover_rate: float = 0.5
    """Share of children made by crossover of two parents; the others are mutants of one."""
    immigrant_rate: float = 0.1
    """Share of random proposals after breeding has begun."""
    n_elites: int = 5
    """Individuals in the hall of fame."""
    selection: str = "tournament"
    """Who survives: tournament (the best by reward), aging (the newest) or nsga2 (the Pareto front of reward and
    complexity)."""
    preselection: int = PRESELECTION
    """Of so many candidates for each one that is proposed, a model of what they do chooses; 1: none does."""

    def __post_init__(self) -> None:
        """Check the settings."""
        sizes = ("population_size", "offspring_size", "initial_size", "tournament_size", "n_elites", "preselection")
        for name in sizes:
            if getattr(self, name) < 1:
                raise UserError(f"gp {name}: expected at least 1, got {getattr(self, name)}")
        for name in ("crossover_rate", "immigrant_rate"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"gp {name}: expected 0 to 1, got {getattr(self, name)}")
        if self.selection not in _SELECTIONS:
            raise UserError(f"gp selection: expected {', '.join(_SELECTIONS)}, got {self.selection!r}")


class _RewardFitness(base.Fitness):
    weights = (1.0,)


class _ParetoFitness(base.Fitness):
    weights = (1.0, -1.0)


def _newest(individuals: Sequence[Individual], k: int) -> list[Individual]:
    return list(individuals[-k:])


#: Name -> what an individual is worth, and who of them survive.
_SELECTIONS: Mapping[str, tuple[type[base.Fitness], Callable[..., list[Individual]]]] = {
    "tournament": (_RewardFitness, tools.selBest),
    "aging": (_RewardFitness, _newest),
    "nsga2": (_ParetoFitness, tools.selNSGA2),
}


class Individual:
    """A member of the population.

    Args:
        genome: [D], in normal form.
        solution: its candidate.
        fitness: its reward, and its complexity for NSGA-II.
    """

    def __init__(self, genome: np.ndarray, solution: Solution, fitness: base.Fitness) -> None:
        self.genome, self.solution, self.fitness = genome, solution, fitness

    def __deepcopy__(self, memo: dict[int, Any]) -> Individual:
        """Return the individual itself, which is immutable; DEAP's hall of fame would copy it."""
        return self


class GeneticSearcher(Searcher):
    """Breeds new candidates from the best ones so far.

    Args:
        space: the search space.
        seed: of all random draws.
        settings: of the population.
        immigrants: n -> genomes [n, D] that are not bred; random ones of the space by default.
    """

    def __init__(
        self,
        space: Space[Any],
        seed: int,
        settings: GeneticSettings | None = None,
        immigrants: Callable[[int], np.ndarray] | None = None,
    ) -> None:
        self._space, self._settings = space, settings or GeneticSettings()
        self._rng = random.Random(derive_seed(seed, "genetic"))
        self._draws, self._uniform = numpy_rng(seed, "genetic variation"), numpy_rng(seed, "genetic immigrants")
        self._immigrants = immigrants or (lambda n: space.drawn(n, self._uniform))
        self._population: list[Individual] = []
        self._children: list[Individual] = []
        self._hall = tools.HallOfFame(self._settings.n_elites, similar=lambda one, other: _key(one) == _key(other))
        self._known: set[int] = set()  # hashes of what was proposed or told
        self._generation = 0
        self._toolbox = self._make_toolbox()

    def _make_toolbox(self) -> base.Toolbox:
        settings, toolbox = self._settings, base.Toolbox()
        toolbox.register("select", tools.selTournament, tournsize=settings.tournament_size)
        toolbox.register("survive", _SELECTIONS[settings.selection][1], k=settings.population_size)
        return toolbox

    def ask(self, n: int) -> np.ndarray:
        """See Searcher."""
        is_immigrant = np.full(n, self._growing) | (self._draws.random(n) < self._settings.immigrant_rate)
        genomes = np.empty((n, len(self._space.decisions)), dtype=np.int64)
        if is_immigrant.any():
            genomes[is_immigrant] = self._immigrants(int(is_immigrant.sum()))
            self._new(genomes[is_immigrant])
        if not is_immigrant.all():
            genomes[~is_immigrant] = self._children_of(int((~is_immigrant).sum()))
        return genomes

    def _new(self, genomes: np.ndarray) -> np.ndarray:
        """Return which candidates were not proposed before [n] bool; from now on they were."""
        is_new = np.empty(len(genomes), dtype=bool)
        for i, one in enumerate(self._space.hashes(genomes).tolist()):
            is_new[i] = one not in self._known
            self._known.add(one)
        return is_new

    def _children_of(self, n: int) -> np.ndarray:
        """Return children [n, D] that are viable and new, as far as some thousand tries give any."""
        found, size = np.empty((0, len(self._space.decisions)), dtype=np.int64), max(n, _BROOD)
        parents = self._parents()
        for changes in range(1, 1 + _BROODS):
            brood = self._brood(parents, size, changes)
            children = brood[self._space.viable(brood)]
            while len(children) and len(found) < n:
                tried, children = children[: n - len(found)], children[n - len(found) :]
                found = np.concatenate([found, tried[self._new(tried)]])
            if len(found) == n:
                break
            size = min(4 * size, _LARGEST)
        return np.concatenate([found, brood])[:n]

    def _parents(self) -> np.ndarray:
        """Select parents [k, D], each by a tournament of its own."""
        with own_random(self._rng):
            return np.stack([one.genome for one in self._toolbox.select(self._population, k=_PARENTS)])

    def _brood(self, parents: np.ndarray, n: int, changes: int) -> np.ndarray:
        """Breed n children [n, D] of parents [k, D]: by crossover of two, or by so many mutations of one, or both."""
        mothers, fathers = (parents[self._draws.integers(len(parents), size=n)] for _ in range(2))
        cuts, settings = self._space.cuts, self._settings
        is_crossed = self._draws.random(n) < (settings.crossover_rate if cuts else 0)
        first = self._draws.choice(cuts, n) if cuts else np.zeros(n, dtype=np.int64)
        is_father = is_crossed[:, None] & (np.arange(mothers.shape[1]) >= first[:, None])
        children = self._space.repaired(np.where(is_father, fathers, mothers))
        for i in range(changes):
            chosen = np.full(n, i > 0) | ~is_crossed
            children[chosen] = self._space.varied(children[chosen], self._draws)
        return children

    @property
    def _growing(self) -> bool:
        """Whether there are too few individuals to breed from."""
        return len(self._population) < min(self._settings.initial_size, self._settings.population_size)

    def tell(self, trials: Sequence[Trial[Any]]) -> Mapping[str, float]:
        """See Searcher; a generation ends when `offspring_size` candidates were trained.

        Returns:
            The number of generations, and the size, best and mean reward, and mean complexity of the population.
        """
        for trial in trials:
            if trial.trained and trial.reward is not None:
                candidate = trial.candidate
                self._known.update(self._space.hashes(candidate.genome[None]).tolist())
                self._admit(self._individual(candidate.genome, candidate.solution, trial.reward))
        return self._metrics()

    def _individual(self, genome: np.ndarray, solution: Solution, reward: float) -> Individual:
        values = (reward, float(solution.complexity))
        fitness, _ = _SELECTIONS[self._settings.selection]
        return Individual(genome, solution, fitness(values[: len(fitness.weights)]))

    def _admit(self, individual: Individual) -> None:
        self._hall.update([individual])
        self._children.append(individual)
        growing = self._growing
        if growing or len(self._children) >= self._settings.offspring_size:
            # The newest reward counts for candidates that were measured again.
            newest = {_key(one): one for one in [*self._population, *self._children]}
            self._population, self._children = self._toolbox.survive(list(newest.values())), []
            self._generation += not growing

    def restart(self) -> None:
        """Replace the population by the hall of fame."""
        self._population, self._children = list(self._hall), []

    @property
    def generation(self) -> int:
        """Number of generations so far."""
        return self._generation

    @property
    def elites(self) -> list[tuple[np.ndarray, Solution, float]]:
        """The hall of fame, best first: (genome [D], candidate, reward)."""
        return [(one.genome, one.solution, one.fitness.values[0]) for one in self._hall]

    def _metrics(self) -> dict[str, float]:
        rewards = tools.Statistics(lambda one: one.fitness.values[0])
        rewards.register("mean", lambda values: sum(values) / max(len(values), 1))
        rewards.register("best", lambda values: max(values, default=0.0))
        sizes = tools.Statistics(lambda one: one.solution.complexity)
        sizes.register("complexity", lambda values: sum(values) / max(len(values), 1))
        compiled = rewards.compile(self._population) | sizes.compile(self._population)
        named = {f"population_{name}": float(value) for name, value in compiled.items()}
        return {"generation": float(self._generation), "population_size": float(len(self._population)), **named}

    def state_dict(self) -> dict[str, Any]:
        """See Searcher."""
        version, numbers, gauss = self._rng.getstate()
        groups = {"population": self._population, "children": self._children, "hall": list(self._hall)}
        return {
            "rng": [version, list(numbers), gauss],
            "draws": self._draws.bit_generator.state,
            "uniform": self._uniform.bit_generator.state,
            "known": sorted(self._known),
            "generation": self._generation,
            **{name: [self._stored(one) for one in group] for name, group in groups.items()},
        }

    def _stored(self, individual: Individual) -> dict[str, Any]:
        return {"genome": individual.genome.tolist(), "reward": individual.fitness.values[0]}

    def _read(self, stored: Mapping[str, Any]) -> Individual:
        genome = read_genome(stored["genome"])
        (solution,) = self._space.decode(genome[None])
        return self._individual(genome, solution, read(float, stored["reward"]))

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See Searcher."""
        version, numbers, gauss = state["rng"]
        self._rng.setstate((version, tuple(numbers), read(float | None, gauss)))
        self._draws.bit_generator.state, self._uniform.bit_generator.state = state["draws"], state["uniform"]
        self._known = set(read(list[int], state["known"]))
        self._generation = count(state["generation"])
        self._population = [self._read(stored) for stored in state["population"]]
        self._children = [self._read(stored) for stored in state["children"]]
        self._hall.clear()
        # Among equal rewards it puts the newer one first.
        self._hall.update([self._read(stored) for stored in reversed(state["hall"])])


def _key(individual: Individual) -> str:
    return individual.solution.key
