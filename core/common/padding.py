"""Pad rows, so that the bits of an element do not depend on the tensor that it is computed in.

Torch's CPU kernels use other instructions, with other rounding, for the last elements of a tensor that do not fill a
SIMD register. Rows padded to a multiple of the register width have no such elements, whatever the number of rows.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import pad

#: In float32: torch's kernels work on two registers of the widest kind (16 each) at a time.
_SIMD_WIDTH = 32


def pad_to_simd_width(x: Tensor) -> Tensor:
    """Return x [..., B] padded with zeros to the next multiple of 32 in its last dimension."""
    missing = -x.shape[-1] % _SIMD_WIDTH
    return pad(x, (0, missing)) if missing else x
