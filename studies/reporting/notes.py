"""Whatever a result says about its data, for a page that does not know which entries there are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_NAMES = {"name": "data set", "n_users": "users", "n_items": "items"}
_PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class DataNotes:
    """The data of a study."""

    entries: tuple[tuple[str, str], ...]
    """Name and value."""
    table: tuple[tuple[str, ...], ...]
    """Numbers by part, the names of the columns first; empty where there are none."""
    sentences: tuple[tuple[str, str], ...]
    """Name of the list, and what it says."""


def data_notes(dataset: Mapping[str, Any]) -> DataNotes:
    """Scalars as entries, a mapping of mappings as a table, lists of texts as sentences."""
    entries: list[tuple[str, str]] = []
    table: tuple[tuple[str, ...], ...] = ()
    sentences: list[tuple[str, str]] = []
    counted = isinstance(dataset.get("parts"), Mapping)
    for name, value in dataset.items():
        if counted and name in _PARTS:  # the table has them
            continue
        title = _NAMES.get(name, name.replace("_", " "))
        if isinstance(value, Mapping):
            if value and not table and all(isinstance(inner, Mapping) for inner in value.values()):
                table = _table(value)
            else:
                entries += [(f"{title}, {inner}", format_setting(one)) for inner, one in value.items()]
        elif isinstance(value, list | tuple):
            sentences += [(title, format_setting(one)) for one in value]
        else:
            entries.append((f"{title} rows" if name in _PARTS else title, format_setting(value)))
    return DataNotes(tuple(entries), table, tuple(sentences))


def _table(parts: Mapping[str, Mapping[str, Any]]) -> tuple[tuple[str, ...], ...]:
    columns = list(dict.fromkeys(name for part in parts.values() for name in part))
    head = ("part", *(name.replace("_", " ") for name in columns))
    rows = [(str(n), *(format_setting(part.get(c)) for c in columns)) for n, part in parts.items()]
    return head, *rows


def format_setting(value: Any) -> str:
    """A number, a text or nothing, for reading."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) < 2**63 else "a huge number"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(format_setting, value)) or "-"
    return str(value)
