"""Steps in compiled code, by a team of threads: the examples of a batch in blocks, and then the rows that they name.

Private negatives are scored straight from the table, and only those that turn out to have a gradient are read: of
losses with margins that is one in hundreds, and most others are below the margin at a glance, see `sketch`. Shared ones
are read first, and scored by products of matrices.

A loss that is an expression is evaluated here, and a call takes many steps. For others Python takes the steps apart:
`prepare`, then for each block of examples `begin_*`, the loss and `end_shared`, then `finish_*`.
"""

from __future__ import annotations

import numpy as np

from core.common.jit import compiled
from core.programs.sets import interpreter
from core.programs.sets.interpreter import evaluate_into
from recommenders.backends.ranking.compiled import gradients, instructions, sketch, stages, steps, team, work
from recommenders.backends.ranking.compiled.gradients import finish_users, gather_negatives
from recommenders.backends.ranking.compiled.instructions import least_as_zero, restore
from recommenders.backends.ranking.compiled.rows import find_rows
from recommenders.backends.ranking.compiled.sketch import score_private
from recommenders.backends.ranking.compiled.stages import finish, prepare, read
from recommenders.backends.ranking.compiled.steps import choose, choose_best, place_users, score_positives
from recommenders.backends.ranking.compiled.team import claim, meet
from recommenders.backends.ranking.compiled.work import PRIVATE_BLOCK, SHARED_BLOCK
from recommenders.data.implicit import draws
from recommenders.data.implicit.draws import draw_private

_USES = (instructions, team, work, stages, sketch, steps, gradients, interpreter, draws)


@compiled(uses=_USES, merged=True)
def gather_pool(items, n, pool):
    """Copy shared negatives as they are in scores.

    Args:
        items: rows of a step that is prepared.
        n: the number of its examples.
        pool: [N, D] overwritten.
    """
    named, unit = items.named, items.unit
    for k in range(len(pool)):
        pool[k] = unit[named[n + k]]


@compiled(uses=_USES, merged=True)
def begin_shared(work, named, placed, scored, first, start, stop, pool):
    """Score some examples of a batch whose negatives are shared.

    Args:
        work: of the epoch.
        named: of a step that is prepared.
        placed: overwritten.
        scored: overwritten.
        first: the number of its first example in the epoch.
        start: the first of these examples in the batch.
        stop: behind the last one, in the same block.
        pool: [N, D] the negatives.
    """
    _place(work.manner, work.examples.dropout_seed, named.users, placed, first, start, stop)
    vectors = placed.vectors[start:stop]
    score_positives(vectors, named.items, start, scored.positives[start:stop])
    np.dot(vectors, pool.T, scored.negatives[start:stop])


@compiled(uses=_USES, merged=True)
def _place(manner, seed, users, placed, first, start, stop):
    """Place the users of some examples in scores."""
    drawn, how = (first + start, seed, manner.dropout, placed.masks[start:stop]), (manner.before, manner.cosine)
    place_users(users, start, *drawn, *how, placed.vectors[start:stop], placed.inverse[start:stop])


@compiled(uses=_USES, merged=True)
def end_shared(manner, named, placed, scored, of_pool, start, stop, pool):
    """Find the gradients of vectors from those of scores.

    Args:
        manner: of the work.
        named: of the step.
        placed: of the step; its gradients are overwritten.
        scored: of the step, evaluated.
        of_pool: [N, D] overwritten with the gradients of the negatives from these examples.
        start: the first of them.
        stop: behind the last one.
        pool: [N, D] the negatives.
    """
    of_scores = scored.of_negatives[start:stop]
    np.dot(of_scores, pool, placed.gradients[start:stop])
    np.dot(of_scores.T, placed.vectors[start:stop], of_pool)
    _finish_users(manner, named, placed, scored.of_positives[start:stop], start, stop)


@compiled(uses=_USES, merged=True)
def _finish_users(manner, named, placed, of_positives, start, stop):
    """Complete the gradients of the users of some examples."""
    how, to = (placed.masks[start:stop], manner.before, manner.cosine), placed.gradients[start:stop]
    vectors, inverse = placed.vectors[start:stop], placed.inverse[start:stop]
    finish_users(named.users, named.items, start, *how, vectors, inverse, of_positives, to)


@compiled(uses=_USES, merged=True)
def begin_private(work, named, placed, scored, private, step, first, start, stop):
    """Draw and score private negatives of some examples of a batch.

    Args:
        work: of the epoch.
        named: of a step that is prepared.
        placed: overwritten.
        scored: overwritten.
        private: overwritten.
        step: the number of the step.
        first: the number of its first example in the epoch.
        start: the first of these examples in the batch.
        stop: behind the last one.
    """
    examples, manner, chosen = work.examples, work.manner, len(private.pool) > 0
    _place(manner, examples.dropout_seed, named.users, placed, first, start, stop)
    drawn, scores = (private.pool, private.pool_scores) if chosen else (private.items, scored.negatives)
    items, scores = drawn[start:stop], scores[start:stop]
    users, positives = examples.users[first + start : first + stop], examples.positives[first + start : first + stop]
    draw_private(examples.seed, first + start, users, examples.alias, examples.owned, examples.any_item, items)
    how, found = (step, work.rule, work.travel, placed.vectors[start:stop]), (scored.positives[start:stop], scores)
    score_private(named.items.table, work.sketch, manner.threshold, *how, positives, items, manner.cosine, found)
    if chosen:
        choose_best(items, scores, private.items[start:stop], scored.negatives[start:stop])


