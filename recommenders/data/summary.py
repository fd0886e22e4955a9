"""The summary of a data set: counts, notes and warnings, as numbers and as lines of text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from recommenders.data.dataset import PARTS, Dataset, Interactions

#: Warn of a part with fewer rows, of a class with a smaller share, and of a larger share of cold users or items.
FEW_ROWS, RARE_CLASS, MANY_COLD = 100, 0.01, 0.5
_KEPT = {"last": "the last row stays", "first": "the first row stays", "all": "all rows stay"}


@dataclass(frozen=True)
class PartSummary:
    """Counts of one part of a data set."""

    rows: int
    """Labelled interactions."""
    positives: int
    """Interactions with the label 1."""
    users: int
    """Distinct users."""
    items: int
    """Distinct items."""
    cold_users: int
    """Users that are not in the training part."""
    cold_items: int
    """Items that are not in the training part."""


@dataclass(frozen=True)
class Summary:
    """Counts, notes and warnings of a data set."""

    name: str
    """Name of the data set."""
    rows: int
    """Rows read."""
    users: int
    """Distinct users in all parts."""
    items: int
    """Distinct items in all parts."""
    positives: int
    """Interactions with the label 1 in all parts."""
    positive_share: float
    """Their share of all interactions, from 0 to 1."""
    density: float
    """Observed pairs as a share of all pairs of a user and an item, from 0 to 1."""
    parts: Mapping[str, PartSummary]
    """{part: its counts}."""
    repeated_rows: int
    """Rows whose user and item occur in an earlier row."""
    pairs: str
    """Which of such rows are kept: last, first or all."""
    drawn_negatives: int
    """Negatives that were drawn at random."""
    split: str
    """How the data set was split into parts."""
    notes: tuple[str, ...]
    """What was guessed while reading, a sentence each."""
    warnings: tuple[str, ...]
    """What makes results doubtful, a sentence each."""

    def to_dict(self) -> dict[str, Any]:
        """Return numbers, strings, lists and dicts, for JSON."""
        plain = asdict(self)
        return {**plain, "notes": list(self.notes), "warnings": list(self.warnings)}

    def lines(self) -> list[str]:
        """Return lines for the terminal: what was read, how it was split, what was guessed, what is doubtful."""
        lines = [
            f"Data {self.name}: {self.rows:,} rows read, {self.users:,} users, {self.items:,} items, "
            f"{_percent(self.density)} of all pairs, {_percent(self.positive_share)} positive"
        ]
        parts = [f"{n} {p.rows:,} ({_percent(p.positives / p.rows)} positive)" for n, p in self.parts.items() if p.rows]
        lines.append(f"  parts: {', '.join(parts)}; {self.split}")
        cold = [
            f"{name} {p.cold_users:,} of {p.users:,} users and {p.cold_items:,} of {p.items:,} items"
            for name, p in self.parts.items()
            if p.cold_users or p.cold_items
        ]
        if cold:
            lines.append(f"  not in training: {'; '.join(cold)}")
        if self.repeated_rows:
            lines.append(f"  {self.repeated_rows:,} rows repeat a user and an item: {_KEPT[self.pairs]} (--pairs)")
        lines += [f"  {note}" for note in self.notes]
        return lines + [f"  warning: {warning}" for warning in self.warnings]


def summarise(data: Dataset) -> Summary:
    """Count rows, users, items and labels, and collect notes and warnings."""
    origin = data.origin
    counted = {name: _count(data, getattr(data, name)) for name in PARTS}
    rows, positives = (sum(getattr(p, what) for p in counted.values()) for what in ("rows", "positives"))
    observed = rows - origin.n_drawn
    return Summary(
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
        warnings=(*origin.warnings, *_warnings(counted, positives, rows)),
    )


def _count(data: Dataset, part: Interactions) -> PartSummary:
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


def _warnings(parts: Mapping[str, PartSummary], positives: int, rows: int) -> list[str]:
    warnings = []
    for name, part in parts.items():
        if name != "train" and part.rows < FEW_ROWS:
            warnings.append(f"the {name} part has only {part.rows} rows, so its scores are mostly chance")
        for what, cold, n in (("users", part.cold_users, part.users), ("items", part.cold_items, part.items)):
            if cold > MANY_COLD * n:
                warnings.append(f"{_percent(cold / n)} of the {what} of the {name} part are not in training")
    if rows and not RARE_CLASS <= positives / rows <= 1 - RARE_CLASS:
        warnings.append(f"{_percent(positives / rows)} of all rows are positive; --positive-at moves the border")
    return warnings


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 or share == 0 else f"{share:.2g}".replace("e-0", "e-")


def described_data(data: Dataset) -> dict[str, Any]:
    """Return a data set in numbers, as results have it."""
    sizes = {name: len(getattr(data, name)) for name in ("train", "validation", "test")}
    summary = summarise(data).to_dict()
    known = {"name": data.name, "n_users": data.n_users, "n_items": data.n_items, **sizes, "split": data.split}
    return known | {name: value for name, value in summary.items() if name not in ("users", "items")}
