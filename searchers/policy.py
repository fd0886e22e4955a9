"""The paper's searcher: an LSTM controller that learns from rewards (sections 3.3 and 4.1.1).

One controller, several objectives: REINFORCE (that of the paper, the default), and objectives that later work found
better for searching expressions, see `searchers.reinforce`, `risk_seeking`, `priority_queue` and `ppo`.

Decisions, where the paper is silent: the entropy bonus is differentiated (in the published code it ends up lowering
entropy). Outcomes that arrive late are evaluated under the current policy, without importance weights. If several
candidates are trained together, programs are drawn `draw_size` at a time, since a pass through the LSTM for each would
be slow; some of them then come from a policy that has been updated since. With one candidate at a time (Algorithm 1),
each is drawn from the current policy. What is not viable (`Space.viable`) is not proposed, and so not learned from,
unless a policy draws hardly anything else: then whatever it draws is proposed, for it to learn that. Where a space
refuses most, the policy first imitates what it does not refuse (`searchers.pretraining`).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from core.common.errors import UserError, format_value
from core.common.restoring import read
from core.common.seeding import numpy_rng, torch_rng
from core.search.searcher import Searcher
from core.search.space import Space, check_genomes
from core.search.trial import Trial, read_genome
from searchers.controller import Controller, ControllerSettings
from searchers.objectives import Batch, Objective
from searchers.ppo import Ppo
from searchers.pretraining import MOST_IMITATED, pretrain
from searchers.priority_queue import PriorityQueue
from searchers.reinforce import Reinforce
from searchers.risk_seeking import RiskSeeking

#: Programs that are drawn first; then, where few are viable, so many each time, and all are proposed after some tries.
_DRAWN_AHEAD, _LARGEST, _TRIES = 64, 1_024, 32


@dataclass(frozen=True)
class PolicySettings:
    """Settings of the policy; defaults are those of the paper (section 5.1.4) and of the other objectives' papers.

    Raises:
        UserError: a number out of range, or an unknown objective.
    """

    objective: str = "reinforce"
    """What the policy maximises: reinforce (the paper), risk-seeking, priority-queue or ppo."""
    learning_rate: float = 0.0
    """Learning rate of Adam; 0 stands for 0.01 with priority-queue and 0.001 with the others."""
    weight_decay: float = 1e-5
    """L2 regularisation of the controller; the paper gives no value."""
    entropy_weight: float = 1e-4
    """Weight of the policy's entropy beside the objective."""
    update_size: int = 0
    """Outcomes per update; 0: 10 for reinforce (the paper), 20 for priority-queue, 100 for the others."""
    failure_reward: float = -0.1
    """Reward of candidates that have none: zero gradient, not finite, wrong direction."""
    baseline_decay: float = 0.95
    """reinforce: decay of the moving average of rewards at each update."""
    share: float = 0.05
    """risk-seeking: the share of a batch to learn from, its best outcomes."""
    queue_size: int = 10
    """priority-queue: how many of the best programs to imitate."""
    clip: float = 0.2
    """ppo: how far the ratio of probabilities may move from 1."""
    n_epochs: int = 4
    """ppo: steps on each batch."""
    draw_size: int = 0
    """Programs drawn at a time; 0: 64, or 1 if candidates are trained one at a time."""
    hidden_size: int = 32
    """Hidden units of each LSTM layer."""
    n_layers: int = 2
    """LSTM layers."""
    init_range: float = 0.1
    """Weights start uniform in [-init_range, init_range]."""
    tanh_constant: float = 1.5
    """Logits are clipped to this times tanh, which keeps sampling diverse."""
    pretraining: int = 2_048
    """Random viable candidates that the policy imitates before its first proposal, where few are viable; 0: none."""
    preselection: int = 1
    """Of so many candidates for each one that is proposed, a model of what they do chooses; 1: none does."""

    def __post_init__(self) -> None:
        """Check the settings."""
        if self.objective not in OBJECTIVES:
            raise UserError(f"rl objective: expected {', '.join(OBJECTIVES)}, got {self.objective!r}")
        if not 0 <= self.baseline_decay < 1:
            raise UserError(f"rl baseline_decay: expected 0 up to below 1, got {self.baseline_decay}")
        for name in ("share", "clip"):
            if not 0 < getattr(self, name) <= 1:
                raise UserError(f"rl {name}: expected a number above 0 and up to 1, got {getattr(self, name)}")
        for name in ("queue_size", "n_epochs", "preselection"):
            if getattr(self, name) < 1:
                raise UserError(f"rl {name}: expected at least 1, got {getattr(self, name)}")
        for name in ("learning_rate", "weight_decay", "entropy_weight", "update_size", "draw_size", "pretraining"):
            if not getattr(self, name) >= 0:
                raise UserError(f"rl {name}: expected at least 0, got {getattr(self, name)}")
        if self.pretraining > MOST_IMITATED:
            raise UserError(f"rl pretraining: expected at most {MOST_IMITATED:,}, got {self.pretraining}")
        self.controller  # noqa: B018  (checks its settings)

    def for_steps_of(self, candidates: int) -> PolicySettings:
        """Return the settings with the draw size for this many candidates per training step."""
        return self if self.draw_size else replace(self, draw_size=1 if candidates == 1 else _DRAWN_AHEAD)

    @property
    def controller(self) -> ControllerSettings:
        """Settings of the controller."""
        return ControllerSettings(self.hidden_size, self.n_layers, self.init_range, self.tanh_constant)


