"""The space of shapes of set-wise losses, see `core.programs.sets.shape`."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from core.common.errors import UserError
from core.programs.sets.formula import parse_formula
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
from core.search.space import Decision, Kind, Space, check_genomes

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

    def repaired(self, genome: Sequence[int]) -> np.ndarray:
        """See Space."""
        fixed = [int(one) for one in genome]
        fixed[1] *= Pull.can_shift(PULLS[fixed[0]])
        fixed[_HEAD] = 0
        there = True
        for k in range(self.pushes):
            at = _HEAD + k * _SIZE
            there = there and (k == 0 or fixed[at] > 0)
            if not there:
                fixed[at : at + _SIZE] = [0] * _SIZE
                continue
            fixed[at + _MARGIN] *= Push.can_shift(FIRSTS[fixed[at + _FIRST]])
            fixed[at + _SECOND] *= fixed[at + _FIRST] > 0
            fixed[at + _WEIGHT] *= fixed[0] > 0 if k == 0 else JOINS[fixed[at]] == "plus"
        return np.array(fixed, dtype=np.int64)

    def sites(self, genome: np.ndarray) -> list[tuple[int, ...]]:
        """See Space: each decision that counts."""
        columns = [torch.tensor([one]) for one in genome.tolist()]
        used = (self.used(i, columns) for i in range(len(self.decisions)))
        return [(i,) for i, one in enumerate(used) if one is None or bool(one[0])]

    def redrawn(self, genome: np.ndarray, site: tuple[int, ...], rng: random.Random) -> np.ndarray:
        """See Space."""
        changed, i = genome.copy(), rng.choice(site)
        changed[i] = rng.randrange(self.decisions[i].size)
        return changed

    @cached_property
    def cuts(self) -> tuple[int, ...]:
        """See Space: between pull and pushes."""
        return tuple(_HEAD + k * _SIZE for k in range(self.pushes))

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """See Space: every option of what counts is equally likely."""
        drawn = rng.integers(self.sizes, size=(n, len(self.sizes)))
        return np.array([self.repaired(one) for one in drawn], dtype=np.int64).reshape(n, len(self.sizes))

    def decode(self, genomes: np.ndarray) -> list[Shape]:
        """See Space."""
        check_genomes(genomes, self)
        return [self._shape(self.repaired(genome).tolist()) for genome in genomes]

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
        return self.repaired([decision.options.index(word) for word, decision in pairs])

    def parse(self, text: str) -> Shape:
        """See Space: a formula as a shape is printed, its constants with any names."""
        return shape_of(parse_formula(text))
