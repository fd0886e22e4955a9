"""The controller: a two-layer LSTM that writes loss programs (paper, sections 3.3 and 5.1.4, Figure 2).

Decisions come in the order operator, first operand, second operand, line after line; each is drawn from
a softmax over what the space offers at that point, and fed back as the next input. Sampling and the
log-probability of given programs run through the same code, so no graph is kept between the two.

Departure from the published code: an operand that the operator does not take is neither drawn nor fed
to the LSTM, and does not count in the log-probability.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.errors import UserError
from core.space import OperatorSpace


@dataclass(frozen=True)
class ControllerSettings:
    """The paper's constants (section 5.1.4).

    Raises:
        UserError: a number out of range.
    """

    hidden_size: int = 32
    """Hidden units of each LSTM layer."""
    n_layers: int = 2
    """LSTM layers."""
    init_range: float = 0.1
    """Weights start uniform in [-init_range, init_range]."""
    tanh_constant: float = 1.5
    """Logits are clipped to this times tanh, which keeps sampling diverse."""

    def __post_init__(self) -> None:
        """Check the settings."""
        if min(self.hidden_size, self.n_layers) < 1 or not (self.init_range > 0 and self.tanh_constant > 0):
            raise UserError(f"controller: positive settings expected, got {self}")


@dataclass(frozen=True)
class Decisions:
    """A batch of n programs as decisions, with what the policy thinks of them."""

    choices: Tensor
    """[n, n_lines, 3]: operator, first and second operand (0 where there is none)."""
    log_probability: Tensor
    """[n], of the whole program."""
    entropy: Tensor
    """[n], summed over the decisions taken."""


class Controller(nn.Module):
    """pi(f; theta).

    Args:
        space: what may be chosen.
        settings: sizes and constants.
        rng: draws the initial weights.
    """

    def __init__(self, space: OperatorSpace, settings: ControllerSettings, rng: torch.Generator) -> None:
        super().__init__()
        self._space, self._settings = space, settings
        n_operators, n_slots = len(space.operators), space.max_variables
        size = settings.hidden_size
        # Inputs: 0 starts a program, then operators, then slots.
        with torch.random.fork_rng(devices=()):  # modules draw weights, here thrown away, from the global generator
            self.embedding = nn.Embedding(1 + n_operators + n_slots, size)
            self.cells = nn.ModuleList(nn.LSTMCell(size, size) for _ in range(settings.n_layers))
            self.operator_head = nn.Linear(size, n_operators)
            self.operand_heads = nn.ModuleList(nn.Linear(size, n_slots) for _ in range(2))
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.uniform_(-settings.init_range, settings.init_range, generator=rng)
        arities = torch.tensor(space.arities)
        self.register_buffer("_is_binary", arities == 2, persistent=False)

    def sample(self, n: int, rng: torch.Generator) -> Decisions:
        """N programs drawn from the policy."""
        with torch.no_grad():
            return self._run(n, None, rng)

    def evaluate(self, choices: Tensor) -> Decisions:
        """The log-probability and entropy of given programs [n, n_lines, 3], with gradients."""
        return self._run(len(choices), choices, None)

    def _run(self, n: int, given: Tensor | None, rng: torch.Generator | None) -> Decisions:
        """Walk through the decisions of n programs, drawing them unless they are given."""
        walk = _Walk(self, n, given, rng)
        for line in range(self._space.n_lines):
            n_slots = len(self._space.inputs) + line
            operator = walk.decide(self.operator_head, line, 0, None, offset=1)
            binary = self._is_binary[operator]  # type: ignore[index]
            open_slots = (torch.arange(self._space.max_variables) < n_slots).expand(n, -1)
            offset = 1 + len(self._space.operators)
            first = walk.decide(self.operand_heads[0], line, 1, open_slots, offset)
            others = open_slots.scatter(1, first[:, None], False)
            walk.decide(self.operand_heads[1], line, 2, others, offset, taken=binary)
        return Decisions(walk.choices, walk.log_probability, walk.entropy)


class _Walk:
    """The LSTM's state on its way through the decisions of n programs."""

    def __init__(self, controller: Controller, n: int, given: Tensor | None, rng: torch.Generator | None) -> None:
        self._controller, self._given, self._rng = controller, given, rng
        self._n = n
        size = controller._settings.hidden_size
        self._states = [(torch.zeros(n, size), torch.zeros(n, size)) for _ in controller.cells]
        self._input = torch.zeros(n, dtype=torch.long)
        self.choices = torch.zeros(n, controller._space.n_lines, 3, dtype=torch.long)
        self.log_probability = torch.zeros(n)
        self.entropy = torch.zeros(n)

    def decide(
        self,
        head: nn.Module,
        line: int,
        position: int,
        offered: Tensor | None,
        offset: int,
        taken: Tensor | None = None,
    ) -> Tensor:
        """One decision for each of the n programs; where it is not `taken`, nothing happens."""
        logits = head(self._advance(taken))
        constant = self._controller._settings.tanh_constant
        logits = constant * torch.tanh(logits)
        if offered is not None:
            logits = logits.masked_fill(~offered, -torch.inf)
        log_p = torch.log_softmax(logits, dim=1)
        p = log_p.exp()
        if self._given is None:
            choice = torch.multinomial(p, 1, generator=self._rng).squeeze(1)
        else:
            choice = self._given[:, line, position]
        kept = torch.ones(self._n, dtype=torch.bool) if taken is None else taken
        chosen = log_p.gather(1, choice[:, None]).squeeze(1)
        entropy = -(p * log_p.masked_fill(p == 0, 0)).sum(1)
        self.log_probability = self.log_probability + torch.where(kept, chosen, 0)
        self.entropy = self.entropy + torch.where(kept, entropy, 0)
        self.choices[:, line, position] = torch.where(kept, choice, 0)
        self._input = torch.where(kept, choice + offset, self._input)
        return choice

    def _advance(self, taken: Tensor | None) -> Tensor:
        """Feed the last decision to the LSTM; the output of its last layer."""
        h = self._controller.embedding(self._input)
        for i, cell in enumerate(self._controller.cells):
            old = self._states[i]
            new = cell(h, old)
            if taken is not None:
                new = tuple(torch.where(taken[:, None], a, b) for a, b in zip(new, old, strict=True))
            self._states[i] = new
            h = new[0]
        return h
