"""The losses of a table: all of a space up to some number of operators, and which of them are trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cached_property

import numpy as np

from core.losses.loss import ProgramLoss
from core.problems.validation import ValidationCheck
from core.programs.enumeration import Enumerated, enumerate_losses
from core.programs.program import LossProgram
from studies.execution.runner import ResultCache
from studies.storage.output import plain
from studies.study.loss_table import ONE_SIDED, SAME, TRAINED, WRONG
from studies.tabulation.settings import TableSettings


@dataclass(frozen=True)
class TableLosses:
    """All losses, a row for each."""

    found: Enumerated
    """Without their gradients, which take hundreds of megabytes."""
    positive_rates: np.ndarray
    """The share of simulated pairs on which each points the right way or nowhere [n]."""
    verdicts: np.ndarray
    """What became of each, see TRAINED [n]."""

    @classmethod
    def of(
        cls,
        settings: TableSettings,
        report: Callable[[int, int], None] | None = None,
        cache: ResultCache | None = None,
    ) -> TableLosses:
        """Enumerate and check them.

        Args:
            settings: of the table.
            report: see `enumerate_losses`.
            cache: where they are kept, so that it is done once; None: it is done.
        """
        if cache is None:
            return cls._made(settings, report)
        space = settings.study.space
        content = {"space": plain(asdict(space)), "seed": settings.seed, "rate": settings.min_positive_rate}
        made = cache.arrays("losses", content | {"size": settings.size}, lambda: cls._made(settings, report)._arrays())
        sizes, same_direction = (made[name].astype(np.int64) for name in ("sizes", "same_direction"))
        found = Enumerated(space, made["lines"].astype(np.int16), sizes, np.empty((len(sizes), 0)), same_direction)
        return cls(found, made["positive_rates"], made["verdicts"])

    def _arrays(self) -> dict[str, np.ndarray]:
        """Return what they are made of."""
        found = self.found
        lines, sizes, same = found.lines.astype(np.int8), found.sizes.astype(np.int8), found.same_direction
        kept: dict[str, np.ndarray] = {"lines": lines, "sizes": sizes, "same_direction": same.astype(np.int32)}
        return kept | {"positive_rates": self.positive_rates, "verdicts": self.verdicts}

    @classmethod
    def _made(cls, settings: TableSettings, report: Callable[[int, int], None] | None) -> TableLosses:
        space = settings.study.space
        found = enumerate_losses(space, settings.size, report)
        check = ValidationCheck(settings.min_positive_rate, seed=settings.seed)
        losses = [ProgramLoss(found.program(i), space) for i in range(len(found))]
        rates = check.positive_rates(losses)
        is_wrong, is_one_sided = rates < check.min_positive_rate, np.zeros(len(losses), dtype=bool)
        is_one_sided[~is_wrong] = ~check.moves_both([losses[i] for i in np.flatnonzero(~is_wrong)])
        # What is nearly the same as one that is not trained, by a sign that rounding decides, is trained itself.
        has_trained_first = ~(is_wrong | is_one_sided)[found.same_direction]
        is_same = has_trained_first & (found.same_direction != np.arange(len(found)))
        verdicts = np.select((is_wrong, is_one_sided, is_same), (WRONG, ONE_SIDED, SAME), TRAINED)
        return cls(replace(found, gradients=np.empty((len(found), 0))), rates, verdicts)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.found)

    @cached_property
    def trained(self) -> list[int]:
        """The numbers of those that are trained, in order."""
        numbers: list[int] = np.flatnonzero(self.verdicts == TRAINED).tolist()
        return numbers

    @cached_property
    def multiples(self) -> list[int]:
        """The numbers of those that are not trained for being a positive multiple of one that is."""
        numbers: list[int] = np.flatnonzero(self.verdicts == SAME).tolist()
        return numbers

    @cached_property
    def formulas(self) -> list[str]:
        """All formulas, in order."""
        return [str(self.found.program(i)) for i in range(len(self))]

    def program(self, i: int) -> LossProgram:
        """Return loss number i."""
        return self.found.program(i)

    def counts(self, verdict: str | None = None) -> list[int]:
        """Return how many losses there are with 1, 2, ... operators.

        Args:
            verdict: only those; None: all.
        """
        sizes = self.found.sizes if verdict is None else self.found.sizes[self.verdicts == verdict]
        counted: list[int] = np.bincount(sizes, minlength=self.found.lines.shape[1] + 1)[1:].tolist()
        return counted
