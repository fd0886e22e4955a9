"""One step in decays that are learned (lambda-opt: Chen et al., KDD 2019), in compiled code.

The next step of the model is simulated, and decays go down the slope of the validation loss after it. A decay moves a
number theta of a row by d theta' / d lambda = d theta' / d g * 2 theta * (how often the batch names the row) / B, where
theta' is theta after a step of gradient g; the slope is that times the derivative of the validation loss by theta'. So
it is exact, and not 0 only for rows that both batches name: nothing is differentiated twice and no table is copied.
"""

from __future__ import annotations

import math

from core.common.jit import SUMS, compiled, constant

#: Adam's rates, and what is added to its root.
FIRST, SECOND, TINY = 0.9, 0.999, 1e-8
#: Added to a root that is divided by, and is 0 only where what is divided is 0, too.
LEAST = 1e-20


@compiled(fastmath=SUMS, inline=True)
def bpr_gradients(users, of_users, items, of_items, user, positive, negative, share):
    """Add the gradients of -ln sigmoid(u.i - u.j) of some triples, times a share; return the sum of these losses so.

    Args:
        users: rows [n_users, d].
        of_users: their gradients.
        items: rows [n_items, d].
        of_items: their gradients.
        user: numbers of rows [n].
        positive: likewise, of items.
        negative: likewise.
        share: 1 / n for the gradient of the mean.
    """
    total, like, d = 0.0, users[0, 0], users.shape[1]
    for t in range(len(user)):
        p, q, r = users[user[t]], items[positive[t]], items[negative[t]]
        of_p, of_q, of_r = of_users[user[t]], of_items[positive[t]], of_items[negative[t]]
        x = constant(0.0, like)
        for k in range(d):
            x += p[k] * (q[k] - r[k])
        total += math.log1p(math.exp(-abs(x))) + max(-x, 0.0)
        slope = constant(-share / (1 + math.exp(x)), like)
        for k in range(d):
            of_p[k] += slope * (q[k] - r[k])
            of_q[k] += slope * p[k]
            of_r[k] -= slope * p[k]
    return total * share


@compiled(fastmath=SUMS, inline=True)
def _simulate(side, decays, row, after, moved, of_step):
    """Fill a row after a simulated step [d], and its derivatives by the decays of each dimension [d].

    Args:
        side: see `.kernel`, with the gradient of a batch.
        decays: see there.
        row: its number.
        after: the first result.
        moved: the second one.
        of_step: share, the learning rate and the factor of the root, both with Adam's corrections, whether it is
            Adam's, and whether to do as published code does: it adds the penalty twice, the second time to every row
            and not divided by B, and learns by that.
    """
    rows, gradients, first, second, times, _ = side
    share, size, root, is_adam, as_coded = of_step
    values, like, d = decays[0][decays[1][row]], rows[0, 0], rows.shape[1]
    often = constant(2 * times[row] * share, like)
    if not times[row] and not as_coded:  # no batch names it: it stays
        after[:], moved[:] = rows[row], 0
        return
    added, learned = (often + constant(2.0, like), constant(2.0, like)) if as_coded else (often, often)
    if len(values) > 1:
        for k in range(d):
            after[k] = gradients[row, k] + added * values[k] * rows[row, k]
    else:
        for k in range(d):
            after[k] = gradients[row, k] + added * values[0] * rows[row, k]
    if not is_adam:
        size = constant(size, like)
        for k in range(d):
            after[k], moved[k] = rows[row, k] - size * after[k], -size * learned * rows[row, k]
        return
    keep, keep_second, tiny, one = (
        constant(FIRST, like),
        constant(SECOND, like),
        constant(TINY, like),
        constant(1.0, like),
    )
    new, new_second = constant(1 - FIRST, like), constant(1 - SECOND, like)
    size, root, least = constant(size, like), constant(root, like), constant(LEAST, like)
    for k in range(d):
        moved[k] = math.sqrt(keep_second * second[row, k] + new_second * after[k] * after[k])
    for k in range(d):
        ahead, spread, below = keep * first[row, k] + new * after[k], moved[k] + least, moved[k] * root + tiny
        both = one / (spread * below)  # one division where there are two
        inverse = both * spread
        bent = ahead * inverse * new_second * after[k] * root * both * below
        after[k], moved[k] = size * ahead * inverse, -size * inverse * (new - bent) * learned
    for k in range(d):
        after[k] = rows[row, k] - after[k]
    for k in range(d):
        moved[k] *= rows[row, k]


