"""A searcher written on one line: its name and perhaps settings, such as `optuna:sampler=cmaes:n_startup=50`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, get_type_hints

from core.errors import UserError, unknown_name

_TRUTHS: Mapping[str, bool] = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True)
class SearcherSpec:
    """What a line names.

    Raises:
        UserError: `parse` was given something else than name:setting=value:setting=value.
    """

    name: str
    settings: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> SearcherSpec:
        """Read `name:setting=value:...`; letters, digits, points, dashes and underscores only."""
        name, *rest = (part.strip() for part in text.split(":"))
        pairs = [tuple(word.strip() for word in part.split("=")) for part in rest]
        words = [name, *(word for pair in pairs for word in pair)]
        if any(len(pair) != 2 for pair in pairs) or not all(map(_is_word, words)):
            raise UserError(f"searcher {text[:80]!r}: expected a name such as gp, or name:setting=value:setting=value")
        names = [pair[0] for pair in pairs]
        for twice in names:
            if names.count(twice) > 1:
                raise UserError(f"searcher {text[:80]!r}: expected every setting once, got {twice} twice")
        return cls(name, tuple((pair[0].replace("-", "_"), pair[1]) for pair in pairs))

    def __str__(self) -> str:
        """The line again."""
        return ":".join([self.name, *(f"{name}={value}" for name, value in self.settings)])


def _is_word(word: str) -> bool:
    return bool(word) and all(letter.isascii() and (letter.isalnum() or letter in "._-+") for letter in word)


def read_settings(spec: SearcherSpec, kind: type | None) -> Any:
    """The settings that a line asks for, of this class; None where there are none to set.

    Raises:
        UserError: an unknown setting, a value of the wrong type, or one that the class refuses.
    """
    if kind is None:
        if spec.settings:
            raise UserError(f"searcher {spec}: {spec.name} has no settings")
        return None
    types = get_type_hints(kind)
    known = [f.name for f in fields(kind)]
    values = {}
    for name, text in spec.settings:
        if name not in known:
            raise unknown_name(f"setting of {spec.name}", name, known)
        values[name] = _converted(spec, name, text, types[name])
    return kind(**values)


def _converted(spec: SearcherSpec, name: str, text: str, kind: type) -> Any:
    try:
        value = _TRUTHS[text.lower()] if kind is bool else kind(text)
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError
        return value
    except (KeyError, ValueError):
        wanted = {int: "a whole number", float: "a finite number", bool: "true or false"}[kind]
        raise UserError(f"searcher {spec}: {name}: expected {wanted}, got {text!r}") from None
