"""Compiled parts of a step: scores and gradients. Each works on a range of examples or rows, which threads share.

Shapes: B examples, of which a block has b, N negatives of each (or M of the batch), D dimensions.
"""

from __future__ import annotations

from core.common.jit import SUMS, compiled, constant
from recommenders.backends.ranking.compiled import rows as rows_of_tables
from recommenders.backends.ranking.compiled.rows import from_unit, to_unit


@compiled(uses=(rows_of_tables,), fastmath=SUMS)
def place_users(rows, first, masks, before, cosine, users, inverse):
    """Write the vectors of the users of some examples as they are in scores, with elements dropped.

    Args:
        rows: of users, read.
        first: the number of the first example.
        masks: [b, D] factors of the elements of b examples; [0, D]: nothing is dropped.
        before: whether elements are dropped before vectors are brought to length 1.
        cosine: whether they are.
        users: [b, D] overwritten.
        inverse: [b] overwritten: what vectors were multiplied by.
    """
    drops, named, now, unit, inverses = len(masks) > 0, rows.named, rows.now, rows.unit, rows.inverse
    for b in range(len(users)):
        u = named[first + b]
        if drops and before:
            for j in range(users.shape[1]):
                users[b, j] = now[u, j] * masks[b, j]
            inverse[b] = to_unit(users, b, cosine, users, b)
            continue
        inverse[b] = inverses[u]
        for j in range(users.shape[1]):
            users[b, j] = unit[u, j] * masks[b, j] if drops else unit[u, j]


@compiled(fastmath=SUMS)
def score_positives(users, items, first, scores):
    """Write the scores [b] of positives.

    Args:
        users: [b, D] of the examples, in scores.
        items: rows of items, read; examples name their positives first.
        first: the number of the first example.
        scores: [b] overwritten.
    """
    named, unit = items.named, items.unit
    for b in range(len(users)):
        i, dot = named[first + b], constant(0, users[0, 0])
        for j in range(users.shape[1]):
            dot += users[b, j] * unit[i, j]
        scores[b] = dot


@compiled(fastmath=SUMS)
def score_private(users, items, index, scores):
    """Write the scores of every example's own negatives.

    Args:
        users: [b, D] of the examples, in scores.
        items: [n_i, D] in scores.
        index: [b, N] the numbers of their negatives.
        scores: [b, N] overwritten.
    """
    for b in range(len(users)):
        for n in range(index.shape[1]):
            i, dot = index[b, n], constant(0, users[0, 0])
            for j in range(users.shape[1]):
                dot += users[b, j] * items[i, j]
            scores[b, n] = dot


@compiled(fastmath=SUMS)
def gather_private(gradients, index, items, out):
    """Write the gradient of users from their own negatives.

    Args:
        gradients: [b, N] by the scores of negatives.
        index: [b, N] the numbers of the negatives.
        items: [n_i, D] in scores.
        out: [b, D] overwritten.
    """
    out[:] = 0
    for b in range(len(out)):
        for n in range(index.shape[1]):
            if gradients[b, n] != 0:
                for j in range(out.shape[1]):
                    out[b, j] += gradients[b, n] * items[index[b, n], j]


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
def sum_items(rows, first, stop, sources, share, decay, cosine):
    """Sum the gradients of items over the examples that name them.

    Args:
        rows: of items, grouped by the positives [B], then the negatives; their `gradient` is filled.
        first: the first of them.
        stop: behind the last one.
        sources: users [B, D] in scores; gradients by the positive's score [B]; by the negatives' scores [B, N], where
            they are private; and gradients of shared negatives [blocks, M, D], without blocks where they are private.
        share: of an example in the mean, 1 / B.
        decay: the weight decay of a row, for each time that it is named.
        cosine: whether vectors in scores have length 1.
    """
    users, of_positive, of_negative, of_shared = sources
    n, out, starts, order = len(users), rows.gradient, rows.starts, rows.order
    now, unit, inverse = rows.now, rows.unit, rows.inverse
    for r in range(first, stop):
        if starts[r] == starts[r + 1]:
            continue
        times = constant(0, share)
        for j in range(out.shape[1]):
            out[r, j] = 0
        for at in range(starts[r], starts[r + 1]):
            source = order[at]
            if source >= n and len(of_shared):
                times += n
                for block in range(len(of_shared)):
                    for j in range(out.shape[1]):
                        out[r, j] += of_shared[block, source - n, j]
                continue
            b = source if source < n else (source - n) // of_negative.shape[1]
            by = of_positive[b] if source < n else of_negative[b, (source - n) % of_negative.shape[1]]
            times += 1
            for j in range(out.shape[1]):
                out[r, j] += by * users[b, j]
        from_unit(out, r, unit, r, inverse[r], cosine)
        shrink = decay * times
        for j in range(out.shape[1]):
            out[r, j] = share * (out[r, j] + shrink * now[r, j])