@compiled(fastmath=SUMS, inline=True)
def _simulate_side(side, decays, numbers, tuned, n, of_step):
    """Simulate the step of all rows that some numbers name, each once; return how many there are.

    Args:
        side: see `_simulate`.
        decays: see there.
        numbers: of rows [m], each of which is replaced by its place among those that are simulated.
        tuned: see `tune`.
        n: how many there are already.
        of_step: see `_simulate`.
    """
    place_of, named, after, moved, _ = tuned[:5]
    for i in range(len(numbers)):
        row = numbers[i]
        if place_of[row] < 0:
            place_of[row], named[n] = n, row
            _simulate(side, decays, row, after[n], moved[n], of_step)
            n += 1
        numbers[i] = place_of[row]
    return n


@compiled(fastmath=SUMS, inline=True)
def _slopes(times, decays, tuned, n, as_coded):
    """Add up the slopes of decays by their owners; return the sum of their squares, and how many owners have any."""
    place_of, named, _, moved, of_after, slopes, _, _, listed, is_listed = tuned
    owner, wide, d, n_owners, squares = decays[1], slopes.shape[1] > 1, moved.shape[1], 0, 0.0
    for place in range(n):
        row = named[place]
        if times[row] or as_coded:  # else its decay moves nothing
            mine = owner[row]
            if not is_listed[mine]:
                is_listed[mine], listed[n_owners] = 1, mine
                n_owners += 1
            if wide:
                for k in range(d):
                    slopes[mine, k] += of_after[place, k] * moved[place, k]
            else:
                total = constant(0.0, moved[0, 0])
                for k in range(d):
                    total += of_after[place, k] * moved[place, k]
                slopes[mine, 0] += total
        for k in range(d):
            of_after[place, k] = 0
        place_of[row] = -1
    for at in range(n_owners):
        total = constant(0.0, moved[0, 0])
        for k in range(slopes.shape[1]):
            total += slopes[listed[at], k] * slopes[listed[at], k]
        squares += total
    return squares, n_owners


@compiled(fastmath=SUMS, inline=True)
def _descend(decays, tuned, n_owners, factor, size, root):
    """Take Adam's step in the decays of some owners, none of which falls below 0; forget their slopes."""
    values, like = decays[0], decays[0][0, 0]
    _, _, _, _, _, slopes, first, second, listed, is_listed = tuned
    size, root = constant(size, like), constant(root, like)
    tiny, least = constant(TINY, like), constant(0.0, like)
    keep, keep_second = constant(FIRST, like), constant(SECOND, like)
    new, new_second = constant(1 - FIRST, like), constant((1 - SECOND) * factor * factor, like)
    factor = constant(factor, like)
    for at in range(n_owners):
        mine = listed[at]
        for k in range(values.shape[1]):
            first[mine, k] = keep * first[mine, k] + new * factor * slopes[mine, k]
        for k in range(values.shape[1]):
            second[mine, k] = keep_second * second[mine, k] + new_second * slopes[mine, k] * slopes[mine, k]
            slopes[mine, k] = 0
        for k in range(values.shape[1]):
            moved = values[mine, k] - size * first[mine, k] / (math.sqrt(second[mine, k]) * root + tiny)
            values[mine, k] = moved if moved > least else least
        is_listed[mine] = 0


@compiled(fastmath=SUMS, inline=True)
def tune(users, items, validation, decays, tuned_users, tuned_items, settings, of_step):
    """Take a step in the decays, for the batch whose gradients `users` and `items` hold.

    Args:
        users: see `.kernel`.
        items: see there.
        validation: triples of a batch of the validation part [3, n].
        decays: see there; their values are changed.
        tuned_users: for each row its place among those that are simulated, -1 without one [n_users]; those [most],
            the rows after a step, their derivatives by decays, and the slopes of the validation loss, which are 0
            [most, d] each; slopes of decays, which are 0, and Adam's moments [owners, 1 or d] each; owners with a
            slope, and whether they are such [owners] each.
        tuned_items: likewise.
        settings: the learning rate of decays and the factor of the root, both with Adam's corrections, and the largest
            norm of slopes; larger ones are made as small.
        of_step: see `_simulate`.
    """
    numbers = validation.copy()
    n_users = _simulate_side(users, decays[0], numbers[0], tuned_users, 0, of_step)
    n_items = _simulate_side(items, decays[1], numbers[1], tuned_items, 0, of_step)
    n_items = _simulate_side(items, decays[1], numbers[2], tuned_items, n_items, of_step)
    after, of_after = tuned_users[2], tuned_users[4]
    share = 1.0 / numbers.shape[1]
    bpr_gradients(after, of_after, tuned_items[2], tuned_items[4], numbers[0], numbers[1], numbers[2], share)
    squares, n_owners = _slopes(users[4], decays[0], tuned_users, n_users, of_step[4])
    more, n_more = _slopes(items[4], decays[1], tuned_items, n_items, of_step[4])
    norm = math.sqrt(squares + more)
    factor = settings[2] / norm if norm > settings[2] else 1.0
    _descend(decays[0], tuned_users, n_owners, factor, settings[0], settings[1])
    _descend(decays[1], tuned_items, n_more, factor, settings[0], settings[1])
