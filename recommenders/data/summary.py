"""What a data set consists of, in numbers and in a few lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from recommenders.data.dataset import Dataset, Interactions

#: A part with fewer rows is worth a warning; as is a class with less than this share, and so many cold ones.
FEW_ROWS, RARE_CLASS, MANY_COLD = 100, 0.01, 0.5
_STAYED = {"last": "the last row stays", "first": "the first row stays", "all": "all rows stay"}


@dataclass(frozen=True)
class PartSummary:
    """One part of a data set."""

    rows: int
    """Labelled pairs."""
    positives: int
    """Those with the label 1."""
    users: int
    """Distinct ones."""
    items: int
    """Distinct ones."""
    cold_users: int
    """Those of them that the training part does not have."""
    cold_items: int
    """The same of items."""


@dataclass(frozen=True)
class Summary:
    """A data set in numbers."""

    name: str
    """Of the data set."""
    rows: int
    """Rows read."""
    users: int
    """Distinct ones in all parts."""
    items: int
    """Distinct ones in all parts."""
    positives: int
    """Pairs with the label 1 in all parts."""
    positive_share: float
    """Their share of all labelled pairs."""
    density: float
    """The share of all pairs of a user and an item that are observed."""
    parts: Mapping[str, PartSummary]
    """By name."""
    repeated_rows: int
    """Rows whose user and item stood in a row before."""
    pairs: str
    """What stays of such rows: last, first or all."""
    drawn_negatives: int
    """Negatives that were drawn, not observed."""
    split: str
    """How the parts were made."""
    notes: tuple[str, ...]
    """What was found out or guessed, a sentence each."""
    warnings: tuple[str, ...]
    """What makes results doubtful, a sentence each."""

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings, lists and dicts."""
        plain = asdict(self)
        return {**plain, "notes": list(self.notes), "warnings": list(self.warnings)}

    def lines(self) -> list[str]:
        """For a person: what was read, how it was split, what was guessed, what is doubtful."""
        told = [
            f"Data {self.name}: {self.rows:,} rows read, {self.users:,} users, {self.items:,} items, "
            f"{_percent(self.density)} of all pairs, {_percent(self.positive_share)} positive"
        ]
        parts = [f"{n} {p.rows:,} ({_percent(p.positives / p.rows)} positive)" for n, p in self.parts.items() if p.rows]
        told.append(f"  parts: {', '.join(parts)}; {self.split}")
        cold = [
            f"{name} {p.cold_users:,} of {p.users:,} users and {p.cold_items:,} of {p.items:,} items"
            for name, p in self.parts.items()
            if p.cold_users or p.cold_items
        ]
        if cold:
            told.append(f"  not in training: {'; '.join(cold)}")
        if self.repeated_rows:
            told.append(f"  {self.repeated_rows:,} rows repeat a user and an item: {_STAYED[self.pairs]} (--pairs)")
        told += [f"  {note}" for note in self.notes]
        return told + [f"  warning: {warning}" for warning in self.warnings]


def summarise(data: Dataset) -> Summary:
    """Count everything."""
    origin = data.origin
    parts = {"train": data.train, "validation": data.validation, "test": data.test}
    counted = {name: _part(data, part) for name, part in parts.items()}
    rows, positives = (sum(getattr(p, what) for p in counted.values()) for what in ("rows", "positives"))
    observed = rows - origin.n_drawn
    summary = Summary(
        name=data.name,
        rows=observed if origin.n_rows is None else origin.n_rows,
        users=data.n_users,
        items=data.n_items,
        positives=positives,
        positive_share=positives / max(rows, 1),
        density=(observed if origin.n_pairs is None else origin.n_pairs) / max(data.n_users * data.n_items, 1),
        parts=counted,
        repeated_rows=origin.n_repeated,
        pairs=origin.pairs,
        drawn_negatives=origin.n_drawn,
        split=data.split,
        notes=tuple(filter(None, (*origin.notes, origin.labels))),
        warnings=(*origin.warnings, *_doubts(counted, positives, rows)),
    )
    return summary


def _part(data: Dataset, part: Interactions) -> PartSummary:
    users, items = _seen(part.user, data.n_users), _seen(part.item, data.n_items)
    known_users, known_items = _seen(data.train.user, data.n_users), _seen(data.train.item, data.n_items)
    return PartSummary(
        rows=len(part),
        positives=int(np.count_nonzero(part.label > 0.5)),
        users=int(users.sum()),
        items=int(items.sum()),
        cold_users=int((users & ~known_users).sum()),
        cold_items=int((items & ~known_items).sum()),
    )


def _seen(numbers: np.ndarray, n: int) -> np.ndarray:
    seen = np.zeros(n, dtype=bool)
    seen[numbers] = True
    return seen


def _doubts(parts: Mapping[str, PartSummary], positives: int, rows: int) -> list[str]:
    doubts = []
    for name, part in parts.items():
        if name != "train" and part.rows < FEW_ROWS:
            doubts.append(f"the {name} part has only {part.rows} rows, so its scores are mostly chance")
        for what, cold, n in (("users", part.cold_users, part.users), ("items", part.cold_items, part.items)):
            if cold > MANY_COLD * n:
                doubts.append(f"{_percent(cold / n)} of the {what} of the {name} part are not in training")
    if rows and not RARE_CLASS <= positives / rows <= 1 - RARE_CLASS:
        doubts.append(f"{_percent(positives / rows)} of all rows are positive; --positive-at moves the border")
    return doubts


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 or share == 0 else f"{share:.2g}".replace("e-0", "e-")
