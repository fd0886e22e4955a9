"""Sets of crosses taken apart: what each cross is worth beside the others, and sets without those worth nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from core.crosses.cross import Cross
from recommenders.tasks.crosses.bench import Bench
from recommenders.tasks.crosses.logistic import Weights
from recommenders.tasks.crosses.plan import CrossPlan
from recommenders.tasks.crosses.pruning import LeftOut, Scorer, leave_out, pruned


class TakenApart:
    """Trains parts of sets, each begun with the model of the whole.

    Args:
        bench: the rows of all parts but the test part.
        plan: decays, and what is left out.
        parts: the rows of each part.
        trained: the model of a set.
    """

    def __init__(
        self,
        bench: Bench,
        plan: CrossPlan,
        parts: Mapping[str, slice],
        trained: Callable[[tuple[Cross, ...]], Weights],
    ) -> None:
        self._bench, self._plan, self._parts, self._trained = bench, plan, parts, trained

    def left_out(self, crosses: tuple[Cross, ...], part: str) -> list[LeftOut]:
        """Return what each cross of a set is worth on the rows of a part.

        Args:
            crosses: the set.
            part: its name.
        """
        return leave_out(crosses, self._scorer(crosses, part), self._bench.label[self._parts[part]])

    def pruned(self, crosses: tuple[Cross, ...], part: str) -> tuple[Cross, ...]:
        """Return a set without the crosses that the rows of a part do not miss, those with the least spread first.

        Args:
            crosses: the set.
            part: its name.
        """
        order = sorted(crosses, key=self._bench.spreads(crosses, self._trained(crosses)).__getitem__)
        least = 0.0 if self._plan.prune is None else self._plan.prune
        return pruned(crosses, order, self._scorer(crosses, part), self._bench.label[self._parts[part]], least)

    def _scorer(self, crosses: tuple[Cross, ...], part: str) -> Scorer:
        bench, plan, whole = self._bench, self._plan, self._trained(crosses)
        return lambda left: bench.logistic(left).scores(bench.fewer(plan, crosses, whole, left))[self._parts[part]]
