"""Sort out programs that the strict validation check would refuse, in compiled code: a third of a microsecond each.

Of a million random programs of the paper's space some 800 are left, so a search that examined them one by one would
spend its time on the others.
"""

from __future__ import annotations

import numpy as np

from core.common.jit import compiled
from core.programs.encoded import EncodedProgram
from core.programs.interpreter import N_INPUTS, run

#: A gradient of less than this share of the longest one is none: the clamp makes something of nothing.
NOTHING = 1e-5


@compiled(uses=(run, EncodedProgram))
def _live_lines(program, arities, operations, slots, needed, places, lines):
    """Write the lines that the last one depends on, encoded; return how many there are, 0 if y_hat is not among them.

    Args:
        program: number of the operator and two slots of each line [n_lines, 3].
        arities: of the operators.
        operations: their numbers in `core.programs.encoded.OPERATIONS`.
        slots: of the inputs, in `core.programs.encoded.SLOTS`.
        needed: scratch buffer [n_lines] bool.
        places: scratch buffer [inputs + n_lines].
        lines: the result [n_lines, 3].
    """
    n_lines, n_inputs, has_prediction = len(program), len(slots), False
    needed[:] = False
    needed[n_lines - 1] = True
    for i in range(n_lines - 1, -1, -1):
        if needed[i]:
            for k in range(arities[program[i, 0]]):
                operand = program[i, 1 + k]
                if operand >= n_inputs:
                    needed[operand - n_inputs] = True
                elif slots[operand] == 0:
                    has_prediction = True
    if not has_prediction:
        return 0
    places[:n_inputs] = slots
    n = 0
    for i in range(n_lines):
        if needed[i]:
            lines[n, 0] = operations[program[i, 0]]
            lines[n, 1] = places[program[i, 1]]
            lines[n, 2] = places[program[i, 2]] if arities[program[i, 0]] == 2 else 0
            places[n_inputs + i] = N_INPUTS + n
            n += 1
    return n


@compiled()
def _has_direction(gradients, labels, least):
    """Return whether no more than a share of gradients d loss / d y_hat [B] have the wrong sign, or are no numbers.

    Args:
        gradients: [B].
        labels: 0 or 1 [B].
        least: the share that must have the right sign, or be 0.
    """
    wrong = 0
    for i in range(len(labels)):
        wrong += not (1 - 2 * labels[i]) * gradients[i] >= 0
    return wrong <= (1 - least) * len(labels)


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
        y_hat: predictions [B].
        y: labels [B].
        least: the share of gradients that must have the right sign, or be 0.
        passed: the result [n] bool.
    """
    n_lines = programs.shape[1]
    needed, places = np.empty(n_lines, dtype=np.bool_), np.empty(len(slots) + n_lines, dtype=np.int64)
    lines, values = np.empty((n_lines, 3), dtype=np.int32), np.empty((N_INPUTS + n_lines, len(y)))
    tangents = np.empty_like(values)
    values[0], values[1] = y_hat, y
    for i in range(len(programs)):
        n, passed[i] = _live_lines(programs[i], arities, operations, slots, needed, places, lines), False
        for k in range(len(constants) if n > 0 else 0):
            run(lines[:n], rule, constants[k], values, tangents, len(y))
            gradients = tangents[N_INPUTS + n - 1]
            if k == 0 and not _has_direction(gradients, y, least):
                break
            if _moves_both(gradients, y):
                passed[i] = True
                break
