"""The controller: a two-layer LSTM that samples genomes (paper, sections 3.3 and 5.1.4, Figure 2).

Decisions are taken in the order of the space; for loss programs: operator, first operand, second operand, line after
line. Each is drawn from a softmax over the open options and fed back as the next input. Decisions of one kind share an
output head, options of one name share an embedding. Log-probabilities are recomputed from genomes, so no autograd graph
is kept between sampling and learning.

Departure from the published code: a decision that does not count, such as the second operand of a unary operator,
is neither drawn nor fed to the LSTM, and is left out of the log-probability.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.common.errors import UserError
from core.search.decision import Decision
from core.search.space import Space


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
            raise UserError(f"controller: expected settings above 0, got {self}")


@dataclass(frozen=True)
class Decisions:
    """The policy's log-probability and entropy of n genomes."""

    log_probability: Tensor
    """Log-probability of each genome [n]."""
    entropy: Tensor
    """Entropy of each genome's decisions, summed over those that count [n]."""


class Controller(nn.Module):
    """The policy pi(f; theta): an LSTM with a softmax for every decision.

    Args:
        space: the search space.
        settings: sizes and constants.
        rng: draws the initial weights.
    """

    def __init__(self, space: Space[Any], settings: ControllerSettings, rng: torch.Generator) -> None:
        super().__init__()
        self._space, self._settings = space, settings
        kinds = list(space.kinds)
        names = list(dict.fromkeys(name for kind in kinds for name in kind.options))
        size = settings.hidden_size
        with torch.random.fork_rng(devices=()):  # modules draw weights, overwritten below, from the global generator
            self.embedding = nn.Embedding(1 + len(names), size)  # input 0 starts a genome
            self.lstm = nn.LSTM(size, size, settings.n_layers)
            self.heads = nn.ModuleList(nn.Linear(size, len(kind.options)) for kind in kinds)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.uniform_(-settings.init_range, settings.init_range, generator=rng)
        self._kind = [kinds.index(decision.kind) for decision in space.decisions]
        self._members = [_as_slice(own) for own in space.kinds.values()]
        self._beyond = [_beyond([space.decisions[i] for i in own]) for own in space.kinds.values()]
        self._inputs = [torch.tensor([1 + names.index(name) for name in kind.options]) for kind in kinds]
        self._all_inputs = torch.cat(self._inputs)
        starts = [sum(len(kind.options) for kind in kinds[:k]) for k in self._kind]
        self._starts = torch.tensor(starts)  # of the inputs of each decision's kind among all [D]

    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        """Draw genomes in normal form from the policy.

        Args:
            n: how many.
            rng: draws the options.

        Returns:
            Genomes [n, D].
        """
        with torch.no_grad():
            walk = _Walk(self, n, rng)
            for i in range(len(self._kind)):
                walk.draw(i)
            return torch.stack(walk.chosen, dim=1)

    def evaluate(self, genomes: Tensor) -> Decisions:
        """Return log-probability and entropy of genomes [n, D], differentiable by autograd.

        All decisions are known, so the LSTM processes each genome as one sequence.
        """
        used = self._space.used_by_kind(genomes)
        h = self._outputs(genomes, used)
        log_probability, entropy = torch.zeros(len(genomes)), torch.zeros(len(genomes))
        for kind, is_open in enumerate(self._space.open_by_kind(genomes)):
            own, counts, closed = self._members[kind], used[kind], self._beyond[kind] if is_open is None else ~is_open
            logits = self.logits(kind, h[:, own])
            if closed is not None:
                logits = logits.masked_fill(closed, -torch.inf)
            log_p = torch.log_softmax(logits, dim=-1)  # [n, decisions, options]
            picked = log_p.gather(-1, genomes[:, own, None]).squeeze(-1)
            # minus the entropy; closed options, whose probability is 0, add nothing
            terms = (log_p.exp() * (log_p if closed is None else log_p.masked_fill(closed, 0))).sum(-1)
            if counts is not None:
                picked, terms = torch.where(counts, picked, 0), torch.where(counts, terms, 0)
            log_probability, entropy = log_probability + picked.sum(1), entropy - terms.sum(1)
        return Decisions(log_probability, entropy)

    def _outputs(self, genomes: Tensor, used: Sequence[Tensor | None]) -> Tensor:
        """Run the LSTM over whole genomes.

        Args:
            genomes: [n, D].
            used: for each kind, which of its decisions count [n, decisions]; None: all.

        Returns:
            The outputs [n, D, size] that decisions are drawn from; they mean nothing where a decision does not count.
        """
        n, n_decisions = genomes.shape
        taken = torch.ones_like(genomes, dtype=torch.bool)
        for own, counts in zip(self._members, used, strict=True):
            if counts is not None:
                taken[:, own] = counts
        place = taken.cumsum(1)  # of every decision among those taken, from 1 [n, D]
        tokens = torch.zeros(n, 1 + n_decisions, dtype=torch.long)  # the last column collects decisions not taken
        tokens.scatter_(1, torch.where(taken, place, n_decisions), self._all_inputs.take(genomes + self._starts))
        outputs, _ = self.lstm(self.embedding(tokens[:, :n_decisions].T))  # [D, n, size]
        rows = (place - 1).clamp(min=0) * n + torch.arange(n)[:, None]  # of the outputs as [D n, size]
        h: Tensor = outputs.flatten(0, 1).index_select(0, rows.flatten())
        return h.view(n, n_decisions, outputs.shape[-1])

    def logits(self, kind: int, h: Tensor) -> Tensor:
        """Return the logits of the options of a kind.

        Args:
            kind: number of the kind, in the order of first use.
            h: outputs of the LSTM [..., size].

        Returns:
            [..., options].
        """
        return self._settings.tanh_constant * torch.tanh(self.heads[kind](h))


