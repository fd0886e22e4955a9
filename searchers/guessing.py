"""A warm start for any searcher: propose the user's guesses before its own candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.common.errors import UserError
from core.common.restoring import read
from core.search.searcher import Searcher
from core.search.space import Space
from core.search.trial import Trial, read_genome


class GuessingSearcher(Searcher):
    """Proposes the guesses first, then the candidates of another searcher, which learns from both.

    Args:
        inner: the other searcher.
        guesses: genomes of its space, [D] each.
    """

    def __init__(self, inner: Searcher, guesses: Sequence[np.ndarray]) -> None:
        self._inner, self._waiting = inner, list(guesses)

    def ask(self, n: int) -> np.ndarray:
        """See Searcher."""
        guesses, self._waiting = self._waiting[:n], self._waiting[n:]
        return np.stack([*guesses, *(self._inner.ask(n - len(guesses)) if len(guesses) < n else ())])

    @property
    def n_left(self) -> int | None:
        """See Searcher."""
        inner = self._inner.n_left
        return None if inner is None else len(self._waiting) + inner

    def tell(self, trials: Sequence[Trial[Any]]) -> Mapping[str, float]:
        """See Searcher."""
        return self._inner.tell(trials)

    def state_dict(self) -> dict[str, Any]:
        """See Searcher."""
        return {"waiting": [genome.tolist() for genome in self._waiting], "inner": self._inner.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See Searcher."""
        self._waiting = [read_genome(row) for row in read(list[list[int]], state["waiting"])]
        self._inner.load_state_dict(state["inner"])


def read_guess(text: str, space: Space[Any]) -> np.ndarray:
    """Parse a user's guess.

    Args:
        text: the candidate.
        space: the search space.

    Returns:
        Its genome [D].

    Raises:
        UserError: the text is not a candidate, or not in the space; the message says why.
    """
    candidate = space.parse(text)
    try:
        return space.encode(candidate)
    except UserError as error:
        raise UserError(f"--guess {text.strip()[:80]!r} is outside of the search space: {error}") from None
