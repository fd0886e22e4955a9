"""A recommender that costs nothing, searchers whose proposals are known beforehand, and problems for both."""

from abc import abstractmethod
from dataclasses import dataclass
from itertools import count

import numpy as np

from core.common.seeding import derive_seed
from core.problems.evaluator import Evaluator
from core.problems.loss import LossProblem
from core.problems.proxy import prediction_proxy_batch
from core.programs.program import LossProgram
from core.search.choices import ChoiceSpace
from core.search.decision import Decision, Kind
from core.search.problem import Finding, Measurement, Problem
from core.search.searcher import Searcher
from core.search.trial import Verdict


class FakeEvaluator(Evaluator):
    """Scores depend on the program and on the state that it starts from.

    `gains` gives a gain in score for some formulas; others get one between -0.01 and 0.01 from their key.
    """

    def __init__(self, gains=None, *, keeps_start=False, can_restart=True, fixed_batch=False, seconds=1):
        self.gains = {LossProgram.parse(text).key: gain for text, gain in (gains or {}).items()}
        self.keeps_start, self.can_restart, self.fixed_batch = keeps_start, can_restart, fixed_batch
        self.state, self.start = 0, 0.5
        self.offered, self.restarts, self.measured, self.log = [], [], [], []
        self.scales = []
        self._scores, self._clock = [], count(seconds)

    def score(self):
        return self.start

    def proxy_batch(self):
        self.log.append(("proxy_batch", self.state))
        return prediction_proxy_batch(0 if self.fixed_batch else self.state)

    def gain(self, program):
        hashed = (derive_seed(program.key, self.state) % 2001 - 1000) / 100_000
        return self.gains.get(program.key, hashed)

    def measure(self, losses, seed):
        self.measured.append(([loss.program.key for loss in losses], seed))
        self.log.append(("measure", len(losses)))
        self.scales += [loss.scale for loss in losses]
        self._scores = [self.start + self.gain(loss.program) for loss in losses]
        return [Measurement(score, 1, float(next(self._clock))) for score in self._scores]

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


@dataclass(frozen=True)
class FormulaSpace(ChoiceSpace):
    """One decision among formulas, such as no space of operators holds."""

    @classmethod
    def of(cls, formulas):
        names = tuple(dict.fromkeys(text.replace(" ", "") for text in formulas))
        return cls((Decision("formula", Kind("formula", names), len(names)),))

    def decode(self, genomes):
        return [LossProgram.parse(one.names[0]) for one in super().decode(genomes)]


class FormulaProblem(LossProblem):
    """The problem of a loss, whose candidates come from any space of programs."""

    def __init__(self, formulas, *args, **settings):
        self.formulas = formulas
        super().__init__(*args, **settings)

    @property
    def space(self):
        return self.formulas


class Books(Searcher):
    """Keeps books of what it proposed and was told; the metrics count what it was told."""

    def __init__(self, space):
        self.space = space
        self.asked, self.tells, self.events = [], [], []

    @property
    def told(self):
        return [trial for trials in self.tells for trial in trials]

    def ask(self, n):
        self.events.append(("ask", n))
        for _ in range(n):
            self.asked.append(self.propose())
        return np.stack(self.asked[-n:])

    @abstractmethod
    def propose(self):
        """The next genome."""

    def tell(self, trials):
        self.tells.append(list(trials))
        self.events.append(("tell", [trial.candidate.number for trial in trials]))
        return {"told": float(len(self.told))}

    def state_dict(self):
        return {"n_asked": len(self.asked), "n_told": len(self.told)}

    def load_state_dict(self, state):
        self.asked, self.tells = [None] * state["n_asked"], [[None] * state["n_told"]]


class Scripted(Books):
    """Proposes these formulas in turn, and the last one for ever."""

    def __init__(self, *formulas):
        super().__init__(FormulaSpace.of(formulas))
        self.programs = [LossProgram.parse(text) for text in formulas]
        self.script = [self.space.decisions[0].options.index(text.replace(" ", "")) for text in formulas]

    def propose(self):
        return np.array([self.script[min(len(self.asked), len(self.script) - 1)]])


class Sampling(Books):
    """Proposes random candidates; what it is told moves its generator on."""

    def __init__(self, space, seed):
        super().__init__(space)
        self.rng = np.random.default_rng(seed)

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


class Colours(Problem):
    """A problem without losses: which colours make a picture, that is painted over by the best of a step, most like one
    that is in mind. Each colour that is right brings the picture nearer by what it lacks; grey alone is not painted.

    Args:
        seed: of the picture in mind and of the first one.
        keeps_start: whether all candidates paint over the first picture.
        forgets: whether the same candidate may be painted again.
    """

    def __init__(self, seed, keeps_start=False, forgets=False):
        colour = Kind("colour", ("grey", "red", "green", "blue"))
        shade = Kind("shade", ("1", "2", "3"))
        decisions = [Decision(f"colour_{i}", colour, 4) for i in range(3)]
        self._space = ChoiceSpace((*decisions, Decision("shade", shade, 3, ordered=True)))
        self._keeps_start, self._forgets = keeps_start, forgets
        self._in_mind = self._space.decode(self._space.sample(1, np.random.default_rng(0)))[0].names
        self._painted = []
        self._begin(seed)

    def _begin(self, seed):
        self._start = float(np.random.default_rng(seed).uniform(0.1, 0.2))
        self._entries = {}

    @property
    def space(self):
        return self._space

    def score(self):
        return self._start

    def examine(self, candidates):
        return [self._finding(candidate) for candidate in candidates]

    def _finding(self, candidate):
        if set(candidate.names[:3]) == {"grey"}:
            return Finding(Verdict.ZERO_GRADIENT)
        key = candidate.key if not self._forgets else len(self._entries)
        if key in self._entries:
            return Finding(Verdict.DUPLICATE, self._entries[key])
        self._entries[key] = len(self._entries)
        return Finding(None, self._entries[key])

    @property
    def n_entries(self):
        return len(self._entries)

    def measure(self, candidates, seed):
        rng = np.random.default_rng(seed)
        noise = rng.normal(scale=1e-4, size=4)  # the same for all candidates, as batches are
        right = [np.array([a == b for a, b in zip(one.names, self._in_mind, strict=True)]) for one in candidates]
        self._painted = [self._start + float(((1 - self._start) * of_one / 8 + noise).mean()) for of_one in right]
        return [Measurement(score, 0.5, 0.0) for score in self._painted]

    def adopt(self, index):
        if self._keeps_start:
            return False
        self._start, self._entries = self._painted[index], {}
        return True

    def restart(self, seed):
        if self._keeps_start:
            return False
        self._begin(seed)
        return True

    def state_dict(self):
        return {"start": self._start, "entries": [list(item) for item in self._entries.items()]}

    def load_state_dict(self, state):
        self._painted = []
        self._start, self._entries = state["start"], {key: entry for key, entry in state["entries"]}
