"""Hash vectors by their rounded numbers, and programs by what they compute, in compiled code."""

from __future__ import annotations

import numpy as np

from core.common.jit import compiled

# Numba makes a float of an unsigned number and a signed one: hence these.
_PLACES, _STEP, _HALF = np.uint64(22), np.uint64(1 << 22), np.uint64(1 << 21)
_MIX, _ODD, _SHIFT = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x9E3779B97F4A7C15), np.uint64(31)


@compiled()
def hash_rounded(bits, is_small, hashes):
    """Fill two hashes for each vector; in one of them numbers are rounded up, in the other one to the nearest.

    Numbers keep 30 binary digits behind the first one (a step is 1e-9 of the number). Two that differ by less may still
    be rounded apart in one way, if they lie on both sides of a bound, but hardly in both ways.

    Args:
        bits: the numbers [n, B] float64, seen as uint64.
        is_small: whether a number counts as 0 [n, B].
        hashes: the result [n, 2] uint64.
    """
    for i in range(bits.shape[0]):
        for way in range(2):
            added = _HALF if way == 1 else _STEP - np.uint64(1)
            found = _ODD * np.uint64(way + 1)
            for j in range(bits.shape[1]):
                step = np.uint64(0) if is_small[i, j] else (bits[i, j] + added) >> _PLACES
                found = (found ^ step) * _MIX
                found ^= found >> _SHIFT
                found += _ODD
            hashes[i, way] = found


#: What becomes of the operands of an operator: their order counts, or not; not, and with itself an operand is the
#: result; the operand always is.
ORDERED, COMMUTATIVE, IDEMPOTENT, TRANSPARENT = range(4)


@compiled(inline=True)
def _mixed(one, other):
    """Return a hash of two hashes, in this order."""
    found = (one * _ODD ^ other) * _MIX
    found ^= found >> _SHIFT
    return found * _ODD + (one ^ found >> _SHIFT)


@compiled()
def hash_programs(programs, arities, folding, n_inputs, hashes):
    """Fill in a hash for each program, equal for those of the same canonical form, see `core.programs.canonical`.

    Args:
        programs: number of the operator and two slots of each line [n, n_lines, 3].
        arities: of the operators.
        folding: ORDERED, COMMUTATIVE, IDEMPOTENT or TRANSPARENT for each operator.
        n_inputs: how many slots there are before those of the lines.
        hashes: the result [n] uint64.
    """
    n_lines, first = programs.shape[1], np.uint64(1)
    of_slots, is_input = np.empty(n_inputs + n_lines, dtype=np.uint64), np.empty(n_inputs + n_lines, dtype=np.bool_)
    for i in range(n_inputs):
        of_slots[i], is_input[i] = _mixed(_ODD, np.uint64(i)), True
    for k in range(len(programs)):
        for i in range(n_lines):
            operator, slot = programs[k, i, 0], programs[k, i, 1]
            rule, one = folding[operator], of_slots[slot]
            other = of_slots[programs[k, i, 2]] if arities[operator] == 2 else first
            if rule == TRANSPARENT or (rule == IDEMPOTENT and one == other and not is_input[slot]):
                of_slots[n_inputs + i], is_input[n_inputs + i] = one, is_input[slot]
                continue
            if rule in (COMMUTATIVE, IDEMPOTENT) and other < one:
                one, other = other, one
            of_slots[n_inputs + i] = _mixed(_mixed(np.uint64(operator + n_inputs), one), other)
            is_input[n_inputs + i] = False
        hashes[k] = of_slots[n_inputs + n_lines - 1]
