"""Why rows are padded: the bits of an element should not depend on the tensor that it is computed in.

Torch's CPU code computes whole vector registers by other instructions than the leftovers at a tensor's end, and
with other rounding. In rows of whole registers there are no leftovers, whatever the number of rows.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import pad

#: Two of the widest registers of float32, which torch fills at a time.
_SIMD_WIDTH = 32


def pad_to_simd_width(x: Tensor) -> Tensor:
    """[..., B] continued by zeros to the next multiple of 32."""
    missing = -x.shape[-1] % _SIMD_WIDTH
    return pad(x, (0, missing)) if missing else x
