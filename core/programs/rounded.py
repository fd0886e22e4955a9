"""Hash vectors by their rounded numbers, in compiled code."""

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
