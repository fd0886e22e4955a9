"""A warm start for any searcher: a person's formulas are proposed before its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.common.errors import UserError
from core.common.restoring import read
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from core.search.searcher import Searcher
from core.search.trial import Trial


class GuessingSearcher(Searcher):
    """Proposes the guesses first, then what the searcher inside proposes; that one is told of both.

    Args:
        inner: learns from all outcomes, those of the guesses too.
        guesses: programs of its space.
    """

    def __init__(self, inner: Searcher, guesses: Sequence[LossProgram]) -> None:
        self._inner, self._waiting = inner, list(guesses)

    def ask(self, n: int) -> list[LossProgram]:
        """See Searcher."""
        guesses, self._waiting = self._waiting[:n], self._waiting[n:]
        return guesses + (self._inner.ask(n - len(guesses)) if len(guesses) < n else [])

    def tell(self, trials: Sequence[Trial]) -> Mapping[str, float]:
        """See Searcher."""
        return self._inner.tell(trials)

    def state_dict(self) -> dict[str, Any]:
        """See Searcher."""
        return {"waiting": [program.to_dict() for program in self._waiting], "inner": self._inner.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See Searcher."""
        self._waiting = read(list[LossProgram], state["waiting"])
        self._inner.load_state_dict(state["inner"])


def read_guess(text: str, space: OperatorSpace) -> LossProgram:
    """A formula as a program that a searcher of this space could have proposed.

    Raises:
        UserError: not a formula, or one that the space does not hold; says why.
    """
    program = LossProgram.parse(text).canonical
    try:
        space.choices(program)
    except UserError as error:
        raise UserError(f"--guess {text.strip()[:80]!r} is outside of the search space: {error}") from None
    return program
