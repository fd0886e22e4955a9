"""What kernels share: the parts of an SGD step on the rows of a batch."""

from __future__ import annotations

from core.common.jit import compiled


@compiled(inline=True)
def clipped(gradient, clip):
    """A gradient's element brought into [-clip, clip]; NaN stays, so that a broken copy shows."""
    return clip if gradient > clip else (-clip if gradient < -clip else gradient)


@compiled(inline=True)
def add_row(sums, to, is_first, factor, table, row):
    """Add factor * table[row] to sums[to]; what stands there is overwritten if it is the first."""
    if is_first:
        for j in range(table.shape[1]):
            sums[to, j] = factor * table[row, j]
    else:
        for j in range(table.shape[1]):
            sums[to, j] += factor * table[row, j]


@compiled(inline=True)
def descend(table, row, rate, gradients, b, column, clip):
    """table[row] -= rate * gradients[b, column : column + d], clipped."""
    for j in range(table.shape[1]):
        table[row, j] -= rate * clipped(gradients[b, column + j], clip)


@compiled()
def multiply(table, factor):
    """Multiply a whole table, in place."""
    for row in range(table.shape[0]):
        for j in range(table.shape[1]):
            table[row, j] *= factor