@compiled(uses=_USES, merged=True)
def _evaluate(lines, quantiles, users, scored, start, stop, registers):
    """Evaluate a loss that is an expression."""
    borders = scored.borders
    if len(quantiles):
        for k in range(start, stop):
            borders[k] = quantiles[users[k]]
    scores = scored.positives[start:stop], scored.negatives[start:stop], borders[start:stop]
    found = scored.values[start:stop], scored.of_positives[start:stop], scored.of_negatives[start:stop]
    evaluate_into(lines, *scores, registers, found)


@compiled(uses=_USES, merged=True)
def finish_private(team, work, named, placed, scored, private, step, n):
    """Read the items that have a gradient, sum and update.

    Args:
        team: whose members all call this.
        work: of the epoch.
        named: of the step.
        placed: of the step.
        scored: of the step, evaluated.
        private: of the step.
        step: its number.
        n: the number of its examples.

    Returns:
        Whether the team goes on.
    """
    (_, items, counts, ids), (drawn, _, _, owners, factors, starts, _) = named, private
    if claim(team) == 0:
        for k in range(n):
            owners[k], factors[k] = k, scored.of_positives[k]
        every = work.manner.decay > 0
        counts[2] = choose(scored.of_negatives[:n], drawn[:n], every, ids, owners, factors, starts)
        counts[1] = find_rows(ids[: counts[2]], items.place, items.numbers, items.named)
    if not meet(team):
        return False
    read(team, work, named, step, n, 0, counts[1])
    if not meet(team):
        return False
    share = claim(team)
    while share * PRIVATE_BLOCK < n:
        start, stop = share * PRIVATE_BLOCK, min(n, (share + 1) * PRIVATE_BLOCK)
        of_negatives, index = factors[n : counts[2]], items.named[n : counts[2]]
        gather_negatives(of_negatives, index, starts[start : stop + 1], items.unit, placed.gradients[start:stop])
        _finish_users(work.manner, named, placed, scored.of_positives[start:stop], start, stop)
        share = claim(team)
    if not meet(team):
        return False
    owners, factors = owners[: counts[2]], factors[: counts[2]]
    return finish(team, work, named, placed, scored, owners, factors, private.of_pool, step, n)


@compiled(uses=_USES, merged=True)
def finish_shared(team, work, named, placed, scored, shared, step, n):
    """Sum and update.

    Args:
        team: whose members all call this.
        work: of the epoch.
        named: of the step.
        placed: of the step.
        scored: of the step, evaluated.
        shared: of the step.
        step: its number.
        n: the number of its examples.

    Returns:
        Whether the team goes on.
    """
    of_positives, of_pool = scored.of_positives[:n], shared.gradients[: -(-n // SHARED_BLOCK)]
    return finish(team, work, named, placed, scored, shared.owners[:n], of_positives, of_pool, step, n)


@compiled(uses=_USES)
def take_shared(team, work, kept, first_step, end, registers, pool):
    """Take steps whose negatives are shared.

    Args:
        team: whose members all call this.
        work: of the epoch.
        kept: overwritten.
        first_step: the number of the first one, from 1.
        end: behind the last one.
        registers: of this member, for the loss.
        pool: [N, D] of this member, overwritten.
    """
    before = least_as_zero()
    _take_shared(team, work, kept, first_step, end, registers, pool)
    restore(before)


@compiled(uses=_USES, merged=True)
def _take_shared(team, work, kept, first_step, end, registers, pool):
    """See `take_shared`."""
    examples, (named, placed, scored, _, shared) = work.examples, kept
    for step in range(first_step, end):
        first = (step - 1 - work.rule.start) * examples.batch
        n = min(examples.batch, len(examples.users) - first)
        if not prepare(team, work, named, len(pool), step, first, n):
            return
        gather_pool(named.items, n, pool)
        users, share = examples.users[first : first + n], claim(team)
        while share * SHARED_BLOCK < n:
            start, stop, of_pool = share * SHARED_BLOCK, min(n, (share + 1) * SHARED_BLOCK), shared.gradients[share]
            begin_shared(work, named, placed, scored, first, start, stop, pool)
            _evaluate(work.lines, work.quantiles, users, scored, start, stop, registers)
            end_shared(work.manner, named, placed, scored, of_pool, start, stop, pool)
            share = claim(team)
        if not (meet(team) and finish_shared(team, work, named, placed, scored, shared, step, n)):
            return


@compiled(uses=_USES)
def take_private(team, work, kept, first_step, end, registers, pool):
    """Take steps where every example has its own negatives.

    Args:
        team: whose members all call this.
        work: of the epoch.
        kept: overwritten.
        first_step: the number of the first one, from 1.
        end: behind the last one.
        registers: of this member, for the loss.
        pool: of no use here.
    """
    before = least_as_zero()
    _take_private(team, work, kept, first_step, end, registers)
    restore(before)


@compiled(uses=_USES, merged=True)
def _take_private(team, work, kept, first_step, end, registers):
    """See `take_private`."""
    examples, (named, placed, scored, private, _) = work.examples, kept
    for step in range(first_step, end):
        first = (step - 1 - work.rule.start) * examples.batch
        n = min(examples.batch, len(examples.users) - first)
        if not prepare(team, work, named, 0, step, first, n):
            return
        users, share = examples.users[first : first + n], claim(team)
        while share * PRIVATE_BLOCK < n:
            start, stop = share * PRIVATE_BLOCK, min(n, (share + 1) * PRIVATE_BLOCK)
            begin_private(work, named, placed, scored, private, step, first, start, stop)
            _evaluate(work.lines, work.quantiles, users, scored, start, stop, registers)
            share = claim(team)
        if not (meet(team) and finish_private(team, work, named, placed, scored, private, step, n)):
            return