#: name -> how to make the objective from the settings.
OBJECTIVES: Mapping[str, Callable[[PolicySettings], Objective]] = MappingProxyType(
    {
        "reinforce": lambda s: Reinforce(s.update_size or 10, s.baseline_decay),
        "risk-seeking": lambda s: RiskSeeking(s.update_size or 100, s.share),
        "priority-queue": lambda s: PriorityQueue(s.update_size or 20, s.queue_size, s.failure_reward),
        "ppo": lambda s: Ppo(s.update_size or 100, s.clip, s.n_epochs),
    }
)


class PolicySearcher(Searcher):
    """Samples genomes from an LSTM and makes rewarded ones more probable.

    Args:
        space: the search space.
        seed: of the initial weights and of the draws.
        settings: those of the paper by default.
    """

    def __init__(self, space: Space[Any], seed: int, settings: PolicySettings | None = None) -> None:
        self._space, self._settings = space, settings or PolicySettings()
        self._seed, self._is_pretrained = seed, False
        self._controller = Controller(space, self._settings.controller, torch_rng(seed, "controller weights"))
        self._rng = torch_rng(seed, "controller draws")
        self._objective = OBJECTIVES[self._settings.objective](self._settings)
        self._optimiser = torch.optim.Adam(
            self._controller.parameters(),
            lr=self._settings.learning_rate or self._objective.learning_rate,
            weight_decay=self._settings.weight_decay,
            foreach=True,  # the same numbers as tensor by tensor, in three quarters of the time
        )
        self._drawn: list[np.ndarray] = []
        self._told: list[tuple[np.ndarray, float]] = []
        self._metrics = {"policy_entropy": 0.0, "policy_reward": 0.0, "policy_updates": 0.0}

    def ask(self, n: int) -> np.ndarray:
        """See Searcher."""
        if not self._is_pretrained:  # not when it is made: a search that goes on brings its weights
            rng = numpy_rng(self._seed, "pretraining")
            pretrain(self._controller, self._space, self._settings.pretraining, rng)
            self._is_pretrained = True
        size, tries = self._settings.draw_size or _DRAWN_AHEAD, 0
        while len(self._drawn) < n:
            genomes = self._controller.sample(size, self._rng).numpy()
            is_viable = self._space.viable(genomes)
            self._drawn += list(genomes[is_viable if tries < _TRIES else slice(None)])
            size, tries = size if is_viable.all() else max(size, _LARGEST), tries + 1
        asked, self._drawn = self._drawn[:n], self._drawn[n:]
        return np.stack(asked)

    def tell(self, trials: Sequence[Trial[Any]]) -> Mapping[str, float]:
        """See Searcher; updates the policy once for every `update_size` outcomes.

        Returns:
            policy_entropy and policy_reward (means of the last update) and policy_updates (their number).

        Raises:
            UserError: the policy's weights are no longer finite.
        """
        for trial in trials:
            reward = self._settings.failure_reward if trial.reward is None else trial.reward
            self._told.append((trial.candidate.genome, reward))
        size = self._objective.update_size
        while len(self._told) >= size:
            batch, self._told = self._told[:size], self._told[size:]
            self._update(batch)
        return dict(self._metrics)

    def _update(self, told: Sequence[tuple[np.ndarray, float]]) -> None:
        """Take Adam's steps of gradient ascent on mean(objective + entropy_weight * entropy)."""
        genomes = torch.from_numpy(np.stack([genome for genome, _ in told]))
        rewards = torch.tensor([reward for _, reward in told], dtype=torch.float64)
        for objective, decisions in self._objective.steps(Batch(genomes, rewards), self._controller.evaluate):
            self._metrics["policy_entropy"] = decisions.entropy.mean().item()
            if not math.isfinite(self._metrics["policy_entropy"]):  # sampling would not fail
                rate = self._settings.learning_rate or self._objective.learning_rate
                raise UserError(f"rl: the policy is no longer finite; lower learning_rate, which is {rate}")
            self._optimiser.zero_grad()
            (-(objective + self._settings.entropy_weight * decisions.entropy).mean()).backward()
            self._optimiser.step()
        self._metrics["policy_reward"] = rewards.mean().item()
        self._metrics["policy_updates"] += 1

    def log_probability(self, genomes: np.ndarray) -> torch.Tensor:
        """Return the policy's log-probability [n] of genomes [n, D]."""
        return self._controller.evaluate(torch.from_numpy(genomes)).log_probability

    def state_dict(self) -> dict[str, Any]:
        """See Searcher."""
        return {
            "controller": {name: tensor.clone() for name, tensor in self._controller.state_dict().items()},
            "optimiser": copy.deepcopy(self._optimiser.state_dict()),
            "objective": self._objective.state_dict(),
            "rng": self._rng.get_state(),
            "is_pretrained": self._is_pretrained,
            "drawn": [row.tolist() for row in self._drawn],
            "told": [[genome.tolist(), reward] for genome, reward in self._told],
            "metrics": dict(self._metrics),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See Searcher."""
        self._controller.load_state_dict(state["controller"])
        self._optimiser.load_state_dict(copy.deepcopy(state["optimiser"]))
        self._objective.load_state_dict(state["objective"])
        self._rng.set_state(state["rng"])
        self._is_pretrained = read(bool, state["is_pretrained"])
        self._drawn = [read_genome(row) for row in read(list[list[int]], state["drawn"])]
        told = read(list[tuple[list[int], float]], state["told"])
        self._told = [(read_genome(row), reward) for row, reward in told]
        imitated = (genome.numpy() for genome in self._objective.genomes)
        for genome in (*self._drawn, *(genome for genome, _ in self._told), *imitated):
            check_genomes(genome[None], self._space)
        metrics = read(dict[str, float], state["metrics"])
        if metrics.keys() != self._metrics.keys():
            raise ValueError(f"expected the metrics {', '.join(self._metrics)}, got {format_value(list(metrics))}")
        self._metrics = metrics
