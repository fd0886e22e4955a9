"""Which of the candidates that a study found is taken: the best one, or the best of the simple ones."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from core.common.errors import UserError, format_value

T = TypeVar("T")
_FORMS = "best, complexity<=N (the best with at most N operators) or within<=D (the simplest at most D behind the best)"
_RULE = re.compile(r"(complexity|within)\s*<=\s*(\S+)")


@dataclass(frozen=True)
class Pick:
    """A rule for choosing a candidate by its validation score and its complexity, such as its number of operators."""

    complexity: float = math.inf
    """The most operators."""
    within: float = 0.0
    """How far behind the best one's validation metric a simpler one may be."""

    @classmethod
    def parse(cls, text: str) -> Pick:
        """Read `best`, `complexity<=5` or `within<=0.001`.

        Raises:
            UserError: something else.
        """
        if not isinstance(text, str):
            raise UserError(f"pick: expected {_FORMS}, got {format_value(text)}")
        if text.strip() == "best":
            return cls()
        rule = _RULE.fullmatch(text.strip())
        try:
            name, number = (rule[1], float(rule[2])) if rule else ("", math.nan)
        except ValueError:
            name, number = "", math.nan
        least = 1 if name == "complexity" else 0
        if not least <= number < math.inf or (name == "complexity" and not number.is_integer()):
            raise UserError(f"pick: expected {_FORMS}, got {format_value(text)}")
        return cls(**{name: number})

    def choose(self, entries: Sequence[T], complexity: Callable[[T], int], score: Callable[[T], float]) -> T | None:
        """Return the entry that the rule picks; None if no entry is simple enough.

        Args:
            entries: in order of preference where all else is equal.
            complexity: number of operators.
            score: higher is better, -inf where there is none.
        """
        simple = [entry for entry in entries if complexity(entry) <= self.complexity]
        if not simple:
            return None
        best = max(score(entry) for entry in simple)
        close = [entry for entry in simple if score(entry) >= best - self.within]
        return min(close, key=lambda entry: (complexity(entry) if self.within else 0, -score(entry)))
