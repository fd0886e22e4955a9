"""The summary of an implicit data set, as numbers and as lines of text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from recommenders.data.dataset import PARTS
from recommenders.data.implicit.dataset import ImplicitDataset

#: Warn of fewer users with items in a part, and of a larger share of its items that are not in training.
FEW_USERS, MANY_COLD = 100, 0.1


@dataclass(frozen=True)
class ImplicitPart:
    """Counts of one part of a data set."""

    pairs: int
    """Pairs of a user and an item."""
    users: int
    """Users with items in this part."""
    items: int
    """Distinct items."""
    per_user: tuple[int, float, int]
    """The least, the median and the largest number of items of the users that have any."""
    cold_users: int
    """Users that have items here and none in the training part."""
    cold_items: int
    """Items that are not in the training part."""


@dataclass(frozen=True)
class ImplicitSummary:
    """Counts, notes and warnings of an implicit data set."""

    name: str
    """Name of the data set."""
    n_users: int
    """The number of users."""
    n_items: int
    """The number of items."""
    pairs: int
    """Pairs of a user and an item in all parts."""
    density: float
    """Their share of all possible pairs, from 0 to 1."""
    parts: Mapping[str, ImplicitPart]
    """{part: its counts}."""
    split: str
    """How the data set was split into parts."""
    digest: str
    """Of the content of every part."""
    notes: tuple[str, ...]
    """What was left out or guessed while reading, a sentence each."""
    warnings: tuple[str, ...]
    """What makes results doubtful, a sentence each."""

    def to_dict(self) -> dict[str, Any]:
        """Return numbers, strings, lists and dicts, for JSON."""
        plain = asdict(self)
        for part in plain["parts"].values():
            part["per_user"] = list(part["per_user"])
        return {**plain, "notes": list(self.notes), "warnings": list(self.warnings)}

    def lines(self) -> list[str]:
        """Return lines for the terminal: what was read, how it was split, what was guessed, what is doubtful."""
        lines = [
            f"Data {self.name}: {self.pairs:,} pairs of {self.n_users:,} users and {self.n_items:,} items, "
            f"{self.density:.2%} of all pairs"
        ]
        parts = [
            f"{name} {part.pairs:,} ({part.per_user[1]:g} a user)" for name, part in self.parts.items() if part.pairs
        ]
        lines.append(f"  parts: {', '.join(parts)} (medians); {self.split}")
        cold = [
            f"{name} {part.cold_users:,} of {part.users:,} users and {part.cold_items:,} of {part.items:,} items"
            for name, part in self.parts.items()
            if part.cold_users or part.cold_items
        ]
        if cold:
            lines.append(f"  not in training: {'; '.join(cold)}")
        lines += [f"  {note}" for note in self.notes]
        return lines + [f"  warning: {warning}" for warning in self.warnings]


def summarise(data: ImplicitDataset) -> ImplicitSummary:
    """Count pairs, users and items, and collect notes and warnings."""
    parts = {name: _count(data, name) for name in PARTS}
    pairs = sum(part.pairs for part in parts.values())
    return ImplicitSummary(
        name=data.name,
        n_users=data.n_users,
        n_items=data.n_items,
        pairs=pairs,
        density=pairs / (data.n_users * data.n_items),
        parts=parts,
        split=data.split,
        digest=data.digest(),
        notes=data.notes,
        warnings=(*data.warnings, *_warnings(parts)),
    )


def described(data: ImplicitDataset) -> dict[str, Any]:
    """Return a data set in numbers, as results have it."""
    return summarise(data).to_dict()


def _count(data: ImplicitDataset, name: str) -> ImplicitPart:
    part = data.part(name)
    counts, popularity = part.counts, np.bincount(part.items, minlength=data.n_items)
    some = counts[counts > 0]
    return ImplicitPart(
        pairs=len(part),
        users=len(some),
        items=int(np.count_nonzero(popularity)),
        per_user=(int(some.min()), float(np.median(some)), int(some.max())) if len(some) else (0, 0.0, 0),
        cold_users=int(((counts > 0) & (data.train.counts == 0)).sum()),
        cold_items=int(((popularity > 0) & (data.popularity() == 0)).sum()),
    )


def _warnings(parts: Mapping[str, ImplicitPart]) -> list[str]:
    warnings = []
    for name, part in parts.items():
        if name != "train" and (part.pairs or name == "test") and part.users < FEW_USERS:
            warnings.append(f"only {part.users} users have items in the {name} part, so its scores are mostly chance")
        if part.cold_items > MANY_COLD * part.items:
            share = part.cold_items / part.items
            warnings.append(f"{share:.1%} of the items of the {name} part are not in training")
    return warnings
