"""The controller: a two-layer LSTM that writes loss programs (paper, sections 3.3 and 5.1.4, Figure 2).

Decisions come in the order operator, first operand, second operand, line after line; each is drawn from
a softmax over what the space offers at that point, and fed back as the next input. Log-probabilities are
recomputed from programs, so no graph is kept between the two.

Departure from the published code: an operand that the operator does not take is neither drawn nor fed
to the LSTM, and does not count in the log-probability.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.common.errors import UserError
from core.programs.space import OperatorSpace


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
        with torch.random.fork_rng(devices=()):  # modules draw weights, here thrown away, from the global generator
            # Inputs: 0 starts a program, then operators, then slots.
            self.embedding = nn.Embedding(1 + n_operators + n_slots, size)
            self.lstm = nn.LSTM(size, size, settings.n_layers)
            self.operator_head = nn.Linear(size, n_operators)
            self.operand_heads = nn.ModuleList(nn.Linear(size, n_slots) for _ in range(2))
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.uniform_(-settings.init_range, settings.init_range, generator=rng)
        lines = torch.arange(space.n_lines)
        self._is_binary = torch.tensor(space.arities) == 2
        self._closed = torch.arange(n_slots) >= (len(space.inputs) + lines)[:, None]  # [n_lines, n_slots]
        self._offsets = (1, 1 + n_operators, 1 + n_operators)  # of the three decisions' inputs

    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        """Draw n programs from the policy: choices [n, n_lines, 3], 0 where there is no second operand."""
        with torch.no_grad():
            walk = _Walk(self, n, rng)
            drawn = [choice for line in range(self._space.n_lines) for choice in walk.draw_line(line)]
            return torch.stack(drawn, dim=1).view(n, self._space.n_lines, 3)

    def evaluate(self, choices: Tensor) -> Decisions:
        """The log-probability and entropy of given programs [n, n_lines, 3], with gradients.

        The decisions are known, so the LSTM reads each program's in one go.
        """
        n, n_lines, _ = choices.shape
        taken = torch.ones_like(choices, dtype=torch.bool)
        taken[..., 2] = self._is_binary[choices[..., 0]]
        place = taken.flatten(1).cumsum(1) - 1  # of every decision among those taken [n, 3 n_lines]
        tokens = torch.zeros(n, 1 + 3 * n_lines, dtype=torch.long)  # the last one only takes what is not taken
        inputs = (choices + torch.tensor(self._offsets)).flatten(1)
        tokens.scatter_(1, torch.where(taken.flatten(1), place + 1, 3 * n_lines), inputs)
        outputs, _ = self.lstm(self.embedding(tokens[:, : 3 * n_lines].T))  # [3 n_lines, n, size]
        h = outputs.transpose(0, 1).gather(1, place.clamp(min=0)[..., None].expand(-1, -1, outputs.shape[-1]))
        h = h.view(n, n_lines, 3, -1)
        log_probability, entropy = torch.zeros(n), torch.zeros(n)
        for position in range(3):
            first = choices[..., 1] if position == 2 else None
            log_p = torch.log_softmax(self.logits(position, h[:, :, position], self._closed, first), dim=-1)
            chosen = log_p.gather(-1, choices[..., position : position + 1]).squeeze(-1)
            kept = taken[..., position]
            log_probability = log_probability + torch.where(kept, chosen, 0).sum(1)
            entropy = entropy + torch.where(kept, entropy_of(log_p), 0).sum(1)
        return Decisions(choices * taken, log_probability, entropy)

    def logits(self, position: int, h: Tensor, closed_slots: Tensor, first: Tensor | None = None) -> Tensor:
        """What softmax makes the probabilities of: -inf for what may not be chosen.

        Args:
            position: 0 the operator, 1 and 2 its operands.
            h: outputs of the LSTM [..., size].
            closed_slots: which slots are not written yet [..., n_slots].
            first: the first operand [...], which the second may not be.
        """
        head = self.operator_head if position == 0 else self.operand_heads[position - 1]
        logits = self._settings.tanh_constant * torch.tanh(head(h))
        if position > 0:
            logits = logits.masked_fill(closed_slots, -torch.inf)
        if first is not None:
            logits = logits.scatter(-1, first[..., None], -torch.inf)
        return logits


def entropy_of(log_p: Tensor) -> Tensor:
    """The entropy of distributions [..., options]; options of probability 0 add nothing."""
    return -(log_p.exp() * log_p.masked_fill(log_p.isinf(), 0)).sum(-1)


class LstmSteps:
    """An nn.LSTM over n sequences whose next inputs are not known yet; calling it for every step takes longer.

    Args:
        lstm: what the weights are taken from.
        n: how many sequences.
    """

    def __init__(self, lstm: nn.LSTM, n: int) -> None:
        self._weights = lstm.all_weights
        zeros = torch.zeros(n, lstm.hidden_size)
        self._state = [(zeros, zeros)] * lstm.num_layers

    def step(self, x: Tensor, taken: Tensor | None = None) -> Tensor:
        """The output [n, size] for inputs x [n, size]; sequences that are not `taken` [n] stay where they are."""
        kept = None if taken is None else taken[:, None]
        for layer, weights in enumerate(self._weights):
            old_h, old_c = self._state[layer]
            x, c = torch.lstm_cell(x, (old_h, old_c), *weights)
            if kept is None:
                self._state[layer] = x, c
            else:
                self._state[layer] = torch.where(kept, x, old_h), torch.where(kept, c, old_c)
        return x


class _Walk:
    """The way through the decisions of n programs that are being drawn."""

    def __init__(self, controller: Controller, n: int, rng: torch.Generator) -> None:
        self._controller, self._rng = controller, rng
        self._lstm = LstmSteps(controller.lstm, n)
        self._input = torch.zeros(n, dtype=torch.long)

    def draw_line(self, line: int) -> list[Tensor]:
        """Operator and operands of one line, [n] each."""
        operator = self._draw(line, 0)
        first = self._draw(line, 1)
        taken = self._controller._is_binary[operator]
        read = self._input
        second = self._draw(line, 2, first, taken)
        self._input = torch.where(taken, self._input, read)
        return [operator, first, torch.where(taken, second, 0)]

    def _draw(self, line: int, position: int, first: Tensor | None = None, taken: Tensor | None = None) -> Tensor:
        """One decision for each of the n programs [n]; it does not count where it is not `taken`."""
        controller = self._controller
        h = self._lstm.step(controller.embedding(self._input), taken)
        logits = controller.logits(position, h, controller._closed[line], first)
        # torch.multinomial draws argmax(p / exponential) too; its checks and softmax cost more than the draw.
        choice = (logits - torch.empty_like(logits).exponential_(generator=self._rng).log_()).argmax(1)
        self._input = choice + controller._offsets[position]
        return choice
