"""Random numbers by their number: the same whoever draws them, in whatever order, on however many threads.

`drawn(seed, i)` is number i of the generator SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) that begins at the seed.
"""

from __future__ import annotations

import numpy as np

from core.common.jit import compiled

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_30, _27, _31, _32 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(32)


@compiled(inline=True)
def drawn(seed, number):
    """Return 64 random bits, uint64.

    Args:
        seed: of the generator, uint64.
        number: of the draw, from 0.
    """
    z = seed + (np.uint64(number) + np.uint64(1)) * _STEP
    z = (z ^ (z >> _30)) * _FIRST
    z = (z ^ (z >> _27)) * _SECOND
    return z ^ (z >> _31)


@compiled(inline=True)
def below(bits, n):
    """Return a whole number from 0 to n - 1, as likely as each other to a part in 2^32 / n.

    Args:
        bits: 64 random ones, of which the upper half is used.
        n: at most 2^32.
    """
    return np.int64(((bits >> _32) * np.uint64(n)) >> _32)
