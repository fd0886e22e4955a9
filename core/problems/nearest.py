"""Find the nearest of many vectors, in compiled code."""

from __future__ import annotations

import numpy as np

from core.common.jit import compiled


@compiled()
def nearest(entries, n, vector):
    """Return the Euclidean distance and the index of the row nearest to a vector.

    Args:
        entries: rows [at least n, B].
        n: number of rows to search, at least 1.
        vector: [B].
    """
    least, found = np.inf, 0
    for row in range(n):
        squared = 0.0
        for j in range(len(vector)):
            squared += (entries[row, j] - vector[j]) ** 2
        if squared < least:
            least, found = squared, row
    return np.sqrt(least), found