def _as_slice(numbers: tuple[int, ...]) -> slice | list[int]:
    """Return evenly spaced numbers as a slice, which makes views instead of copies; others as a list."""
    step = numbers[1] - numbers[0] if len(numbers) > 1 else 1
    regular = range(numbers[0], numbers[-1] + 1, step)
    return slice(regular.start, regular.stop, step) if tuple(regular) == numbers else list(numbers)


def _beyond(decisions: Sequence[Decision]) -> Tensor | None:
    """Return the mask of options that decisions of a kind do not have [decisions, options]; None: they have all."""
    sizes = torch.tensor([decision.size for decision in decisions])
    beyond = torch.arange(len(decisions[0].kind.options)) >= sizes[:, None]
    return beyond if beyond.any() else None


class LstmSteps:
    """Runs an nn.LSTM step by step on n sequences, faster than calling the module for every step.

    Args:
        lstm: the module that has the weights.
        n: number of sequences.
    """

    def __init__(self, lstm: nn.LSTM, n: int) -> None:
        self._weights = lstm.all_weights
        zeros = torch.zeros(n, lstm.hidden_size)
        self._state = [(zeros, zeros)] * lstm.num_layers

    def step(self, x: Tensor, taken: Tensor | None = None) -> Tensor:
        """Advance the sequences by one step.

        Args:
            x: inputs [n, size].
            taken: mask [n] of the sequences whose state advances; None: all.

        Returns:
            Outputs [n, size]; also for sequences that do not advance, where they mean nothing.
        """
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
    """The state of sampling n genomes, decision by decision."""

    def __init__(self, controller: Controller, n: int, rng: torch.Generator) -> None:
        self._controller, self._rng = controller, rng
        self._lstm = LstmSteps(controller.lstm, n)
        self._embedded = [controller.embedding(read) for read in controller._inputs]  # [options, size] each
        self._input = controller.embedding(torch.zeros(n, dtype=torch.long))
        self.chosen: list[Tensor] = []
        """The options drawn so far, one tensor [n] per decision."""

    def draw(self, i: int) -> None:
        """Draw decision i for each of the n genomes; where it does not count, it gets its first open option."""
        controller, space, kind = self._controller, self._controller._space, self._controller._kind[i]
        taken, is_open = space.used(i, self.chosen), space.open(i, self.chosen)
        logits = controller.logits(kind, self._lstm.step(self._input, taken))
        size = space.decisions[i].size
        if size < logits.shape[1]:
            logits[:, size:] = -torch.inf
        if is_open is not None:
            logits[:, :size].masked_fill_(~is_open, -torch.inf)
        # torch.multinomial draws argmax(p / exponential) too; its checks and softmax cost more than the draw.
        choice = (logits - torch.empty_like(logits).exponential_(generator=self._rng).log_()).argmax(1)
        read = self._embedded[kind].index_select(0, choice)
        if taken is not None:
            first = 0 if is_open is None else is_open.byte().argmax(1)  # the normal form of what does not count
            choice, read = torch.where(taken, choice, first), torch.where(taken[:, None], read, self._input)
        self._input = read
        self.chosen.append(choice)
