"""One epoch of matrix factorisation by BPR in compiled code, with decays that differ from row to row.

The loss of a batch of B triples (a user u, an item i that the user has, an item j that the user has not) is the mean of
-ln sigmoid(u.i - u.j) + sum of decay * square over the numbers of u, i and j: a row pays each time that it is named.
Decays belong to owners, such as groups of rows: those of row r are `values[owner[r]]`, one number or one for each
dimension. Optimisers leave rows that a batch does not name as they are. Nothing is shared between models, so many are
trained side by side, one on a core.

Decays may be learned meanwhile (lambda-opt: Chen et al., KDD 2019): before each step it is simulated, and the decays go
down the slope of the loss of a batch of the validation part after the simulated step, see `.tuning`.
"""

from __future__ import annotations

import math

from core.common.jit import SUMS, compiled, constant
from recommenders.tasks.decay import tuning
from recommenders.tasks.decay.tuning import FIRST, SECOND, TINY, bpr_gradients, tune


@compiled(inline=True)
def _name(rows, times, named, n):
    """Count how often rows are named; return how many different ones there are, which are listed in `named`."""
    for row in rows:
        if not times[row]:
            named[n] = row
            n += 1
        times[row] += 1
    return n


@compiled(fastmath=SUMS, inline=True)
def _step(side, decays, n, share, of_step):
    """Take a step in the rows that a batch names, and forget its gradient.

    Args:
        side: rows, gradients, Adam's two moments [n_rows, d] each, how often each is named, and those that are.
        decays: values [owners, 1 or d], and the owner of each row.
        n: how many rows are named.
        share: 1 / B.
        of_step: the learning rate and the factor of the root, both with Adam's corrections, and whether it is Adam's
            step or that of SGD.
    """
    rows, gradients, first, second, times, named = side
    values, owner = decays
    like, d, wide = rows[0, 0], rows.shape[1], values.shape[1] > 1
    keep, keep_second, tiny = constant(FIRST, like), constant(SECOND, like), constant(TINY, like)
    new, new_second = constant(1 - FIRST, like), constant(1 - SECOND, like)
    size, root = constant(of_step[0], like), constant(of_step[1], like)
    for place in range(n):
        row = named[place]
        twice, own = constant(2 * times[row] * share, like), values[owner[row]]
        if wide:
            for k in range(d):
                gradients[row, k] += twice * own[k] * rows[row, k]
        else:
            for k in range(d):
                gradients[row, k] += twice * own[0] * rows[row, k]
        if of_step[2]:
            for k in range(d):
                first[row, k] = keep * first[row, k] + new * gradients[row, k]
            for k in range(d):
                second[row, k] = keep_second * second[row, k] + new_second * gradients[row, k] * gradients[row, k]
            for k in range(d):
                rows[row, k] -= size * first[row, k] / (math.sqrt(second[row, k]) * root + tiny)
        else:
            for k in range(d):
                rows[row, k] -= size * gradients[row, k]
        for k in range(d):
            gradients[row, k] = 0
        times[row] = 0


@compiled(inline=True)
def _forget(side, n):
    """Forget the gradient of a batch."""
    gradients, times, named = side[1], side[4], side[5]
    for place in range(n):
        gradients[named[place]], times[named[place]] = 0, 0


@compiled(uses=(tuning,), fastmath=SUMS, inline=True)
def _batch(users, items, triples, at, batch):
    """Add the gradients of a batch; return its loss without decay, and how many users and items it names."""
    some = triples[:, at : at + batch]
    loss = bpr_gradients(users[0], users[1], items[0], items[1], some[0], some[1], some[2], 1.0 / some.shape[1])
    n_users = _name(some[0], users[4], users[5], 0)
    n_items = _name(some[2], items[4], items[5], _name(some[1], items[4], items[5], 0))
    return loss, n_users, n_items


@compiled(uses=(tuning,), fastmath=SUMS)
def train_epoch(users, items, triples, batch, decays, rate, steps, is_adam, learning):
    """Train an epoch in place; return the mean loss of its batches before each step, without decay.

    Args:
        users: see `_step`; gradients are 0, and nothing is named.
        items: likewise.
        triples: users, items that they have, and items that they have not [3, n], in the order in which they are taken.
        batch: triples of a step.
        decays: those of users and of items, see `_step`; changed where they are learned.
        rate: the learning rate.
        steps: how many there were before.
        is_adam: whether steps are Adam's, or those of SGD.
        learning: of decays: triples of the validation part [3, m], none where decays stay as they are; how many of them
            judge a step; whether to do as published code does, which simulates the step of another batch; what `tune`
            asks for; and the learning rate of decays and the largest norm of their slopes.
    """
    validation, judged, as_coded, tuned_users, tuned_items, settings = learning
    total, n, m, n_steps = 0.0, triples.shape[1], validation.shape[1], 0
    half = n // (2 * batch) * batch
    for start in range(0, n, batch):
        steps, n_steps = steps + 1, n_steps + 1
        size = rate / (1 - FIRST**steps) if is_adam else rate
        root = 1 / math.sqrt(1 - SECOND**steps)
        if m:
            other = (start + half) % n // batch * batch if as_coded else start
            loss, n_users, n_items = _batch(users, items, triples, other, batch)
            at = (steps - 1) * judged % m
            simulated = 1.0 / min(batch, n - other), size, root, is_adam, as_coded
            of_decays = settings[0] / (1 - FIRST**steps), root, settings[1]
            tune(users, items, validation[:, at : at + judged], decays, tuned_users, tuned_items, of_decays, simulated)
            if as_coded:
                _forget(users, n_users)
                _forget(items, n_items)
        if not m or as_coded:
            loss, n_users, n_items = _batch(users, items, triples, start, batch)
        share = 1.0 / min(batch, n - start)
        _step(users, decays[0], n_users, share, (size, root, is_adam))
        _step(items, decays[1], n_items, share, (size, root, is_adam))
        total += loss
    return total / n_steps
