"""What a training comes to by a rule for its end, read off the curve of one that went on.

As RecBox has it (recbox/core/pytorch/models/match_model.py): an epoch is better where its metric rises by more than
1e-6 over the best one; training stops after some epochs in a row that are not; its result is that of the best one,
whose parameters are loaded again in the end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

#: By how much a better epoch is better.
RISE = 1e-6


def chosen_epoch(scores: Sequence[float | None], patience: int | None) -> tuple[int, int]:
    """Return the epoch whose parameters are kept and the epoch after which training ends, both from 1.

    Args:
        scores: of all epochs, higher is better; None where there is none.
        patience: epochs in a row without a better one after which training stops; None: it never does.

    Returns:
        The first is 0 where no epoch has a score.
    """
    best, at = -math.inf, 0
    for epoch, score in enumerate(scores, start=1):
        if score is not None and score > best + RISE:
            best, at = score, epoch
        if patience is not None and epoch - at >= patience:
            return at, epoch
    return at, len(scores)
