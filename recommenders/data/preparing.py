"""From the rows of a table to a data set: labels, each pair once, negatives where there are none, parts."""

from __future__ import annotations

import numpy as np
import torch

from core.common.errors import UserError, in_a_line
from recommenders.common.memory import free_memory
from recommenders.data.dataset import Dataset, Interactions, Origin
from recommenders.data.gathering import PARTS, Gathered
from recommenders.data.labels import binary_labels, repeated
from recommenders.data.negatives import TooFewItems, draw_negatives
from recommenders.data.options import USUAL_NEGATIVES, TableOptions
from recommenders.data.split import positive_leave_one_out, random_split
from recommenders.data.survey import check_rows

_CPU = torch.device("cpu")
_HOW = {
    "leave-one-out": "positive leave-one-out by time",
    "random": "random 80/10/10",
    "given": "as given",
}


def prepared(name: str, where: str, rows: Gathered, options: TableOptions, rng: np.random.Generator) -> Dataset:
    """A data set of these rows, which are used up.

    Args:
        name: of the data set.
        where: the table, for messages.
        rows: what was read.
        options: with a split that is given, or none of the table's.
        rng: of a random split, and of negatives.

    Raises:
        UserError: nothing that these options can make a data set of.
    """
    n_rows, how = len(rows.user), options.split
    if how == "auto":
        how = "random" if rows.time is None else "leave-one-out"
    if how == "leave-one-out" and rows.time is None:
        raise UserError(
            f"{where}: --split leave-one-out: expected a column of times, got none; name it with --time-col"
        )
    label, said = binary_labels(where, rows.rating, n_rows, options.positive_at)
    rows.rating = None
    _in_order_of_time(rows, label)
    pair = rows.user * len(rows.item_ids) + rows.item
    stays, n_repeated = repeated(pair if rows.part is None else pair * len(PARTS) + rows.part, options.pairs)
    del pair
    if stays is not None:
        rows.user, rows.item, label = rows.user[stays], rows.item[stays], label[stays]
        rows.part = None if rows.part is None else rows.part[stays]
    warnings = _shared(rows)
    n_pairs, n_kept = n_rows - n_repeated if rows.part is None else _n_pairs(rows), len(label)
    label, drawn = _with_negatives(where, rows, label, options.negatives, rng)
    interactions = Interactions(rows.user, rows.item, label)
    parts = _parts(interactions, rows.part, how, rng)
    n_drawn = len(label) - n_kept
    labels = "; ".join(filter(None, (said, drawn)))
    origin = Origin(n_rows, n_repeated, options.pairs, n_pairs, n_drawn, labels, tuple(rows.notes), warnings)
    return Dataset(name, *parts, rows.user_ids, rows.item_ids, _HOW[how] + _why(options, how), origin)


def _why(options: TableOptions, how: str) -> str:
    return " (no times)" if options.split == "auto" and how == "random" else ""


def _in_order_of_time(rows: Gathered, label: np.ndarray) -> None:
    """Rows of equal times keep their order. One column after the other, so that no more memory is taken."""
    if rows.time is None:
        return
    order = np.argsort(rows.time, kind="stable")
    rows.time = None
    rows.user[:] = rows.user[order]
    rows.item[:] = rows.item[order]
    label[:] = label[order]
    if rows.part is not None:
        rows.part[:] = rows.part[order]


def _with_negatives(
    where: str, rows: Gathered, label: np.ndarray, asked: int | None, rng: np.random.Generator
) -> tuple[np.ndarray, str]:
    """Labels, and what was drawn or why not; each negative stands right behind its positive."""
    if not label.all():
        if asked:
            raise UserError(
                f"{where}: --negatives {asked}: expected a table in which every row is a positive, got "
                f"{int((label == 0).sum()):,} rows that are not; leave it out"
            )
        return label, ""
    n_each = USUAL_NEGATIVES if asked is None else asked
    if n_each == 0:
        return label, ""
    n = len(label)
    check_rows(where, f"{n:,} positives and {n * n_each:,} negatives", n * (1 + n_each), free_memory(_CPU))
    try:
        drawn = draw_negatives(rows.user, rows.item, len(rows.item_ids), n_each, rng)
    except TooFewItems as few:
        who = in_a_line(str(rows.user_ids[few.user]), 60)
        if asked is None:
            return label, f"no negatives could be drawn: user {who} has all {len(rows.item_ids)} items but {few.left}"
        raise UserError(
            f"{where}: --negatives {n_each}: expected users with as many items left, got user {who} with all "
            f"{len(rows.item_ids)} items but {few.left} (of {few.n_users} such users); leave them out, or give fewer"
        ) from None
    rows.item = np.column_stack([rows.item, drawn]).ravel()
    rows.user = np.repeat(rows.user, 1 + n_each)
    rows.part = None if rows.part is None else np.repeat(rows.part, 1 + n_each)
    said = f"{n * n_each:,} negatives drawn, {n_each} for each positive" + " (--negatives)" * (asked is None)
    return np.tile(np.array([1] + [0] * n_each, dtype=np.float32), n), said


def _parts(
    ordered: Interactions, part: np.ndarray | None, how: str, rng: np.random.Generator
) -> tuple[Interactions, Interactions, Interactions]:
    if how == "leave-one-out":
        return positive_leave_one_out(ordered)
    if how == "random":
        return random_split(ordered, rng)
    assert part is not None
    train, validation, test = (ordered.take(part == number) for number in range(len(PARTS)))
    return train, validation, test


def _n_pairs(rows: Gathered) -> int:
    """Distinct ones, whatever part they are in."""
    ordered = np.sort(rows.user * len(rows.item_ids) + rows.item)
    return int(np.count_nonzero(ordered[1:] != ordered[:-1])) + 1


def _shared(rows: Gathered) -> tuple[str, ...]:
    """A warning where given parts have pairs in common."""
    if rows.part is None:
        return ()
    pair = rows.user * len(rows.item_ids) + rows.item
    train = np.unique(pair[rows.part == 0])
    shared = {name: int(np.isin(pair[rows.part == n], train).sum()) for n, name in enumerate(PARTS) if n}
    return tuple(f"{n:,} rows of the {name} part stand in the training part too" for name, n in shared.items() if n)
