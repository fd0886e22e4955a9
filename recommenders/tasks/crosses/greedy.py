"""The published search, as something to compare with and as a searcher: sets that grow cross by cross."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from core.common.errors import UserError
from core.crosses.tree import CrossSet
from recommenders.data.fields.dataset import FieldData
from recommenders.tasks.crosses.plan import CrossPlan
from recommenders.tasks.crosses.search import CrossSearch

#: Its name.
GREEDY = "autocross"


@dataclass(frozen=True)
class Greedy:
    """The set that AutoCross finds: a beam of sets that grow cross by cross (Algorithm 1)."""

    beam: int = 1
    """Sets that are kept in each step."""

    def __str__(self) -> str:
        """Return what a person writes for it."""
        return GREEDY if self.beam == 1 else f"{GREEDY}-{self.beam}"

    @classmethod
    def parse(cls, text: str) -> Greedy | None:
        """Read `autocross` or `autocross-3`, with a beam of three; None: it is not meant to be that.

        Raises:
            UserError: a beam that cannot be.
        """
        name, _, beam = text.strip().partition("-")
        if name != GREEDY:
            return None
        if not text.strip() == GREEDY and not (beam.isdecimal() and 1 <= int(beam) <= 100):
            raise UserError(f"{GREEDY}: expected a beam of 1 to 100 behind it, as {GREEDY}-3, got {text.strip()!r}")
        return cls(int(beam or 1))


class Growth(NamedTuple):
    """Sets that were grown."""

    sets: list[CrossSet]
    """The best one by the rows that say when to stop, and what was kept on the way, the latest first."""
    metrics: dict[str, dict[str, float]]
    """AUC and log-loss of the best one, of the parts that sets are chosen by and compared by."""
    passes: int
    """Passes over the training rows: one for each candidate that was looked at, and those of trainings."""


def grow(greedy: Greedy, data: FieldData, plan: CrossPlan, seed: int, threads: int = 1) -> Growth:
    """Return what a search comes to.

    Args:
        greedy: how many sets are kept in each step.
        data: a table of fields; its test part is not looked at.
        plan: how it searches, but for the beam.
        seed: of the order of rows in races.
        threads: cores.
    """
    search, kept, passes = CrossSearch(data, replace(plan, beam=greedy.beam), seed, threads), dict[str, CrossSet](), 0
    for step in search:
        passes += step.n_candidates + sum(one.weights.iterations for one in step.nodes)
        kept = {one.key: one for one in (CrossSet(node.crosses) for node in step.nodes)} | kept
    assert search.best is not None, "the columns alone are a set"
    best = CrossSet(search.best.crosses)
    others = [one for key, one in kept.items() if key != best.key]
    return Growth([best, *others], search.best.metrics, passes)
