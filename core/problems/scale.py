"""Normalise losses: scale a loss so that its gradient has the norm of a reference loss's gradient.

For plain SGD, p <- p - lr (c g + wd p) is p <- p - (lr c) (g + (wd / c) p): a loss c times as large trains like a
learning rate c times as large with a weight decay c times as small. With one learning rate and one decay for all,
losses therefore differ by scale as much as by shape. Multiplied by

    factor = |d mean reference / d omega| / |d mean loss / d omega|

they all start with steps of equal length. The norms are those of the proxy test (`core.problems.proxy`):
sqrt(g^T G g) / |B| with g = d loss / d y_hat on the batch B and the Gram matrix G of the predictions' gradients.

The factor is 1 if a norm is zero or not finite, or if the quotient is not a finite number above 0. (Such a loss learns
nothing on the batch, or breaks down; usually the proxy test rejects it.) Factors have no upper limit: a loss with a
tiny gradient gets a huge one. Examples predicted as exactly 0 or 1 are left out of the norms, since no parameter
changes them through y_hat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.losses.loss import Loss, ProgramLoss
from core.losses.running import run_programs
from core.problems.proxy import ProxyBatch


def gradient_norms(losses: Sequence[Loss], proxy_batch: ProxyBatch) -> np.ndarray:
    """Return the norm of the parameter gradient of each loss, averaged over a batch.

    Args:
        losses: n losses.
        proxy_batch: the batch.

    Returns:
        [n] float64; NaN where a norm is not finite.
    """
    gradients = np.empty((len(losses), len(proxy_batch.y)))
    programs = {k: loss for k, loss in enumerate(losses) if isinstance(loss, ProgramLoss)}
    if programs:
        values, of_programs = run_programs(list(programs.values()), proxy_batch.y_hat, proxy_batch.y)
        of_programs[~np.isfinite(values).all(axis=1)] = np.nan
        gradients[list(programs)] = of_programs
    of_sigmoid = proxy_batch.y_hat * (1 - proxy_batch.y_hat)
    for k, loss in enumerate(losses):
        if k not in programs:
            gradients[k] = (loss.gradient(proxy_batch.y_hat.logit(), proxy_batch.y) / of_sigmoid).numpy()
    gradients[:, (of_sigmoid == 0).numpy()] = 0
    gram = proxy_batch.gram.numpy()
    with np.errstate(all="ignore"):
        squares = np.array([gram @ one @ one for one in gradients])  # one by one: no bit depends on the others
        norms: np.ndarray = np.sqrt(np.maximum(squares, 0)) / len(proxy_batch.y)  # rounding may leave less than zero
    return np.where(np.isfinite(norms), norms, np.nan)


@dataclass(frozen=True)
class GradientNormaliser:
    """Scales losses to the gradient norm of a reference loss on a batch."""

    reference: Loss
    proxy_batch: ProxyBatch

    def factors(self, losses: Sequence[Loss]) -> list[float]:
        """Return the factor of each loss; 1 where the norms give none, see the module."""
        norms = gradient_norms([self.reference, *losses], self.proxy_batch)
        with np.errstate(all="ignore"):
            factors = norms[0] / norms[1:]
        usable: list[float] = np.where(np.isfinite(factors) & (factors > 0), factors, 1.0).tolist()
        return usable

    def scaled(self, losses: Sequence[Loss]) -> list[Loss]:
        """Return the losses multiplied by their factors."""
        return [loss.scaled(factor) for loss, factor in zip(losses, self.factors(losses), strict=True)]
