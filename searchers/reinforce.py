"""The paper's searcher: the controller trained by REINFORCE (section 4.1.1; Williams, 1992).

Decisions, where the paper is silent: a moving average of the rewards is taken off as a baseline, or the
fixed reward of the many failures would push the policy about at random; entropy enters as a bonus that is
differentiated (in the published code it ends up lowering entropy); programs told late are weighed by the
policy of today.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from core.errors import UserError
from core.program import LossProgram
from core.searcher import Searcher
from core.seeding import torch_rng
from core.space import OperatorSpace
from core.trial import Trial
from searchers.controller import Controller, ControllerSettings


@dataclass(frozen=True)
class ReinforceSettings:
    """The paper's constants (section 5.1.4).

    Raises:
        UserError: a number out of range.
    """

    controller: ControllerSettings = field(default_factory=ControllerSettings)
    """The policy's."""
    learning_rate: float = 1e-3
    """Of Adam."""
    weight_decay: float = 1e-5
    """l2 regularisation of the controller; the paper gives no figure."""
    entropy_weight: float = 1e-4
    """What the policy's entropy is worth beside the reward."""
    update_size: int = 10
    """Sampled losses averaged in one update."""
    baseline_decay: float = 0.95
    """How much of the reward baseline stays at each update; it starts at the first update's mean reward."""
    failure_reward: float = -0.1
    """For candidates without a reward: zero gradient, not finite, wrong direction."""

    def __post_init__(self) -> None:
        """Check the settings."""
        if not 0 <= self.baseline_decay < 1:
            raise UserError(f"REINFORCE baseline_decay: expected 0 up to below 1, got {self.baseline_decay}")
        if self.update_size < 1 or not self.learning_rate > 0 or self.weight_decay < 0 or self.entropy_weight < 0:
            raise UserError(f"REINFORCE: positive settings expected, got {self}")


class ReinforceSearcher(Searcher):
    """Samples programs from an LSTM and makes rewarded ones more probable.

    Args:
        space: where programs come from.
        seed: of the initial weights and of the draws.
        settings: the paper's unless given.
    """

    def __init__(self, space: OperatorSpace, seed: int, settings: ReinforceSettings | None = None) -> None:
        self._space, self._settings = space, settings or ReinforceSettings()
        self._controller = Controller(space, self._settings.controller, torch_rng(seed, "controller weights"))
        self._rng = torch_rng(seed, "controller draws")
        self._optimiser = torch.optim.Adam(
            self._controller.parameters(), lr=self._settings.learning_rate, weight_decay=self._settings.weight_decay
        )
        self._baseline: float | None = None
        self._told: list[tuple[LossProgram, float]] = []
        self._metrics = {"policy_entropy": 0.0, "policy_reward": 0.0, "policy_updates": 0.0}

    def ask(self, n: int) -> list[LossProgram]:
        """See Searcher."""
        choices = self._controller.sample(n, self._rng).choices.numpy()
        return [self._space.program(row) for row in choices]

    def tell(self, trials: Sequence[Trial]) -> Mapping[str, float]:
        """See Searcher; updates the policy whenever `update_size` outcomes have come together.

        Returns:
            policy_entropy and policy_reward (means of the last update) and policy_updates.
        """
        for trial in trials:
            reward = self._settings.failure_reward if trial.reward is None else trial.reward
            if trial.candidate.program in self._space:
                self._told.append((trial.candidate.program, reward))
        size = self._settings.update_size
        while len(self._told) >= size:
            batch, self._told = self._told[:size], self._told[size:]
            self._update(batch)
        return dict(self._metrics)

    def _update(self, batch: Sequence[tuple[LossProgram, float]]) -> None:
        """One step of Adam up the gradient of mean((reward - baseline) log pi + entropy_weight entropy)."""
        choices = torch.from_numpy(np.stack([self._space.choices(program) for program, _ in batch]))
        rewards = torch.tensor([reward for _, reward in batch], dtype=torch.float64)  # exact, since Adam blows up noise
        decisions = self._controller.evaluate(choices)
        mean = rewards.mean().item()
        if self._baseline is None:
            self._baseline = mean
        advantages = (rewards - self._baseline).float()
        objective = advantages * decisions.log_probability + self._settings.entropy_weight * decisions.entropy
        self._optimiser.zero_grad()
        (-objective.mean()).backward()
        self._optimiser.step()
        decay = self._settings.baseline_decay
        self._baseline = decay * self._baseline + (1 - decay) * mean
        self._metrics = {
            "policy_entropy": decisions.entropy.mean().item(),
            "policy_reward": mean,
            "policy_updates": self._metrics["policy_updates"] + 1,
        }

    def log_probability(self, programs: Sequence[LossProgram]) -> torch.Tensor:
        """Log pi of programs of the space [n], recomputed from the programs themselves."""
        choices = np.stack([self._space.choices(program) for program in programs])
        return self._controller.evaluate(torch.from_numpy(choices)).log_probability

    def state_dict(self) -> dict[str, Any]:
        """See Searcher."""
        return {
            "controller": {name: tensor.clone() for name, tensor in self._controller.state_dict().items()},
            "optimiser": copy.deepcopy(self._optimiser.state_dict()),
            "baseline": self._baseline,
            "rng": self._rng.get_state(),
            "told": [[program.to_dict(), reward] for program, reward in self._told],
            "metrics": dict(self._metrics),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See Searcher."""
        self._controller.load_state_dict(state["controller"])
        self._optimiser.load_state_dict(copy.deepcopy(state["optimiser"]))
        self._baseline = state["baseline"]
        self._rng.set_state(state["rng"])
        self._told = [(LossProgram.from_dict(program), reward) for program, reward in state["told"]]
        self._metrics = dict(state["metrics"])
