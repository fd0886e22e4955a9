"""Compiled parts of a step: gradients, by example and by row. Each works on a range of them, which threads share.

Shapes: B examples, of which a block has b, M negatives of the batch, D dimensions, E negatives with a gradient.
"""

from __future__ import annotations

from core.common.jit import SUMS, compiled, constant
from recommenders.backends.ranking.compiled import rows as rows_of_tables
from recommenders.backends.ranking.compiled.rows import from_unit


@compiled(fastmath=SUMS)
def gather_negatives(factors, index, starts, items, out):
    """Write the gradient of users from their own negatives.

    Args:
        factors: [E] gradients by the scores of the negatives.
        index: [E] their numbers among the rows that are read.
        starts: [b + 1] where those of each example begin.
        items: [n_i, D] in scores.
        out: [b, D] overwritten.
    """
    out[:] = 0
    for b in range(len(out)):
        for e in range(starts[b], starts[b + 1]):
            for j in range(out.shape[1]):
                out[b, j] += factors[e] * items[index[e], j]


@compiled(uses=(rows_of_tables,), fastmath=SUMS)
def finish_users(rows, items, first, masks, before, cosine, users, inverse, of_positive, out):
    """Convert the gradients of examples' users in scores into those of the rows as they are.

    Args:
        rows: of users, read.
        items: of items, read.
        first: see `place_users`.
        masks: see `place_users`.
        before: see `place_users`.
        cosine: see `place_users`.
        users: [b, D] in scores, from there.
        inverse: [b] from there.
        of_positive: [b] the gradient by the score of the positive.
        out: [b, D] the gradient from negatives; overwritten.
    """
    drops, positives, of_items = len(masks) > 0, items.named, items.unit
    named, unit = rows.named, rows.unit
    for b in range(len(out)):
        i, u = positives[first + b], named[first + b]
        for j in range(out.shape[1]):
            out[b, j] += of_positive[b] * of_items[i, j]
        if drops and before:
            from_unit(out, b, users, b, inverse[b], cosine)
        if drops:
            for j in range(out.shape[1]):
                out[b, j] *= masks[b, j]
        if not (drops and before):
            from_unit(out, b, unit, u, inverse[b], cosine)


@compiled(fastmath=SUMS)
def sum_users(rows, first, stop, of_example, share, decay):
    """Sum the gradients of users over their examples.

    Args:
        rows: of users, grouped, whose `gradient` is filled.
        first: the first of them.
        stop: behind the last one.
        of_example: [B, D] gradients by example.
        share: of an example in the mean, 1 / B.
        decay: the weight decay of a row, for each time that it is named.
    """
    out, starts, order, now = rows.gradient, rows.starts, rows.order, rows.now
    for r in range(first, stop):
        shrink = decay * (starts[r + 1] - starts[r]) * share
        for j in range(out.shape[1]):
            out[r, j] = shrink * now[r, j]
        for at in range(starts[r], starts[r + 1]):
            b = order[at]
            for j in range(out.shape[1]):
                out[r, j] += share * of_example[b, j]


@compiled(uses=(rows_of_tables,), fastmath=SUMS)
def sum_items(rows, first, stop, users, examples, factors, of_shared, share, decay, cosine):
    """Sum the gradients of items over the examples that name them.

    Args:
        rows: of items, grouped by m namings, or by m - M and then the shared negatives; their `gradient` is filled.
        first: the first of them.
        stop: behind the last one.
        users: [B, D] in scores.
        examples: [m or m - M] of every naming.
        factors: likewise, the gradient by its score.
        of_shared: [blocks, M, D] gradients of shared negatives; without blocks where they are private.
        share: of an example in the mean, 1 / B.
        decay: the weight decay of a row, for each time that it is named.
        cosine: whether vectors in scores have length 1.
    """
    n, out, starts, order = len(examples), rows.gradient, rows.starts, rows.order
    now, unit, inverse = rows.now, rows.unit, rows.inverse
    for r in range(first, stop):
        times = constant(0, share)
        for j in range(out.shape[1]):
            out[r, j] = 0
        for at in range(starts[r], starts[r + 1]):
            named = order[at]
            if named < n:
                b, by = examples[named], factors[named]
                times += 1
                for j in range(out.shape[1]):
                    out[r, j] += by * users[b, j]
                continue
            times += len(users)
            for block in range(len(of_shared)):
                for j in range(out.shape[1]):
                    out[r, j] += of_shared[block, named - n, j]
        from_unit(out, r, unit, r, inverse[r], cosine)
        shrink = decay * times
        for j in range(out.shape[1]):
            out[r, j] = share * (out[r, j] + shrink * now[r, j])
