"""A recommender that costs nothing, and searchers whose proposals are known beforehand."""

from abc import abstractmethod
from itertools import count

import numpy as np

from core.common.seeding import derive_seed
from core.problems.evaluator import Evaluator, Measurement
from core.problems.proxy import prediction_probe
from core.programs.program import LossProgram
from core.search.searcher import Searcher


class FakeEvaluator(Evaluator):
    """Scores depend on the program and on the state that it starts from.

    `gains` gives a gain in score for some formulas; others get one between -0.01 and 0.01 from their key.
    """

    def __init__(self, gains=None, *, keeps_start=False, can_restart=True, fixed_probe=False, seconds=1):
        self.gains = {LossProgram.parse(text).key: gain for text, gain in (gains or {}).items()}
        self.keeps_start, self.can_restart, self.fixed_probe = keeps_start, can_restart, fixed_probe
        self.state, self.start = 0, 0.5
        self.offered, self.restarts, self.measured, self.log = [], [], [], []
        self.scales = []
        self._scores, self._clock = [], count(seconds)

    epochs_per_candidate = 1

    def score(self):
        return self.start

    def probe(self):
        self.log.append(("probe", self.state))
        return prediction_probe(0 if self.fixed_probe else self.state)

    def gain(self, program):
        hashed = (derive_seed(program.key, self.state) % 2001 - 1000) / 100_000
        return self.gains.get(program.key, hashed)

    def measure(self, losses, seed):
        self.measured.append(([loss.program.key for loss in losses], seed))
        self.log.append(("measure", len(losses)))
        self.scales += [loss.scale for loss in losses]
        self._scores = [self.start + self.gain(loss.program) for loss in losses]
        return [Measurement(score, float(next(self._clock))) for score in self._scores]

    def adopt(self, index):
        self.offered.append(index)
        self.log.append(("adopt", index))
        if self.keeps_start:
            return False
        self.start, self.state = self._scores[index], self.state + 1
        return True

    def state_dict(self):
        return {"state": self.state, "start": self.start}

    def load_state_dict(self, state):
        self.state, self.start = state["state"], state["start"]

    def restart(self, seed):
        self.restarts.append(seed)
        self.log.append(("restart", seed))
        if not self.can_restart:
            return False
        self.start, self.state = 0.5, self.state + 1
        return True


class Books(Searcher):
    """Keeps books of what it proposed and was told; the metrics count what it was told."""

    def __init__(self):
        self.asked, self.tells, self.events = [], [], []

    @property
    def told(self):
        return [trial for trials in self.tells for trial in trials]

    def ask(self, n):
        self.events.append(("ask", n))
        for _ in range(n):
            self.asked.append(self.propose())
        return self.asked[-n:]

    @abstractmethod
    def propose(self):
        """The next program."""

    def tell(self, trials):
        self.tells.append(list(trials))
        self.events.append(("tell", [trial.candidate.number for trial in trials]))
        return {"told": float(len(self.told))}

    def state_dict(self):
        return {"n_asked": len(self.asked), "n_told": len(self.told)}

    def load_state_dict(self, state):
        filler = LossProgram.parse("y")
        self.asked, self.tells = [filler] * state["n_asked"], [[None] * state["n_told"]]


class Scripted(Books):
    """Proposes these formulas in turn, and the last one for ever."""

    def __init__(self, *formulas):
        super().__init__()
        self.programs = [LossProgram.parse(text) for text in formulas]

    def propose(self):
        return self.programs[min(len(self.asked), len(self.programs) - 1)]


class Sampling(Books):
    """Proposes random programs; what it is told moves its generator on."""

    def __init__(self, space, seed):
        super().__init__()
        self.space, self.rng = space, np.random.default_rng(seed)

    def propose(self):
        return self.space.sample(1, self.rng)[0]

    def tell(self, trials):
        self.rng.random(sum(trial.trained for trial in trials))
        return super().tell(trials)

    def state_dict(self):
        return {**super().state_dict(), "rng": self.rng.bit_generator.state}

    def load_state_dict(self, state):
        super().load_state_dict(state)
        self.rng.bit_generator.state = state["rng"]
