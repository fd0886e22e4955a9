"""Where the constants of a loss are tuned, by what they do in it.

A margin is tuned where the scores are that it is compared with. A weight is tuned by its *balance*: how large its part
of the loss is beside the parts without a weight. What the size of a weight means depends on all that it stands before:
150 is usual before mean(relu(n - 0.9)), which few negatives reach, and 1.2 before t1*log_mean_exp(n/t1), whose
gradients sum to 1. The balance of both is near 1, so the same few trials find a good weight for either, and a margin
can be moved without the weight that belonged to the one before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache

import numpy as np

from core.common.region import Range, short
from core.programs.sets.encoded import encode
from core.programs.sets.expression import D, Expression, N, P
from core.programs.sets.formula import subtracted
from core.programs.sets.interpreter import evaluate
from core.programs.sets.stages import POSITIVES, simulated_scores

#: Behind the name of a weight: what is tuned of it.
BALANCE = ".balance"
#: Published constants of CCL and MML have .5 and 3.5, BSL has its exponent, SL has 1.
OF_BALANCE = Range(0.3, 6.0, True)
#: Margins of positives; of negatives, and of differences.
_OF_P, _SUBTRACTED_FROM = Range(0.3, 1.2, False), {N: Range(-0.2, 1.0, False), D: Range(-1.0, 0.5, False)}
#: First letter of a constant -> where it is tuned if nothing more is known: margins, temperatures (two kinds), weights.
_BY_LETTER: Mapping[str, Range] = {
    "m": Range(-0.5, 1.2, False),
    "t": Range(0.02, 1.0, True),
    "r": Range(0.05, 2.0, True),
    "w": Range(0.3, 1000.0, True),
}


def tuned_ranges(loss: Expression) -> dict[str, Range]:
    """Return where the constants of a loss that have no number are tuned, in their order.

    Returns:
        Name -> region. That of a weight w1 is `w1.balance` where it multiplies a term of the loss and others have none.
    """
    margins, weights = dict(_margins(loss)), _weighted(loss)
    found: dict[str, Range] = {}
    for name in loss.slots:
        region = margins.get(name, _BY_LETTER[name[0]])
        found |= {name + BALANCE: OF_BALANCE} if name in weights else {name: region}
    return found


def numbers_at(loss: Expression, point: Mapping[str, float]) -> dict[str, float]:
    """Return the numbers of constants, with few digits.

    Args:
        loss: with names for them.
        point: by the names of `tuned_ranges`, some of them; numbers by the names of constants are taken as they are.
    """
    numbers = {name: short(value) for name, value in point.items() if not name.endswith(BALANCE)}
    weights = {name.removesuffix(BALANCE): value for name, value in point.items() if name.endswith(BALANCE)}
    if weights:
        units = _units(loss, numbers)
        numbers |= {name: short(balance * units[name]) for name, balance in weights.items()}
    return numbers


def point_of(loss: Expression, numbers: Mapping[str, float]) -> dict[str, float]:
    """Return the point at which constants have these numbers, by the names of `tuned_ranges`.

    Args:
        loss: with names for constants.
        numbers: of all of them.
    """
    units = _units(loss, numbers)
    pairs = ((name, units.get(name)) for name in loss.slots)
    return {name + BALANCE * bool(unit): numbers[name] / (unit or 1.0) for name, unit in pairs}


def middle_of(loss: Expression) -> dict[str, float]:
    """Return the middle of the regions, by their names."""
    return {name: region.at(0.5) for name, region in tuned_ranges(loss).items()}


def _units(loss: Expression, numbers: Mapping[str, float]) -> dict[str, float]:
    """Return for each weight that has a balance the number at which that is 1.

    Args:
        loss: with names for constants.
        numbers: of its other constants; the middle of their regions for those that have none.
    """
    weights = _weighted(loss)
    if not weights:
        return {}
    others = {name: value for name, value in middle_of(loss).items() if not name.endswith(BALANCE)} | dict(numbers)
    fixed = {name: value for name, value in others.items() if name not in weights}
    parts = [term.bound(fixed) for term in loss.parts("add")]
    rest = [one for one in parts if not one.slots]
    whole = _size(sum(rest[1:], rest[0]))
    found = {}
    for part in parts:
        for name in part.slots:
            unit = whole / (_size(part.bound({name: 1.0})) or np.nan)
            found[name] = unit if np.isfinite(unit) and unit > 0 else 1.0  # there is nothing to be balanced
    return found


def _size(part: Expression) -> float:
    """Return the sum of its gradients by positives or of those by negatives, whichever is larger."""
    with np.errstate(all="ignore"):
        _, of_positives, of_negatives = evaluate(encode(part), *_scores(), None, 1.0)
        return gradient_size(of_positives, of_negatives)


def gradient_size(of_positives: np.ndarray, of_negatives: np.ndarray) -> float:
    """Return the size of a part of a loss by which weights are balanced: the larger sum of its gradients.

    Args:
        of_positives: [P] derivatives by scores.
        of_negatives: [P, N] likewise.
    """
    return float(max(np.abs(of_positives).sum(), np.abs(of_negatives).sum()))


@cache
def _scores() -> tuple[np.ndarray, np.ndarray]:
    """Those of stages in which a training spends its time, half trained and trained."""
    positives, negatives = simulated_scores(0)
    return positives[POSITIVES:], negatives[POSITIVES:]


def _weighted(loss: Expression) -> frozenset[str]:
    """Return the weights that multiply a term, each in one place, if there are terms without a weight."""
    names = Counter(one.name for one in loss.walk() if one.is_slot and one.name[0] == "w")
    terms = [[one.name for one in term.parts("mul") if one.name in names] for term in loss.parts("add")]
    found = [name for (name, *others) in filter(None, terms) if not others and names[name] == 1]
    return frozenset(found) if len(found) < len(terms) else frozenset()


def _margins(loss: Expression) -> Iterator[tuple[str, Range]]:
    """Those that are subtracted from a negative or a difference, or from which a positive is."""
    for one in loss.walk():
        if one.name == "add" and (taken := subtracted(one.operands[1])) is not None:
            region = _SUBTRACTED_FROM.get(one.operands[0])
            if region is not None and taken.is_slot:
                yield taken.name, region
            elif taken == P and one.operands[0].is_slot:
                yield one.operands[0].name, _OF_P
