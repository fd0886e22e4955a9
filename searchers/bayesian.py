"""Bayesian search with Optuna (Akiba et al., KDD 2019), through ask and tell. Any of its samplers can be chosen.

A candidate has an Optuna parameter for every decision, with the same names and options in every trial. If the chosen
option is closed by earlier decisions, the space replaces it (`Space.repaired`).

Departures from plain use of Optuna: every ask makes a new sampler, seeded by the number of asks before, so that
proposals depend on the trials only; a model of more than `memory` trials forgets the oldest failures, since the
time of a proposal grows with the number of trials; repeated candidates count as failures, which keeps a model from
proposing its best candidate again and again. What is not viable (`Space.viable`) counts as a failure at once; where
the model suggests nothing else, a random candidate that is viable is proposed, from which it learns as from its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from core.common.restoring import count, read
from core.common.seeding import derive_seed, numpy_rng
from core.search.decision import Decision
from core.search.searcher import Searcher
from core.search.space import Space, check_genomes
from core.search.trial import Trial, read_genome
from searchers.samplers import SAMPLERS, BayesianSettings, SamplerKind, quiet

#: Suggestions that may be refused before a proposal is drawn.
_TRIES = 4


class BayesianSearcher(Searcher):
    """Proposes the candidates that Optuna's model of past trials rates highest.

    Args:
        space: the search space.
        seed: of all random draws.
        settings: of the sampler.
        kind: another sampler of Optuna or your own, instead of the one named in the settings.
    """

    def __init__(
        self,
        space: Space[Any],
        seed: int,
        settings: BayesianSettings | None = None,
        kind: SamplerKind | None = None,
    ) -> None:
        self._space, self._seed, self._settings = space, seed, settings or BayesianSettings()
        self._kind = kind or SAMPLERS[self._settings.sampler]
        self._memory = (self._settings.memory or self._kind.memory) if self._kind.from_trials else 0
        self._distributions = {decision.name: self._distribution(decision) for decision in space.decisions}
        self._study = _empty_study()
        self._asked = 0
        self._open: dict[bytes, deque[int]] = {}  # genome -> numbers of its trials without an outcome
        self._log: list[list[Any]] = []  # of all calls, for samplers that cannot be rebuilt from trials

    def _is_named(self, decision: Decision) -> bool:
        """Return whether the sampler gets the names of a decision's options, or else their numbers."""
        return self._kind.categorical and not decision.ordered

    def _distribution(self, decision: Decision) -> BaseDistribution:
        if self._is_named(decision):
            return CategoricalDistribution(decision.options)
        return IntDistribution(0, decision.size - 1)

    def ask(self, n: int) -> np.ndarray:
        """See Searcher."""
        return np.stack([self._ask() for _ in range(n)])

    def _ask(self) -> np.ndarray:
        self._record(["ask"])
        for _ in range(_TRIES):
            number, genome = self._suggested()
            if self._space.viable(genome[None])[0]:
                self._open.setdefault(genome.tobytes(), deque()).append(number)
                return genome
            self._study.tell(number, self._settings.failure_reward)
        (drawn,) = self._space.drawn(1, numpy_rng(self._seed, "optuna drawn", self._asked))
        return np.asarray(drawn)

    def _suggested(self) -> tuple[int, np.ndarray]:
        """The number and the genome of a new trial."""
        seed = self._seed if self._kind.fixed_seed else derive_seed(self._seed, "optuna", self._asked)
        with quiet():
            self._study.sampler = self._kind.make(seed % 2**32, self._settings.n_startup)
            trial = self._study.ask(self._distributions)
        self._asked += 1
        return trial.number, self._genome(trial.params)

    def _genome(self, params: Mapping[str, Any]) -> np.ndarray:
        chosen = [
            decision.options.index(params[decision.name]) if self._is_named(decision) else int(params[decision.name])
            for decision in self._space.decisions
        ]
        (genome,) = self._space.repaired(np.array([chosen], dtype=np.int64))
        return np.asarray(genome)

    def _params(self, genome: np.ndarray) -> dict[str, Any]:
        return {
            decision.name: decision.options[number] if self._is_named(decision) else number
            for decision, number in zip(self._space.decisions, genome.tolist(), strict=True)
        }

    def tell(self, trials: Sequence[Trial[Any]]) -> Mapping[str, float]:
        """See Searcher; candidates that it did not propose are added as finished trials.

        Returns:
            model_trials, the number of trials of the model, and model_open, the number of those without an outcome.
        """
        for trial in trials:
            earned = trial.trained and trial.reward is not None
            self._finish(trial.candidate.genome, trial.reward if earned else self._settings.failure_reward)
        known = self._study.get_trials(deepcopy=False)
        n_open = sum(map(len, self._open.values()))
        if self._memory and len(known) - n_open > 1.5 * self._memory:
            self._forget()
        return {"model_trials": float(len(self._study.get_trials(deepcopy=False))), "model_open": float(n_open)}

    def _finish(self, genome: np.ndarray, value: float | None) -> None:
        waiting = self._open.get(genome.tobytes())
        if waiting:
            self._study.tell(waiting.popleft(), value)
            if not waiting:
                del self._open[genome.tobytes()]
        else:
            self._study.add_trial(
                create_trial(params=self._params(genome), distributions=self._distributions, value=value)
            )
        self._record(["tell", genome.tolist(), value])

    def _record(self, event: list[Any]) -> None:
        if not self._kind.from_trials:
            self._log.append(event)

    def _forget(self) -> None:
        """Shrink the study to `memory` trials: the best rewarded ones, at most half, and the newest of the others."""
        trials = self._study.get_trials(deepcopy=False)
        done = [t for t in trials if t.state.is_finished()]
        rewarded = [t.number for t in done if t.value is not None and t.value > self._settings.failure_reward]
        best = sorted(rewarded, key=lambda number: (-(trials[number].value or 0), number))[: self._memory // 2]
        rest = [t.number for t in done if t.number not in set(best)][-(self._memory - len(best)) :]
        kept = {*best, *rest, *(t.number for t in trials if not t.state.is_finished())}
        self._rebuild([t for t in trials if t.number in kept])

    def _rebuild(self, trials: Sequence[FrozenTrial]) -> None:
        """Make a new study of these trials, in order, and renumber those without an outcome."""
        numbers = {trial.number: i for i, trial in enumerate(trials)}
        self._study = _empty_study()
        self._study.add_trials(trials)
        self._open = {genome: deque(numbers[n] for n in waiting) for genome, waiting in self._open.items()}

    def state_dict(self) -> dict[str, Any]:
        """See Searcher: the trials; for samplers with an internal state, the log of all calls, to be replayed."""
        if not self._kind.from_trials:
            return {"seed": self._seed, "asked": self._asked, "log": [list(event) for event in self._log], "trials": []}
        trials = [[dict(t.params), t.value] for t in self._study.get_trials(deepcopy=False)]
        return {"seed": self._seed, "asked": self._asked, "log": [], "trials": trials}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See Searcher."""
        self._study = _empty_study()
        self._seed, self._open, self._log, self._asked = count(state["seed"]), {}, [], 0
        for event in state["log"]:
            if event[0] == "ask":
                self._ask()
            else:
                self._finish(self._valid(read_genome(event[1])), read(float, event[2]))
        for number, (params, value) in enumerate(read(list[tuple[dict[str, Any], float | None]], state["trials"])):
            done = TrialState.RUNNING if value is None else TrialState.COMPLETE
            self._study.add_trial(
                create_trial(state=done, params=params, distributions=self._distributions, value=value)
            )
            if value is None:
                self._open.setdefault(self._valid(self._genome(params)).tobytes(), deque()).append(number)
        self._asked = count(state["asked"])

    def _valid(self, genome: np.ndarray) -> np.ndarray:
        """Return the genome after checking it."""
        check_genomes(genome[None], self._space)
        return genome


def _empty_study() -> optuna.Study:
    with quiet():
        return optuna.create_study(direction="maximize")
