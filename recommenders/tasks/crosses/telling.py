"""What the parts of a found set are worth, and which combinations weigh most: tables for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from core.common.errors import in_a_line
from core.crosses.cross import Cross
from core.phases.told import ToldTable
from recommenders.tasks.crosses.design import Coded, spread_of
from recommenders.tasks.crosses.model import CrossedModel, Term
from recommenders.tasks.crosses.pruning import LeftOut
from recommenders.tasks.crosses.words import Words

#: Combinations of a cross that are told, of those that raise the score and of those that lower it.
_TOLD, _LONGEST = 3, 160


def tables(model: CrossedModel, left_out: Sequence[LeftOut], codes: Mapping[str, Coded]) -> list[ToldTable]:
    """Return the crosses of a model, their most telling combinations, and its columns.

    Args:
        model: as it is taken home.
        left_out: of its crosses, in order.
        codes: of rows, by column; those that columns are measured on.
    """
    crossed = {one.cross: one for one in model.terms if len(one.cross) > 1}
    found = [_crosses(crossed, left_out), _telling(model, list(crossed.values()))] if crossed else []
    return [*found, _columns(model, codes)]


def crosses_table(told: Sequence[ToldTable]) -> ToldTable:
    """Return the table of crosses, without rows where the set has none.

    Args:
        told: see `tables`.
    """
    empty = _crosses({}, ())
    return next((one for one in told if one.columns == empty.columns), empty)


def _crosses(crossed: Mapping[Cross, Term], left_out: Sequence[LeftOut]) -> ToldTable:
    rows = tuple(
        (
            str(one.cross),
            int(np.count_nonzero(crossed[one.cross].counts)),
            crossed[one.cross].spread,
            one.auc,
            one.log_loss,
            one.error,
        )
        for one in left_out
        if one.cross in crossed
    )
    return ToldTable(
        "Crosses of the set",
        "Combinations: those that the training rows have. Spread: the standard deviation of what the cross adds to the "
        "scores of these rows. The rest is what the rows that sets are compared by lose where a cross is left out and "
        "the others are trained anew, without these rows: AUC, and log-loss with its standard error over rows. A loss "
        "of less than two standard errors may be chance. Crosses that share columns stand in for each other, so "
        "together they are worth more than the sum, and a set was chosen by these rows, so they flatter it a little.",
        ("cross", "combinations", "spread", "AUC lost", "log-loss gained", "± error"),
        rows,
        2,
    )


def _telling(model: CrossedModel, crossed: Sequence[Term]) -> ToldTable:
    words, rows = Words(model.encoder), []
    for term in crossed:
        for places in _most(term):
            told = words.of_cross(term.cross, places.tolist(), term.keys)
            rows += [
                (str(term.cross), in_a_line(text, _LONGEST), float(term.weights[k]), int(term.counts[k]))
                for text, k in zip(told, places.tolist(), strict=True)
            ]
    return ToldTable(
        "Most telling combinations",
        f"Of each cross the {_TOLD} combinations that raise the score most and the {_TOLD} that lower it most, by "
        "weight times the root of their training rows, so that a few rows do not come first. A weight is added to the "
        "logit, beside the weights of the columns by themselves: 0.7 doubles the odds.",
        ("cross", "combination", "weight", "rows"),
        tuple(rows),
        2,
    )


def _most(term: Term) -> tuple[np.ndarray, np.ndarray]:
    """Return the buckets that raise scores most, and those that lower them most."""
    size = term.weights * np.sqrt(term.counts)
    order = np.argsort(-size, kind="stable")
    up, down = order[:_TOLD], order[::-1][:_TOLD]
    return up[size[up] > 0], down[size[down] < 0]


def _columns(model: CrossedModel, codes: Mapping[str, Coded]) -> ToldTable:
    rows = []
    for name, table in model.tables.items():
        counts = np.bincount(codes[name].codes, minlength=len(table))
        there = table[counts > 0]
        cuts = [one.cross.features[0] for one in model.terms if one.cross.columns == {name} and len(one.cross) == 1]
        kind = ", ".join(f"{one.spacing}{one.bins}" for one in cuts if one.bins) or "as it is"
        low, high = (float(there.min()), float(there.max())) if len(there) else (0.0, 0.0)
        rows.append((in_a_line(name, _LONGEST), kind, len(there), low, high, spread_of(table, counts)))
    rows.sort(key=lambda row: -row[-1])
    return ToldTable(
        "Columns by themselves",
        "Cuts: how a column of numbers is cut, w10 into 10 bins of equal width, q100 into 100 by quantiles; what all "
        "cuts weigh is added up. Spread: the standard deviation of what the column adds to the scores of rows.",
        ("column", "cuts", "values", "lowest", "highest", "spread"),
        tuple(rows),
        5,
    )
