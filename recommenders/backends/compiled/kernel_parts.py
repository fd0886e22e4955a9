"""Functions that kernels share: the parts of an SGD step on the rows of a batch."""

from __future__ import annotations

from core.common.jit import compiled


@compiled(inline=True)
def clipped(gradient, clip):
    """Return an element of a gradient, clipped; NaN stays NaN, so that a broken copy is noticed.

    Args:
        gradient: the element.
        clip: its largest absolute value.
    """
    return clip if gradient > clip else (-clip if gradient < -clip else gradient)


@compiled(inline=True)
def add_row(sums, to, is_first, factor, table, row):
    """Add factor * table[row] to sums[to].

    Args:
        sums: sums of gradients [B, d].
        to: the row to add to.
        is_first: whether to overwrite the row instead.
        factor: a number.
        table: [rows, d].
        row: the row to add.
    """
    if is_first:
        for j in range(table.shape[1]):
            sums[to, j] = factor * table[row, j]
    else:
        for j in range(table.shape[1]):
            sums[to, j] += factor * table[row, j]


@compiled(inline=True)
def descend(table, row, rate, gradients, b, column, clip):
    """Take an SGD step of a row: table[row] -= rate * clipped(gradients[b, column : column + d]).

    Args:
        table: [rows, d], changed in place.
        row: the row to change.
        rate: the learning rate.
        gradients: [B, at least column + d].
        b: the row of its gradient.
        column: the first column of its gradient.
        clip: the largest absolute value of an element of a gradient.
    """
    for j in range(table.shape[1]):
        table[row, j] -= rate * clipped(gradients[b, column + j], clip)


@compiled()
def multiply(table, factor):
    """Multiply a table in place.

    Args:
        table: [rows, d].
        factor: a number.
    """
    for row in range(table.shape[0]):
        for j in range(table.shape[1]):
            table[row, j] *= factor
