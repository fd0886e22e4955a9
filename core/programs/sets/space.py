"""The space of shapes of set-wise losses, see `core.programs.sets.shape`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from core.common.errors import UserError
from core.programs.sets.formula import parse_formula
from core.programs.sets.profile import profiles
from core.programs.sets.shape import (
    FIRSTS,
    JOINS,
    OUTERS,
    PULLS,
    REDUCTIONS,
    SECONDS,
    SOURCES,
    Pull,
    Push,
    Shape,
    shape_of,
)
from core.search.decision import Decision, Kind
from core.search.space import Space, check_genomes

_MOST_PUSHES = 4
_NO_YES = ("no", "yes")
#: Decisions of a push in order: name -> options.
_OF_PUSH = {
    "join": JOINS,
    "source": SOURCES,
    "first": FIRSTS,
    "margin": _NO_YES,
    "second": SECONDS,
    "reduction": REDUCTIONS,
    "outer": OUTERS,
    "weight": _NO_YES,
}
_SIZE, _HEAD = len(_OF_PUSH), 2
_JOIN, _FIRST, _MARGIN, _SECOND, _WEIGHT = (
    list(_OF_PUSH).index(name) for name in ("join", "first", "margin", "second", "weight")
)


@dataclass(frozen=True)
class ShapeSpace(Space[Shape]):
    """A pull and at most so many pushes.

    Raises:
        UserError: a number of pushes out of range.
    """

    pushes: int = 3
    """The most pushes of a shape."""

    def __post_init__(self) -> None:
        """Check the number."""
        if not 1 <= self.pushes <= _MOST_PUSHES:
            raise UserError(f"pushes: expected 1 to {_MOST_PUSHES}, got {self.pushes}")

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        """See Space: the pull, then each push."""
        pull, kinds = Kind("pull", PULLS), {name: Kind(name, options) for name, options in _OF_PUSH.items()}
        found = [Decision("pull", pull, len(PULLS)), Decision("pull_margin", kinds["margin"], 2)]
        for k in range(1, self.pushes + 1):
            found += [Decision(f"{name}_{k}", kind, len(kind.options)) for name, kind in kinds.items()]
        return tuple(found)

    @cached_property
    def _shiftable(self) -> tuple[Tensor, Tensor]:
        return torch.tensor([Pull.can_shift(one) for one in PULLS]), torch.tensor([Push.can_shift(o) for o in FIRSTS])

    def open(self, i: int, chosen: Sequence[Tensor]) -> Tensor | None:
        """See Space; all options are always open."""
        return None

    def used(self, i: int, chosen: Sequence[Tensor]) -> Tensor | None:
        """See Space: what is of a push that is there, of a function that it matters to, of a sum."""
        if i < _HEAD:
            return self._shiftable[0][chosen[0]] if i == 1 else None
        k, part = divmod(i - _HEAD, _SIZE)
        joins = [chosen[_HEAD + before * _SIZE] > 0 for before in range(1, k + (part != _JOIN))]
        there = torch.stack([torch.ones_like(chosen[0], dtype=torch.bool), *joins]).all(0)
        if part == _JOIN:
            return torch.zeros_like(there) if k == 0 else there
        if part == _MARGIN:
            return there & self._shiftable[1][chosen[i - _MARGIN + _FIRST]]
        if part == _SECOND:
            return there & (chosen[i - _SECOND + _FIRST] > 0)
        if part == _WEIGHT:
            return chosen[0] > 0 if k == 0 else there & (chosen[i - _WEIGHT] == JOINS.index("plus"))
        return None if k == 0 else there

    def repaired(self, genomes: np.ndarray) -> np.ndarray:
        """See Space."""
        fixed = genomes.astype(np.int64)
        pulls, firsts = (mask.numpy() for mask in self._shiftable)
        fixed[:, 1] *= pulls[fixed[:, 0]]
        fixed[:, _HEAD] = 0
        there = np.ones(len(fixed), dtype=bool)
        for k in range(self.pushes):
            own = fixed[:, _HEAD + k * _SIZE :][:, :_SIZE]
            there = there & (own[:, _JOIN] > 0) if k else there
            own *= there[:, None]
            own[:, _MARGIN] *= firsts[own[:, _FIRST]]
            own[:, _SECOND] *= own[:, _FIRST] > 0
            own[:, _WEIGHT] *= own[:, _JOIN] == JOINS.index("plus") if k else fixed[:, 0] > 0
        return fixed

    @cached_property
    def cuts(self) -> tuple[int, ...]:
        """See Space: between pull and pushes."""
        return tuple(_HEAD + k * _SIZE for k in range(self.pushes))

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """See Space: every option of what counts is equally likely."""
        drawn = rng.integers(self.sizes, size=(n, len(self.sizes)))
        return self.repaired(drawn)

    def features(self, genomes: np.ndarray) -> np.ndarray:
        """See Space: gradients on simulated scores, see `profiles`.

        A Gaussian process that has seen 50 of 150 shapes orders the others by them as their trainings do, with a rank
        correlation of .58; by the options that were chosen it is .26 (docs/results.md).
        """
        different, index = np.unique(genomes, axis=0, return_inverse=True)
        found: np.ndarray = profiles(self.decode(different))[index.reshape(-1)]
        return found

    def decode(self, genomes: np.ndarray) -> list[Shape]:
        """See Space."""
        check_genomes(genomes, self)
        return [self._shape(genome) for genome in self.repaired(genomes).tolist()]

    def _shape(self, genome: list[int]) -> Shape:
        words = [one.options[number] for one, number in zip(self.decisions, genome, strict=True)]
        pull, pushes = Pull(words[0], words[1] == "yes"), list[Push]()
        for k in range(self.pushes):
            join, source, first, margin, second, reduction, outer, weight = words[_HEAD + k * _SIZE :][:_SIZE]
            if k and join == "none":
                break
            join = join if k else "plus"
            pushes.append(Push(source, first, margin == "yes", second, reduction, outer, weight == "yes", join))
        return Shape(pull, tuple(pushes))

    def encode(self, candidate: Shape) -> np.ndarray:
        """See Space."""
        if len(candidate.pushes) > self.pushes:
            raise UserError(f"loss {candidate}: expected at most {self.pushes} pushes, got {len(candidate.pushes)}")
        words = [candidate.pull.function, _NO_YES[candidate.pull.shifted]]
        for push in candidate.pushes:
            words += [push.join, push.source, push.first, _NO_YES[push.shifted], push.second, push.reduction]
            words += [push.outer, _NO_YES[push.weighted]]
        words += [one.options[0] for one in self.decisions[len(words) :]]
        pairs = zip(words, self.decisions, strict=True)
        genome = [decision.options.index(word) for word, decision in pairs]
        (found,) = self.repaired(np.array([genome], dtype=np.int64))
        return np.asarray(found)

    def parse(self, text: str) -> Shape:
        """See Space: a formula as a shape is printed, its constants with any names."""
        return shape_of(parse_formula(text))
