"""What is known of a set-wise loss before anything is trained with it: its gradients on simulated scores.

The scores are those of three stages of a training on cosines (a fresh model, a half trained one, a trained one). A loss
is refused if something of it is not finite, if nothing pulls positives up in the beginning or pushes negatives at any
stage, or if more of its gradient pulls in the wrong direction than `wrong`. Two losses whose gradients are the same but
for a positive factor train alike with optimisers that do not see scale, such as Adam.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.common.errors import UserError
from core.common.restoring import read
from core.problems.nearest import nearest
from core.programs.sets.encoded import encode
from core.programs.sets.expression import Expression
from core.programs.sets.interpreter import evaluate
from core.programs.sets.regions import numbers_at, tuned_ranges
from core.programs.sets.shape import Shape
from core.programs.sets.stages import POSITIVES, STAGES, simulated_scores
from core.search.problem import Finding
from core.search.trial import Verdict

#: A gradient is nothing where it is this small a part of the largest one.
_NOTHING = 1e-9
#: Two directions are one where their distance is below this, of vectors of length 1.
_SAME = 1e-6


@dataclass(frozen=True)
class Look:
    """The gradients of a loss on the simulated scores, and what they say."""

    verdict: Verdict | None
    """Why the loss is refused; None if it is not."""
    direction: np.ndarray
    """Its gradient on all scores, as a vector of length 1; empty where it is refused as not finite."""
    push_to_pull: tuple[float, float, float]
    """At each stage, the gradients by negatives together divided by those by positives, of opposite signs. 1 for every
    loss of d alone; above 1, a loss pushes popular items down."""


class SetScreen:
    """Screens losses, and remembers those that passed.

    Args:
        wrong: the largest part of the gradient that may pull in the wrong direction.
        seed: of the simulated scores.

    Raises:
        UserError: a part outside of [0, 1].
    """

    def __init__(self, wrong: float = 0.1, seed: int = 0) -> None:
        if not 0 <= wrong <= 1:
            raise UserError(f"wrong direction: expected a part from 0 to 1, got {wrong}")
        self._wrong, (self._p, self._n) = wrong, simulated_scores(seed)
        self._findings: dict[str, Finding] = {}
        self._directions = np.empty((64, self._n.size + self._p.size))
        self._n_entries = 0

    def look(self, loss: Expression) -> Look:
        """Return what the gradients of a loss say.

        Args:
            loss: with numbers for all constants.
        """
        with np.errstate(all="ignore"):
            value, of_p, of_n = evaluate(encode(loss), self._p, self._n, None, 1.0)
            whole = np.concatenate([of_p, of_n.ravel()])
            largest = np.abs(whole).max()
        stages = (len(STAGES), POSITIVES)
        pull, push = (one.reshape(*stages, -1).sum((1, 2)) for one in (-of_p, of_n))
        with np.errstate(all="ignore"):
            ratios = tuple((push / pull).tolist())
        if not (np.isfinite(value).all() and np.isfinite(whole).all()):
            return Look(Verdict.NON_FINITE, np.empty(0), (np.nan,) * 3)
        direction = whole / largest if largest > 0 else whole
        direction = direction / (np.linalg.norm(direction) or 1.0)
        nothing = _NOTHING * largest
        begins = np.abs(of_p[:POSITIVES]).max() > nothing
        if not largest > 0 or not begins or not np.abs(of_n).max() > nothing:
            return Look(Verdict.ZERO_GRADIENT, direction, ratios)
        wrong = max(_part_above_zero(of_p), _part_above_zero(-of_n))
        return Look(Verdict.WRONG_DIRECTION if wrong > self._wrong else None, direction, ratios)

    def examine(self, shapes: Sequence[Shape]) -> list[Finding]:
        """Return a finding for each shape with the middle of its constants' regions, in order.

        A shape is refused for what it is there; it may be a duplicate of an earlier one in the same call.
        """
        return [self._finding(shape) for shape in shapes]

    def _finding(self, shape: Shape) -> Finding:
        if (known := self._findings.get(shape.key)) is not None:
            return known if known.verdict is not None else Finding(Verdict.DUPLICATE, known.entry)
        found = self._findings[shape.key] = self._judged(shape)
        return found

    def _judged(self, shape: Shape) -> Finding:
        look = self.look(probed(shape.expression))
        if look.verdict is not None:
            return Finding(look.verdict)
        if self._n_entries:
            distance, entry = nearest(self._directions, self._n_entries, look.direction)
            if distance < _SAME:
                return Finding(Verdict.DUPLICATE, entry)
        if self._n_entries == len(self._directions):
            self._directions = np.concatenate([self._directions, np.empty_like(self._directions)])
        self._directions[self._n_entries] = look.direction
        self._n_entries += 1
        return Finding(None, self._n_entries - 1)

    @property
    def n_entries(self) -> int:
        """Number of losses that passed and are remembered."""
        return self._n_entries

    def state_dict(self) -> dict[str, Any]:
        """Return everything that is remembered, in plain data and tensors."""
        return {
            "keys": list(self._findings),
            "verdicts": [None if one.verdict is None else one.verdict.value for one in self._findings.values()],
            "entries": [one.entry for one in self._findings.values()],
            "directions": torch.from_numpy(self._directions[: self._n_entries].copy()),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` of a screen with the same arguments returned.

        Raises:
            Exception: a state that does not fit; nothing in it is executed.
        """
        keys, entries = read(list[str], state["keys"]), read(list[int | None], state["entries"])
        verdicts = [None if one is None else Verdict(one) for one in read(list[str | None], state["verdicts"])]
        directions = read(Tensor, state["directions"]).numpy()
        if directions.shape != (len(directions), self._directions.shape[1]):
            raise ValueError(f"expected directions of {self._directions.shape[1]} numbers, got {directions.shape}")
        if any(not 0 <= one < len(directions) for one in entries if one is not None):
            raise ValueError("expected entries that are remembered")
        self._n_entries = len(directions)
        self._directions = np.empty((max(64, len(directions)), directions.shape[1]))
        self._directions[: len(directions)] = directions
        self._findings = dict(zip(keys, map(Finding, verdicts, entries), strict=True))


def _part_above_zero(gradient: np.ndarray) -> float:
    """Return which part of a gradient, by size, is above 0."""
    total = float(np.abs(gradient).sum())
    return float(np.maximum(gradient, 0).sum()) / total if total else 0.0


def probed(loss: Expression) -> Expression:
    """Return a loss with numbers near the middle of regions, different ones for constants of the same region.

    So two terms that differ in nothing but a margin are not taken for one.
    """
    point = {name: one.at(0.5 + 0.07 * (i % 5)) for i, (name, one) in enumerate(tuned_ranges(loss).items())}
    return loss.bound(numbers_at(loss, point))
