"""Draw random programs, and sort out those that the strict validation check would refuse, in compiled code.

Of a million random programs of the paper's space some 800 are left, so a search that examined them one by one would
spend its time on the others.
"""

from __future__ import annotations

import numpy as np

from core.common.jit import compiled
from core.common.splitmix import below, drawn
from core.programs.encoded import SLOTS, EncodedProgram
from core.programs.interpreter import N_INPUTS, run

#: A gradient of less than this share of the longest one is none: the clamp makes something of nothing.
NOTHING = 1e-5
#: Places of the prediction and the label among the inputs of an encoded program.
PREDICTION, LABEL = SLOTS.index("y_hat"), SLOTS.index("y")
#: So many probes tell of most programs that they have the wrong direction.
_FIRST = 20


@compiled(inline=True)
def _live_slots(program, arities, n_inputs):
    """Return which slots the last line depends on, itself included: bit i for slot i.

    Args:
        program: number of the operator and two slots of each line [n_lines, 3].
        arities: of the operators.
        n_inputs: how many slots there are before those of the lines.
    """
    n_lines, one = len(program), np.uint64(1)
    live = one << np.uint64(n_inputs + n_lines - 1)
    for i in range(n_lines - 1, -1, -1):
        if live >> np.uint64(n_inputs + i) & one:
            live |= one << np.uint64(program[i, 1])
            if arities[np.uint64(program[i, 0])] == 2:
                live |= one << np.uint64(program[i, 2])
    return live


@compiled(uses=(EncodedProgram,), inline=True)
def _encode(program, live, operations, slots, places, lines):
    """Write the live lines, encoded; return how many there are.

    Args:
        program: see `_live_slots`.
        live: what that returned.
        operations: numbers of the operators in `core.programs.encoded.OPERATIONS`.
        slots: of the inputs, in `core.programs.encoded.SLOTS`.
        places: scratch buffer [inputs + n_lines].
        lines: the result [n_lines, 3]; unary operators have some second operand.
    """
    places[: len(slots)] = slots
    n = 0
    for i in range(len(program)):
        if live >> np.uint64(len(slots) + i) & np.uint64(1):
            lines[n, 0] = operations[program[i, 0]]
            lines[n, 1], lines[n, 2] = places[program[i, 1]], places[program[i, 2]]
            places[len(slots) + i] = N_INPUTS + n
            n += 1
    return n


@compiled()
def _n_wrong(gradients, labels, n):
    """Return how many of the first n gradients d loss / d y_hat [B] have the wrong sign, or are no numbers."""
    wrong = 0
    for i in range(n):
        wrong += not (1 - 2 * labels[i]) * gradients[i] >= 0
    return wrong


@compiled()
def _moves_both(gradients, labels):
    """Return whether gradients d loss / d y_hat [B] move predictions of both labels, 0 and 1 [B], towards them."""
    longest, most = 0.0, np.zeros(2)
    for i in range(len(labels)):
        towards = (1 - 2 * labels[i]) * gradients[i]
        if np.isfinite(towards):
            longest, label = max(longest, abs(towards)), int(labels[i])
            most[label] = max(most[label], towards)
    return min(most) > NOTHING * longest


@compiled(uses=(run, EncodedProgram), inline=True)
def _passes(program, arities, operations, slots, rule, constants, labels, least, buffers):
    """Return whether a program has the right direction often enough and moves predictions of both labels.

    Args:
        program: number of the operator and two slots of each line [n_lines, 3].
        arities: see `screen`, as the next six.
        operations: see there.
        slots: see there.
        rule: see there.
        constants: see there.
        labels: see there.
        least: see there.
        buffers: of `_buffers`.
    """
    inputs, places, lines, values, tangents = buffers
    live = _live_slots(program, arities, len(slots))
    if live & inputs != inputs:  # what does not know of both the prediction and the label can tell nothing of them
        return False
    n = _encode(program, live, operations, slots, places, lines)
    most_wrong, gradients = (1 - least) * len(labels), tangents[N_INPUTS + n - 1]
    for k in range(len(constants)):
        if k == 0 and len(labels) > _FIRST:
            run(lines[:n], rule, constants[k], values, tangents, _FIRST)
            if _n_wrong(gradients, labels, _FIRST) > most_wrong:
                return False
        run(lines[:n], rule, constants[k], values, tangents, len(labels))
        if k == 0 and _n_wrong(gradients, labels, len(labels)) > most_wrong:
            return False
        if _moves_both(gradients, labels):
            return True
    return False


