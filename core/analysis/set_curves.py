"""A set-wise loss as curves: what it does with one negative and with the positive, on simulated scores."""

from __future__ import annotations

from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from core.programs.sets.encoded import encode
from core.programs.sets.expression import Expression
from core.programs.sets.interpreter import evaluate
from core.programs.sets.stages import STAGES

#: The stages that curves are of: those in which a training spends its time.
DRAWN_STAGES = ("half trained", "trained")
#: How far the score of one negative is above the positive's, which is where the best recommendations go wrong.
D = np.linspace(-1.0, 0.25, 126)
#: Scores of a positive.
P = np.linspace(-0.25, 1.0, 126)
#: Negatives of the positive, at the quantiles of their distribution.
_NEGATIVES = 64


class SetCurves(NamedTuple):
    """A loss on simulated scores, for each of `DRAWN_STAGES` a row."""

    value: np.ndarray
    """[2, len(D)] of the loss by how far one of the negatives is above the positive, lowest point 0."""
    push: np.ndarray
    """[2, len(D)] the derivative by the score of that negative."""
    pull: np.ndarray
    """[2, len(P)] the derivative by the score of the positive, with the sign of what pulls it up."""


def set_curves(loss: Expression) -> SetCurves:
    """Compute the curves of a loss. All of a stage are in units of its pull on the usual positive, if it has any.

    Args:
        loss: of p and n, with numbers for all constants.
    """
    lines, curves = encode(loss), []
    for stage in (STAGES[name] for name in DRAWN_STAGES):
        usual = NormalDist(stage.negative, stage.negative_std)
        negatives = np.clip([usual.inv_cdf((j + 0.5) / _NEGATIVES) for j in range(_NEGATIVES)], -1, 1)

        def of(positives: np.ndarray, first: np.ndarray, rest: np.ndarray = negatives) -> tuple[np.ndarray, ...]:
            scores = np.tile(rest, (len(positives), 1))
            scores[:, 0] = first
            with np.errstate(all="ignore"):
                return evaluate(lines, positives, scores, None, 1.0)

        _, pull_at, _ = of(np.array([stage.positive]), negatives[:1])
        unit = abs(float(pull_at[0])) or 1.0
        value, _, push = of(np.full(len(D), stage.positive), stage.positive + D)
        _, pull, _ = of(P, np.full(len(P), negatives[0]))
        with np.errstate(all="ignore"):
            curves.append(((value - np.nanmin(value)) / unit, push[:, 0] / unit, -pull / unit))
    return SetCurves(*(np.stack(one) for one in zip(*curves, strict=True)))
