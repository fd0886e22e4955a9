"""What crosses are compared with beside logistic regression: boosted trees.

Each is tuned by as many random settings, ends by the rows that sets of crosses are chosen by, and is chosen by those
that say when to stop; like the regression it is trained on all rows but the test part's in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from core.common.errors import UserError
from core.common.extras import needs
from core.common.seeding import numpy_rng
from recommenders.data.fields.dataset import FieldData
from recommenders.tasks.crosses.judging import auc

#: Settings that are tried, and rounds of boosting without a gain before it ends, and at most.
TRIALS, _PATIENCE, _MOST_ROUNDS = 8, 50, 2_000


class Rows(NamedTuple):
    """Rows as numbers: those of columns, and codes of categories."""

    x: np.ndarray
    """[n, columns] float64, NaN where a number is missing."""
    y: np.ndarray
    """[n], 0 or 1."""


class Fitted(NamedTuple):
    """A model with one setting."""

    score: Callable[[np.ndarray], np.ndarray]
    """Rows -> scores [n]."""
    rounds: int
    """Of boosting, after which it was best."""


#: Training rows, those that it ends by (None: it has so many rounds), categories, setting, rounds, seed -> the model.
_Fit = Callable[[Rows, Rows | None, list[int], Mapping[str, Any], int, int], Fitted]


def _lightgbm(
    train: Rows, watched: Rows | None, categories: list[int], setting: Mapping[str, Any], rounds: int, seed: int
) -> Fitted:
    import lightgbm

    fixed = {"objective": "binary", "metric": "auc", "verbosity": -1, "num_threads": 1, "deterministic": True}
    fixed |= {"force_row_wise": True, "bagging_freq": 1, "seed": seed}
    made = lightgbm.Dataset(train.x, train.y, categorical_feature=categories, free_raw_data=False)
    if watched is None:
        model = lightgbm.train({**fixed, **setting}, made, rounds)
        return Fitted(lambda x: np.asarray(model.predict(x, raw_score=True)), rounds)
    other = lightgbm.Dataset(watched.x, watched.y, reference=made)
    ends: list[Any] = [lightgbm.early_stopping(_PATIENCE, verbose=False)]
    model = lightgbm.train({**fixed, **setting}, made, rounds, valid_sets=[other], callbacks=ends)
    return Fitted(lambda x: np.asarray(model.predict(x, raw_score=True)), model.best_iteration)


@dataclass(frozen=True)
class _Kind:
    """A row of the registry."""

    package: str
    """What has to be installed, as it is imported."""
    fit: _Fit
    settings: Mapping[str, tuple[Any, ...]]
    """What settings are drawn from."""


RIVALS: Mapping[str, _Kind] = MappingProxyType(
    {
        "lightgbm": _Kind(
            "lightgbm",
            _lightgbm,
            {
                "num_leaves": (7, 15, 31, 63),
                "learning_rate": (0.03, 0.05, 0.1),
                "min_data_in_leaf": (10, 20, 50, 100),
                "lambda_l2": (0.0, 1.0, 10.0),
                "feature_fraction": (0.5, 0.75, 1.0),
                "bagging_fraction": (0.7, 1.0),
            },
        ),
    }
)


@dataclass(frozen=True)
class Rival:
    """A model that is no set of crosses.

    Raises:
        UserError: its package is not installed.
    """

    name: str
    """A key of RIVALS."""

    def __post_init__(self) -> None:
        """Check that it can be trained."""
        needs(f"--baseline {self.name}", RIVALS[self.name].package)

    def __str__(self) -> str:
        """Return the name."""
        return self.name


class Outcome(NamedTuple):
    """Scores of a rival, tuned and trained."""

    scores: Mapping[str, np.ndarray]
    """Part -> scores of its rows: of the validation part by the model of the training rows, of the test part by that
    of all rows before it."""
    passes: int
    """Rounds of boosting in all, each a pass over the training rows."""


def rows_of(data: FieldData, part: slice) -> Rows:
    """Return rows as numbers.

    Args:
        data: the table.
        part: which rows.
    """
    columns = [one.values[part].astype(np.float64) for one in data.columns]
    return Rows(np.stack(columns, axis=1), data.label[part].astype(np.int64))


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
    if any(one.categories is None and not one.is_number for one in data.columns):
        raise UserError(f"--baseline {rival.name}: expected columns of fewer values, got one that is hashed")
    parts = {name: rows_of(data, part) for name, part in data.parts.items()}
    categories = [k for k, one in enumerate(data.columns) if not one.is_number]
    best, passes = None, 0
    for trial in range(TRIALS):
        drawn = {name: values[int(rng.integers(len(values)))] for name, values in kind.settings.items()}
        found = kind.fit(parts["train"], parts["choose"], categories, drawn, _MOST_ROUNDS, trial)
        value = auc(np.asarray(found.score(parts["stop"].x), np.float64), parts["stop"].y)
        passes += found.rounds
        if best is None or value > best[0]:
            best = value, drawn, found, trial
    assert best is not None, "there are trials"
    _, drawn, found, trial = best
    whole = kind.fit(rows_of(data, data.rows("train", "stop")), None, categories, drawn, max(1, found.rounds), trial)
    scores = {part: found.score(parts[part].x) for part in ("choose", "stop")} | {"test": whole.score(parts["test"].x)}
    return Outcome({part: np.asarray(one, np.float64) for part, one in scores.items()}, passes + whole.rounds)