@compiled(uses=(EncodedProgram,))
def _buffers(n_lines, slots, y_hat, y):
    """Return the bits of the prediction and the label, and scratch buffers in which the probes have their places."""
    inputs = np.uint64(0)
    for i in range(len(slots)):
        if slots[i] == PREDICTION or slots[i] == LABEL:
            inputs |= np.uint64(1) << np.uint64(i)
    places, lines = np.zeros(len(slots) + n_lines, dtype=np.int64), np.empty((n_lines, 3), dtype=np.int32)
    values = np.empty((N_INPUTS + n_lines, len(y)))
    values[PREDICTION], values[LABEL] = y_hat, y
    return inputs, places, lines, values, np.empty_like(values)


@compiled(uses=(run, EncodedProgram))
def screen(programs, arities, operations, slots, rule, constants, y_hat, y, least, passed):
    """Fill in which programs have the right direction often enough and move predictions of both labels.

    Args:
        programs: number of the operator and two slots of each line [n, n_lines, 3].
        arities: of the operators.
        operations: their numbers in `core.programs.encoded.OPERATIONS`.
        slots: of the inputs, in `core.programs.encoded.SLOTS`.
        rule: index of the clamp rule.
        constants: smoothing term, bounds of the clamp and scale [k, 4]. The direction counts with the first; it is
            enough if predictions of both labels are moved with one of them.
        y_hat: predictions [B], those first that tell the most.
        y: labels [B].
        least: the share of gradients that must have the right sign, or be 0.
        passed: the result [n] bool.
    """
    buffers = _buffers(programs.shape[1], slots, y_hat, y)
    for i in range(len(programs)):
        passed[i] = _passes(programs[i], arities, operations, slots, rule, constants, y, least, buffers)


@compiled(uses=(drawn,), inline=True)
def draw(seed, number, arities, n_inputs, program):
    """Fill in a random program, each operator and each pair of distinct operands being as likely as another.

    Args:
        seed: of all programs, uint64, see `core.common.splitmix`.
        number: of the program, from 0.
        arities: of the operators.
        n_inputs: how many slots there are before those of the lines.
        program: the result: number of the operator and two slots of each line [n_lines, 3], in normal form.
    """
    for i in range(len(program)):
        n_slots, at = n_inputs + i, 3 * (number * len(program) + i)
        operator, first = below(drawn(seed, at), len(arities)), below(drawn(seed, at + 1), n_slots)
        second = below(drawn(seed, at + 2), n_slots - 1)
        program[i, 0], program[i, 1] = operator, first
        program[i, 2] = (first == 0) if arities[operator] == 1 else second + (second >= first)


@compiled(uses=(drawn,))
def draw_all(seed, arities, n_inputs, programs):
    """Fill in random programs.

    Args:
        seed: see `draw`.
        arities: see there.
        n_inputs: see there.
        programs: the result [n, n_lines, 3].
    """
    for i in range(len(programs)):
        draw(seed, i, arities, n_inputs, programs[i])


@compiled(uses=(run, EncodedProgram, drawn))
def draw_viable(seed, most, arities, operations, slots, rule, constants, y_hat, y, least, programs):
    """Fill in random programs that pass the screen; return how many there are, fewer than wanted where the rest is not.

    Args:
        seed: see `draw`.
        most: so many are drawn at most.
        arities: see `screen`, as the next seven.
        operations: see there.
        slots: see there.
        rule: see there.
        constants: see there.
        y_hat: see there.
        y: see there.
        least: see there.
        programs: the result [n, n_lines, 3]; random ones that do not pass where too few of those drawn do.
    """
    buffers, found, number = _buffers(programs.shape[1], slots, y_hat, y), 0, 0
    while found < len(programs) and number < most:
        draw(seed, number, arities, len(slots), programs[found])
        found += _passes(programs[found], arities, operations, slots, rule, constants, y, least, buffers)
        number += 1
    for i in range(found, len(programs)):
        draw(seed, number + i - found, arities, len(slots), programs[i])
    return found
