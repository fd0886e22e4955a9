"""Genetic programming with DEAP (Fortin et al., JMLR 2012) on straight-line programs.

Individuals are lists of lines; tournament selection, one-point crossover on lines, mutation until the loss is
another one. The best of parents and children survive (mu + lambda), or, as an option, the Pareto front of reward
and complexity (NSGA-II, Deb et al., 2002). Only losses that were trained enter the population: nearly all others
earn the same failure, from which nothing can be selected.

DEAP's tools draw from Python's global generator. They run here on a state of our own, which is put in
before and taken out after each use.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from deap import base, tools

from core.common.errors import UserError
from core.common.restoring import count, read
from core.common.seeding import derive_seed, numpy_rng
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from core.search.searcher import Searcher
from core.search.trial import Trial
from searchers.variation import Row, mutated, program_of, rows_of

_NOVELTY_TRIES = 20


@dataclass(frozen=True)
class GeneticSettings:
    """Of the population and its variation.

    Raises:
        UserError: a number out of range, or an unknown selection.
    """

    population_size: int = 30
    """The most individuals that survive a generation."""
    offspring_size: int = 15
    """Trained losses that make a generation."""
    initial_size: int = 8
    """Individuals needed before breeding begins; random programs are proposed until then."""
    tournament_size: int = 3
    """Individuals drawn for each tournament; more of them choose more strictly."""
    crossover_rate: float = 0.5
    """Share of children that have two parents."""
    immigrant_rate: float = 0.1
    """Share of proposals that are random programs still."""
    n_elites: int = 5
    """Individuals in the hall of fame."""
    selection: str = "tournament"
    """Who survives: tournament (the best by reward) or nsga2 (the Pareto front of reward and complexity)."""

    def __post_init__(self) -> None:
        """Check the settings."""
        for name in ("population_size", "offspring_size", "initial_size", "tournament_size", "n_elites"):
            if getattr(self, name) < 1:
                raise UserError(f"gp {name}: expected at least 1, got {getattr(self, name)}")
        for name in ("crossover_rate", "immigrant_rate"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"gp {name}: expected 0 to 1, got {getattr(self, name)}")
        if self.selection not in _WEIGHTS:
            raise UserError(f"gp selection: expected {' or '.join(_WEIGHTS)}, got {self.selection!r}")


class _RewardFitness(base.Fitness):
    weights = (1.0,)


class _ParetoFitness(base.Fitness):
    weights = (1.0, -1.0)


_WEIGHTS: Mapping[str, type[base.Fitness]] = {"tournament": _RewardFitness, "nsga2": _ParetoFitness}


class Individual(list[Row]):
    """A genome with its fitness."""

    def __init__(self, rows: Sequence[Row], fitness: base.Fitness, key: str = "") -> None:
        super().__init__(rows)
        self.fitness, self.key = fitness, key


class GeneticSearcher(Searcher):
    """Breeds new programs from the best ones told.

    Args:
        space: where programs come from.
        seed: of all draws.
        settings: of the population.
        immigrants: where unbred programs come from, n at a time; uniform draws from the space unless given.
    """

    def __init__(
        self,
        space: OperatorSpace,
        seed: int,
        settings: GeneticSettings | None = None,
        immigrants: Callable[[int], list[LossProgram]] | None = None,
    ) -> None:
        self._space, self._settings = space, settings or GeneticSettings()
        self._rng = random.Random(derive_seed(seed, "genetic"))
        self._uniform = numpy_rng(seed, "genetic immigrants")
        self._immigrants = immigrants or (lambda n: space.sample(n, self._uniform))
        self._population: list[Individual] = []
        self._children: list[Individual] = []
        self._hall = tools.HallOfFame(self._settings.n_elites, similar=lambda one, other: one.key == other.key)
        self._known: set[int] = set()  # hashes of the keys proposed or told
        self._generation = 0
        self._toolbox = self._make_toolbox()

    def _make_toolbox(self) -> base.Toolbox:
        settings, toolbox = self._settings, base.Toolbox()
        toolbox.register("mate", tools.cxOnePoint)
        toolbox.register("mutate", mutated, space=self._space, rng=self._rng)
        toolbox.register("select", tools.selTournament, k=2, tournsize=settings.tournament_size)
        survive = tools.selNSGA2 if settings.selection == "nsga2" else tools.selBest
        toolbox.register("survive", survive, k=settings.population_size)
        return toolbox

    def ask(self, n: int) -> list[LossProgram]:
        """See Searcher."""
        return [self._propose() for _ in range(n)]

    def _propose(self) -> LossProgram:
        """A child that was not proposed before, or an immigrant."""
        if self._growing or self._rng.random() < self._settings.immigrant_rate:
            program = self._immigrants(1)[0]
        else:
            child = self._child()
            program = program_of(child, self._space)
            for _ in range(_NOVELTY_TRIES):
                if _hashed(program) not in self._known:
                    break
                child = self._toolbox.mutate(child)
                program = program_of(child, self._space)
        self._known.add(_hashed(program))
        return program

    @property
    def _growing(self) -> bool:
        """Whether there are too few individuals to breed from."""
        return len(self._population) < min(self._settings.initial_size, self._settings.population_size)

    def _child(self) -> list[Row]:
        with own_random(self._rng):
            mother, father = self._toolbox.select(self._population)
            if len(mother) > 1 and random.random() < self._settings.crossover_rate:
                return list(self._toolbox.mate(list(mother), list(father))[0])
        return list(self._toolbox.mutate(mother))

    def tell(self, trials: Sequence[Trial]) -> Mapping[str, float]:
        """See Searcher; a generation passes when `offspring_size` children were trained.

        Returns:
            generation, and of the population its size, best and mean reward and mean complexity.
        """
        for trial in trials:
            program = trial.candidate.program
            if trial.trained and trial.reward is not None and program in self._space:
                self._known.add(_hashed(program))
                self._admit(self._individual(rows_of(program, self._space), trial.reward))
        return self._metrics()

    def _individual(self, rows: Sequence[Row], reward: float) -> Individual:
        program = program_of(rows, self._space)
        values = (reward, float(program.complexity))
        fitness = _WEIGHTS[self._settings.selection]
        return Individual(rows, fitness(values[: len(fitness.weights)]), program.key)

    def _admit(self, individual: Individual) -> None:
        self._hall.update([individual])
        self._children.append(individual)
        growing = self._growing
        if growing or len(self._children) >= self._settings.offspring_size:
            newest = {one.key: one for one in [*self._population, *self._children]}  # measured again: the newest counts
            self._population, self._children = self._toolbox.survive(list(newest.values())), []
            self._generation += not growing

    def restart(self) -> None:
        """Let only the hall of fame live on."""
        self._population, self._children = list(self._hall), []

    @property
    def generation(self) -> int:
        """Generations so far."""
        return self._generation

    @property
    def elites(self) -> list[tuple[LossProgram, float]]:
        """The hall of fame: programs with their rewards, the best first."""
        return [(program_of(one, self._space), one.fitness.values[0]) for one in self._hall]

    def _metrics(self) -> dict[str, float]:
        rewards = tools.Statistics(lambda one: one.fitness.values[0])
        rewards.register("mean", lambda values: sum(values) / max(len(values), 1))
        rewards.register("best", lambda values: max(values, default=0.0))
        sizes = tools.Statistics(lambda one: program_of(one, self._space).complexity)
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
            "uniform": self._uniform.bit_generator.state,
            "known": sorted(self._known),
            "generation": self._generation,
            **{name: [self._stored(one) for one in group] for name, group in groups.items()},
        }

    def _stored(self, individual: Individual) -> dict[str, Any]:
        program = program_of(individual, self._space).to_dict()
        return {"program": program, "spare": [row[2] for row in individual], "reward": individual.fitness.values[0]}

    def _read(self, stored: Mapping[str, Any]) -> Individual:
        rows = rows_of(LossProgram.from_dict(stored["program"]), self._space)
        spares = [count(spare, len(self._space.inputs) + i) for i, spare in enumerate(stored["spare"])]
        whole = [(row[0], row[1], spare) for row, spare in zip(rows, spares, strict=True)]
        return self._individual(whole, read(float, stored["reward"]))

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See Searcher."""
        version, numbers, gauss = state["rng"]
        self._rng.setstate((version, tuple(numbers), read(float | None, gauss)))
        self._uniform.bit_generator.state = state["uniform"]
        self._known = set(read(list[int], state["known"]))
        self._generation = count(state["generation"])
        self._population = [self._read(stored) for stored in state["population"]]
        self._children = [self._read(stored) for stored in state["children"]]
        self._hall.clear()
        # It puts the newer of equals first.
        self._hall.update([self._read(stored) for stored in reversed(state["hall"])])


def _hashed(program: LossProgram) -> int:
    return derive_seed(program.key)


@contextmanager
def own_random(rng: random.Random) -> Iterator[None]:
    """Python's global generator stands where `rng` stands within the block, and `rng` where it ends."""
    outside = random.getstate()
    random.setstate(rng.getstate())
    try:
        yield
    finally:
        rng.setstate(random.getstate())
        random.setstate(outside)
