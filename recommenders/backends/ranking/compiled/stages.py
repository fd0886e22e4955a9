"""Stages of a step that go over the rows that a batch names, in compiled code by a team of threads."""

from __future__ import annotations

import numpy as np

from core.common.jit import compiled, constant
from recommenders.backends.ranking.compiled import gradients, rules, sketch, tables, team, updates, work
from recommenders.backends.ranking.compiled import rows as rows_of_tables
from recommenders.backends.ranking.compiled.gradients import sum_items, sum_users
from recommenders.backends.ranking.compiled.rows import find_rows, group, read_rows, squared_norm
from recommenders.backends.ranking.compiled.sketch import sketch_rows
from recommenders.backends.ranking.compiled.tables import find_travel
from recommenders.backends.ranking.compiled.team import claim, meet
from recommenders.backends.ranking.compiled.updates import scale, update
from recommenders.backends.ranking.torch_trainer import CLIP_EPSILON
from recommenders.data.implicit import draws
from recommenders.data.implicit.draws import draw_shared

#: Rows that a thread takes at a time, at least, and how many times each thread does where there are more.
_ROWS, _TIMES = 32, 4
_USES = (rows_of_tables, rules, sketch, tables, team, updates, work, gradients, draws)


@compiled(uses=_USES)
def _size(team, n_users, n_items):
    """Return the number of rows that a thread takes at a time."""
    return max(_ROWS, -(-(n_users + n_items) // (team.size * _TIMES)))


@compiled(uses=_USES, merged=True)
def prepare(team, work, named, shared, step, first, n):
    """Find and read the rows of a batch that are known before its scores are.

    Args:
        team: whose members all call this.
        work: of the epoch.
        named: overwritten.
        shared: how many negatives are shared; 0: they are private.
        step: the number of the step, from 1.
        first: the number of its first example in the epoch.
        n: how many it has.

    Returns:
        Whether the team goes on.
    """
    examples, (users, items, counts, ids), share = work.examples, named, claim(team)
    while share < 3:
        if share == 0:
            find_travel(step, work.rule, work.travel)
        elif share == 1:
            counts[0] = find_rows(examples.users[first : first + n], users.place, users.numbers, users.named)
        else:
            ids[:n] = examples.positives[first : first + n]
            counts[1], counts[2] = 0, 0  # private negatives are listed when they are chosen
            if shared:
                counts[2] = n + shared
                draw_shared(examples.seed, first, examples.alias, ids[n : counts[2]])
                counts[1] = find_rows(ids[: counts[2]], items.place, items.numbers, items.named)
        share = claim(team)
    if not meet(team):
        return False
    read(team, work, named, step, n, counts[0], counts[1])
    return meet(team)


@compiled(uses=_USES, merged=True)
def read(team, work, named, step, n, n_users, n_items):
    """Read rows of users and of items, and sort the namings by them.

    Args:
        team: whose members all call this.
        work: of the epoch.
        named: overwritten.
        step: the number of the step.
        n: the number of its examples.
        n_users: the number of rows; 0: none is read.
        n_items: likewise.
    """
    (users, items, counts, _), size, share = named, _size(team, n_users, n_items), claim(team)
    of_users, of_items = -(-n_users // size), -(-n_items // size)
    while share < 2 + of_users + of_items:
        if share == 0 and n_items:
            group(items.named[: counts[2]], n_items, items.starts, items.order)
        elif share == 1 and n_users:
            group(users.named[:n], n_users, users.starts, users.order)
        elif share >= 2:
            is_user = share < 2 + of_users
            rows, start = users if is_user else items, (share - 2 if is_user else share - 2 - of_users) * size
            end = min(start + size, n_users if is_user else n_items)
            read_rows(rows, start, end, step, work.rule, work.travel, work.manner.cosine)
        share = claim(team)


@compiled(uses=_USES, merged=True)
def finish(team, work, named, placed, scored, owners, factors, of_pool, step, n):
    """Sum the gradients of rows, and update them.

    Args:
        team: whose members all call this.
        work: of the epoch.
        named: of the step.
        placed: of the step.
        scored: of the step.
        owners: [m] the examples of items by naming, but for shared negatives.
        factors: [m] the derivatives by their scores.
        of_pool: [blocks, N, D] the gradients of shared negatives.
        step: the number of the step.
        n: the number of its examples.

    Returns:
        Whether the team goes on.
    """
    (users, items, counts, _), manner = named, work.manner
    factor, average = constant(1, manner.decay), constant(1, manner.decay) / constant(n, manner.decay)
    size, limited = _size(team, counts[0], counts[1]), manner.clip < np.inf
    of_users, parts = -(-counts[0] // size), -(-counts[0] // size) + -(-counts[1] // size)
    share = claim(team)
    while share <= parts:
        is_user = share < of_users
        start = (share if is_user else share - of_users) * size
        stop = min(start + size, counts[0] if is_user else counts[1])
        if share == parts:
            for k in range(n):
                scored.total[0] += scored.values[k]
        elif is_user:
            sum_users(users, start, stop, placed.gradients, average, manner.decay)
        else:
            sums = placed.vectors[:n], owners, factors, of_pool
            sum_items(items, start, stop, *sums, average, manner.decay, manner.cosine)
        if share < parts and not limited:
            _update(users if is_user else items, work.sketch, not is_user, work.rule, step, start, stop, factor)
        share = claim(team)
    if limited:
        if not meet(team):
            return False
        norm = squared_norm(users.gradient, counts[0]) + squared_norm(items.gradient, counts[1])
        if not meet(team):  # all have read the gradients
            return False
        shortened = manner.clip / (np.sqrt(norm) + CLIP_EPSILON)
        if shortened < 1:
            factor = constant(shortened, factor)
        share = claim(team)
        while share < parts:
            is_user = share < of_users
            start = (share if is_user else share - of_users) * size
            stop = min(start + size, counts[0] if is_user else counts[1])
            _update(users if is_user else items, work.sketch, not is_user, work.rule, step, start, stop, factor)
            share = claim(team)
    return meet(team)


@compiled(uses=_USES)
def _update(rows, sketch, is_sketched, rule, step, start, stop, factor):
    """Update some rows by a factor times their gradients."""
    if factor != 1:
        scale(rows.gradient, start, stop, factor)
    update(rows.table, rows.numbers, start, stop, step, rule, rows.now, rows.gradient)
    if is_sketched and len(sketch.codes):
        sketch_rows(rows.table, sketch, rows.numbers, start, stop)
