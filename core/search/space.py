"""The search space as a sequence of decisions: all that a searcher needs to know of its candidates.

A genome is an array [D] of int64: for each of D decisions in order, the number of the chosen option. Earlier decisions
may determine which options of a decision are open, and whether the decision counts at all. Genomes are exchanged in
normal form: every chosen option is open, and a decision that does not count holds its first open option. So equal
candidates have equal genomes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from core.common.errors import UserError, format_value
from core.common.restoring import read
from core.common.seeding import derive_seed
from core.search.decision import Decision, Kind

#: Random genomes of which those that are not viable are sorted out at once, and the most for each one that is wanted.
_DRAWN_AT_ONCE, MOST_DRAWN = 4_096, 8_000


class Solution(Protocol):
    """A candidate of any space; `str` returns it in readable form."""

    @property
    def key(self) -> str:
        """One line of text; equal for equal solutions only."""

    @property
    def complexity(self) -> int:
        """A size, such as the number of operators: smaller is better, all else being equal."""

    def to_dict(self) -> dict[str, Any]:
        """Return the solution as plain data, for storage."""


C = TypeVar("C", bound=Solution)


class Space(ABC, Generic[C]):
    """A search space. Immutable; random draws come from the generators passed to its methods."""

    @property
    @abstractmethod
    def decisions(self) -> tuple[Decision, ...]:
        """The decisions [D], in the order in which a policy takes them."""

    @cached_property
    def sizes(self) -> np.ndarray:
        """Number of options of each decision [D]."""
        return np.array([decision.size for decision in self.decisions])

    @cached_property
    def kinds(self) -> Mapping[Kind, tuple[int, ...]]:
        """The kinds in the order of first use, each with the numbers of its decisions."""
        kinds: dict[Kind, tuple[int, ...]] = {}
        for i, decision in enumerate(self.decisions):
            kinds[decision.kind] = (*kinds.get(decision.kind, ()), i)
        return kinds

    @abstractmethod
    def open(self, i: int, chosen: Sequence[Tensor]) -> Tensor | None:
        """Return which options of decision i are open.

        Args:
            i: number of the decision.
            chosen: the options that n genomes chose, one tensor [n] per decision; at least those before decision i.

        Returns:
            A mask [n, size] with at least one open option in each row; None if all options are always open.
        """

    @abstractmethod
    def used(self, i: int, chosen: Sequence[Tensor]) -> Tensor | None:
        """Return whether decision i counts.

        Args:
            i: number of the decision.
            chosen: the options that n genomes chose, one tensor [n] per decision; at least those before decision i.

        Returns:
            A mask [n]; None if the decision always counts.
        """

    def open_by_kind(self, genomes: Tensor) -> list[Tensor | None]:
        """Return which options are open, as `open` does, for all decisions of whole genomes, from which policies learn.

        Override this where the answer can be had faster than by asking for each decision.

        Args:
            genomes: [n, D].

        Returns:
            For each of `kinds`, a mask [n, decisions, options], in which options that a decision does not have are
            closed; None if `open` returns None for all decisions of the kind.
        """
        chosen, masks = genomes.unbind(1), list[Tensor | None]()
        for kind, own in self.kinds.items():
            opened = [self.open(i, chosen) for i in own]
            if all(mask is None for mask in opened):
                masks.append(None)
                continue
            whole = torch.zeros(len(genomes), len(own), len(kind.options), dtype=torch.bool)
            for place, (i, mask) in enumerate(zip(own, opened, strict=True)):
                whole[:, place, : self.decisions[i].size] = True if mask is None else mask
            masks.append(whole)
        return masks

    def used_by_kind(self, genomes: Tensor) -> list[Tensor | None]:
        """Return which decisions count, as `used` does, for all decisions of whole genomes.

        Override this where the answer can be had faster than by asking for each decision.

        Args:
            genomes: [n, D].

        Returns:
            For each of `kinds`, a mask [n, decisions]; None if `used` returns None for all decisions of the kind.
        """
        chosen, masks = genomes.unbind(1), list[Tensor | None]()
        always = torch.ones(len(genomes), dtype=torch.bool)
        for own in self.kinds.values():
            used = [self.used(i, chosen) for i in own]
            each = [always if mask is None else mask for mask in used]
            masks.append(None if all(mask is None for mask in used) else torch.stack(each, dim=1))
        return masks

    @abstractmethod
    def repaired(self, genomes: np.ndarray) -> np.ndarray:
        """Return the normal forms [n, D] of genomes [n, D] that may choose closed options."""

    def counts(self, genomes: np.ndarray) -> np.ndarray:
        """Return which decisions count: [n, D] bool, at least one for each genome.

        Override this where more is known than `used` says of one decision by itself, as that nothing refers to it.

        Args:
            genomes: [n, D], in normal form.
        """
        counted = np.ones(genomes.shape, dtype=bool)
        for own, used in zip(self.kinds.values(), self.used_by_kind(torch.from_numpy(genomes)), strict=True):
            if used is not None:
                counted[:, own] = used.numpy()
        return counted

    def varied(self, genomes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return mutants in normal form [n, D]: one decision of each that counts is drawn anew.

        Args:
            genomes: [n, D], in normal form.
            rng: draws the decision and its option, which may be the one that was there.
        """
        changed = genomes.copy()
        at = (self.counts(genomes) * (1 - rng.random(genomes.shape))).argmax(axis=1)
        changed[np.arange(len(genomes)), at] = rng.integers(self.sizes[at])
        return self.repaired(changed)

    @property
    @abstractmethod
    def cuts(self) -> tuple[int, ...]:
        """The crossover points: numbers of decisions from which on two genomes may exchange their tails."""

    @abstractmethod
    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw random genomes in normal form: the baseline that every searcher has to beat.

        Args:
            n: how many.
            rng: draws the options.

        Returns:
            Genomes [n, D].
        """

    def viable(self, genomes: np.ndarray) -> np.ndarray:
        """Return which candidates may be worth measuring: [n] bool. A searcher need not propose the others.

        All are, unless a space knows better: override this where it is much cheaper to find out what would be refused
        than to propose it.

        Args:
            genomes: [n, D], in normal form.
        """
        return np.ones(len(genomes), dtype=bool)

    def drawn(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw random genomes, as `sample` does, of which none is returned that is not viable.

        Args:
            n: how many.
            rng: draws the options.

        Returns:
            Genomes [n, D] in normal form. Where hardly any are viable, the last of them need not be.
        """
        genomes, made = self.sample(n, rng), n
        found = genomes[self.viable(genomes)]
        while len(found) < n and made < MOST_DRAWN * n:
            more = self.sample(_DRAWN_AT_ONCE, rng)
            found, made = np.concatenate([found, more[self.viable(more)]]), made + len(more)
        return np.concatenate([found, genomes])[:n]

    def features(self, genomes: np.ndarray) -> np.ndarray:
        """Return what a model may judge candidates by: vectors that are near to each other where candidates are alike.

        As they are here, options are alike if they are the same one, or near in order. Override this where it is cheap
        to find out what candidates do, which says more than how they are made.

        Args:
            genomes: [n, D], in normal form.

        Returns:
            [n, F] finite numbers of a size of about 1; equal for equal candidates.
        """
        columns = []
        for decision, chosen in zip(self.decisions, genomes.T, strict=True):
            if decision.ordered or decision.size <= 2:
                columns.append(chosen / max(1, decision.size - 1))
            else:
                columns += list(chosen == np.arange(decision.size)[:, None])
        return np.stack(columns, axis=1).astype(float)

    def hashes(self, genomes: np.ndarray) -> np.ndarray:
        """Return numbers [n] uint64 for candidates of genomes [n, D], equal for equal keys and hardly for others."""
        return np.array([derive_seed(one.key) for one in self.decode(genomes)], dtype=np.uint64)

    @abstractmethod
    def decode(self, genomes: np.ndarray) -> list[C]:
        """Return the n candidates of genomes [n, D].

        Raises:
            UserError: one of them is not a genome of this space.
        """

    @abstractmethod
    def encode(self, candidate: C) -> np.ndarray:
        """Return the genome [D] of a candidate, in normal form.

        For a candidate that was decoded, this is the genome that it came from; for any other, a genome whose candidate
        has the same key.

        Raises:
            UserError: the candidate is not in this space; the message says why.
        """

    @abstractmethod
    def parse(self, text: str) -> C:
        """Parse a candidate written by a user. It need not be in this space: `encode` checks that.

        Raises:
            UserError: the text is not a candidate; the message says why.
        """


def read_genomes(stored: object, space: Space[Any]) -> np.ndarray:
    """Return the genomes [n, D] of a stored tensor, checked.

    Args:
        stored: what a state holds.
        space: theirs.

    Raises:
        Exception: they are none of this space.
    """
    genomes: np.ndarray = read(Tensor, stored).numpy().copy()
    check_genomes(genomes, space)
    return genomes


def check_genomes(genomes: np.ndarray, space: Space[Any]) -> None:
    """Check that an array holds genomes of a space: integers of shape [n, D], each the number of an option.

    Args:
        genomes: the array.
        space: theirs.

    Raises:
        UserError: the array has another shape or type, or a number is out of range.
    """
    sizes = space.sizes
    if genomes.ndim != 2 or genomes.shape[1] != len(sizes) or genomes.dtype.kind != "i":
        raise UserError(
            f"genomes: expected rows of {len(sizes)} whole numbers, one for each decision, "
            f"got {format_value(genomes.tolist())}"
        )
    wrong = (genomes < 0) | (genomes >= sizes)
    if wrong.any():
        row, i = np.argwhere(wrong)[0]
        name = space.decisions[i].name
        raise UserError(f"genome: {name}: expected an option 0 to {sizes[i] - 1}, got {genomes[row, i]}")
