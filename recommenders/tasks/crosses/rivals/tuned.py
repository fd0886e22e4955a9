"""What a rival comes to: tuned, and trained.

Each is tuned by as many random settings, ends by the rows that sets of crosses are chosen by, and is chosen by those
that say when to stop; like the regression it is trained on all rows but the test part's in the end,
unless its class says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from core.common.errors import UserError
from core.common.seeding import numpy_rng
from recommenders.data.fields.dataset import FieldData
from recommenders.tasks.crosses.judging import auc
from recommenders.tasks.crosses.rivals.registry import RIVALS, Rival
from recommenders.tasks.crosses.rivals.rival import matrix_of

#: Settings that are tried.
TRIALS = 8


class Outcome(NamedTuple):
    """A rival, tuned and trained."""

    scores: Mapping[str, np.ndarray]
    """Part -> scores of its rows: of the validation part by the model of the training rows, of the test part by that
    of all rows before it."""
    passes: int
    """Rounds of boosting or epochs in all, each a pass over the training rows."""
    score: Callable[[np.ndarray], np.ndarray]
    """Rows, see `matrix_of` -> scores [n], by the model of all rows before the test part."""
    found: str = ""
    """See Fitted, of that model."""


def fit_rival(rival: Rival, data: FieldData, seed: int) -> Outcome:
    """Return what a rival comes to, tuned and trained.

    Args:
        rival: which.
        data: the table; its test part is scored, and not looked at.
        seed: of settings and trainings.

    Raises:
        UserError: a column has too many categories.
    """
    kind, rng = RIVALS[rival.name], numpy_rng(seed, "rival", rival.name)
    if any(one.is_hashed for one in data.columns):
        raise UserError(f"--baseline {rival.name}: expected columns of fewer values, got one that is hashed")
    parts = {name: matrix_of(data, rows) for name, rows in data.parts.items()}
    model, label = kind.make(data), data.label[data.parts["stop"]]
    best, passes = None, 0
    for trial in range(TRIALS):
        drawn = {name: values[int(rng.integers(len(values)))] for name, values in kind.settings.items()}
        found = model.fit(drawn, None, trial)
        value = auc(np.asarray(found.score(parts["stop"]), np.float64), label)
        passes += sum(found.rounds)
        if best is None or value > best[0]:
            best = value, drawn, found, trial
    assert best is not None, "there are trials"
    _, drawn, found, trial = best
    whole = model.fit(drawn, tuple(max(1, one) for one in found.rounds), trial)
    scores = {part: found.score(parts[part]) for part in ("choose", "stop")} | {"test": whole.score(parts["test"])}
    scores = {part: np.asarray(one, np.float64) for part, one in scores.items()}
    return Outcome(scores, passes + sum(whole.rounds), whole.score, whole.found)
