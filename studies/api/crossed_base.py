"""What estimators of crossed features share: settings, the search, and tables on their way in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.utils import ClassifierTags, Tags, check_array, check_consistent_length, check_random_state, column_or_1d
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from core.common.errors import UserError, format_value
from recommenders.data.fields import FieldOptions, FieldTable, read_rows, split_fields
from recommenders.data.fields.column import FieldColumn
from recommenders.data.fields.reading import open_fields
from recommenders.data.frames import Frame
from recommenders.tasks.crosses.export import as_json, from_json
from recommenders.tasks.crosses.model import CrossedModel
from recommenders.tasks.crosses.plan import CrossPlan
from recommenders.tasks.crosses.search import CrossSearch
from studies.common.processes import usable_cores

#: Of CrossPlan, by the same names.
_PLANNED = ("most_crosses", "most_features", "spacing", "levels", "patience", "prune")


class Crossed:
    """What both have: the search, and tables on their way in.

    Args:
        most_crosses: see CrossedClassifier, as all others.
    """

    model_: CrossedModel
    classes_: np.ndarray
    n_features_in_: int

    def __init__(
        self,
        *,
        most_crosses: int = CrossPlan.most_crosses,
        most_features: int = CrossPlan.most_features,
        spacing: str = CrossPlan.spacing,
        levels: int = CrossPlan.levels,
        patience: int = CrossPlan.patience,
        prune: float | None = CrossPlan.prune,
        validation_share: float = FieldOptions.validation_share,
        categorical: Any = (),
        random_state: Any = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.most_crosses, self.most_features, self.patience = most_crosses, most_features, patience
        self.spacing, self.levels, self.prune = spacing, levels, prune
        self.validation_share, self.categorical = validation_share, categorical
        self.random_state, self.n_jobs = random_state, n_jobs

    def fit(self, X: Any, y: Any) -> Self:
        """Search crosses and train the model.

        Args:
            X: the rows, a data frame or an array [n, columns].
            y: the class of each, of two [n].

        Raises:
            UserError: settings or rows that it cannot work with; a `ValueError`, as scikit-learn has it.
        """
        self.model_ = self._found(X, y)
        return self

    def _found(self, X: Any, y: Any) -> CrossedModel:
        """Search a model; see CrossedClassifier for the arguments."""
        columns, target = self.columns(X, y, reset=True), str(getattr(y, "name", None) or "target")
        y = self._labels(y)
        check_consistent_length(columns[0].values, y)
        classes, label = np.unique(y, return_inverse=True)
        self.classes_ = classes
        share = max(self.validation_share, 2 / int(np.bincount(label).min()))  # a row of each class in each half
        if share >= 1:
            raise UserError(
                f"fit: expected at least 3 samples of each class, got {np.bincount(label).tolist()}, of n_samples = "
                f"{len(label)}; give more rows"
            )
        seed = self.random_state
        if not isinstance(seed, int | np.integer):
            seed = check_random_state(seed).randint(2**31 - 1)
        first, second = map(str, classes.tolist())
        table = FieldTable(tuple(columns), label.astype(np.uint8), target, (first, second))
        data = split_fields("table", table, FieldOptions(validation_share=share), int(seed), test_share=0.0)
        plan = CrossPlan(**{name: getattr(self, name) for name in _PLANNED})
        search = CrossSearch(data, plan, int(seed), _threads(self.n_jobs))
        search.run()
        return search.model()

    def _labels(self, y: Any) -> np.ndarray:
        y = column_or_1d(check_array(y, ensure_2d=False, dtype=None, input_name="y"), warn=True)
        if (kind := type_of_target(y, input_name="y", raise_unknown=True)) != "binary":
            raise ValueError(f"Only binary classification is supported. The type of the target is {kind}.")
        if len(np.unique(y)) < 2:
            raise UserError(f"fit: expected two classes in y, got one class: {format_value(y[0])}; give rows of both")
        return y

    def columns(self, X: Any, y: Any = "no_validation", *, reset: bool = False) -> list[FieldColumn]:
        """Return the columns of a table.

        Args:
            X: a data frame or an array.
            y: the classes, where it is fitted.
            reset: whether it is fitted.
        """
        by_name = not reset and not hasattr(self, "n_features_in_")  # from JSON
        if _is_frame(X):
            if not by_name:
                validate_data(self, X, y, reset=reset, skip_check_array=True)
        elif by_name:
            X = check_array(X, dtype=None, ensure_all_finite="allow-nan")
        elif isinstance(y, str) and y == "no_validation":
            X = validate_data(self, X, reset=reset, dtype=None, ensure_all_finite="allow-nan")
        else:
            X, _ = validate_data(self, X, y, reset=reset, dtype=None, ensure_all_finite="allow-nan")
        if isinstance(X, pd.DataFrame):
            frame = X.reset_index(drop=True)  # which is no column
        elif _is_frame(X):
            frame = X
        else:
            frame = pd.DataFrame(X, columns=[f"x{k}" for k in range(X.shape[1])]).infer_objects()
        categorical = self._categorical(frame) if reset else self.model_.categorical
        return list(read_rows(frame, categorical))

    def _categorical(self, frame: Frame) -> frozenset[str]:
        """Return the columns that are categories whatever they hold: those named, and those of such a type."""
        names = open_fields(frame, FieldOptions()).names
        found = set[str]()
        for one in self.categorical:
            is_place = isinstance(one, int | np.integer) and 0 <= one < len(names)
            if not is_place and one not in names:
                raise UserError(f"categorical: expected names or positions of columns, got {format_value(one)}")
            found.add(names[one] if is_place else str(one))
        if isinstance(frame, pd.DataFrame):
            types = frame.dtypes.tolist()
            found |= {name for name, one in zip(names, types, strict=True) if isinstance(one, pd.CategoricalDtype)}
        return frozenset(found)

    @property
    def crosses_(self) -> tuple[str, ...]:
        """The crosses that were found, in the order in which they were added."""
        check_is_fitted(self)
        return tuple(map(str, self.model_.crosses))

    def to_json(self) -> str:
        """Return the model as `--problem crosses` leaves it in crosses.json."""
        check_is_fitted(self)
        return as_json(self.model_)

    @classmethod
    def from_json(cls, source: str | os.PathLike[str], **settings: Any) -> Self:
        """Return one that is fitted already, with the model of a crosses.json.

        Rows to come are tables whose columns have the names that the model knows; other columns are not looked at.

        Args:
            source: the path of the file, or its text.
            settings: see the class.

        Raises:
            UserError: it is no such file.
        """
        text = source if isinstance(source, str) and source.lstrip().startswith("{") else _text(Path(source))
        made = cls(**settings)
        made.model_ = from_json(text)
        made.classes_ = np.array(made.model_.classes)
        return made

    def __sklearn_is_fitted__(self) -> bool:
        """Whether there is a model."""
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Tags:
        """What tables may hold."""
        tags: Tags = super().__sklearn_tags__()  # type: ignore[misc]  # of BaseEstimator
        tags.target_tags.required, tags.classifier_tags = True, ClassifierTags(multi_class=False)
        tags.input_tags.allow_nan = tags.input_tags.string = tags.input_tags.categorical = True
        return tags


def _is_frame(X: Any) -> bool:
    exported = ("__arrow_c_stream__", "__arrow_c_array__", "__dataframe__")
    return getattr(X, "ndim", 2) == 2 and (isinstance(X, pd.DataFrame) or any(hasattr(X, one) for one in exported))


def _threads(n_jobs: int | None) -> int:
    if n_jobs is None:
        return 1
    if n_jobs == 0:
        raise UserError("n_jobs: expected a number of cores, -1 for all, or None, got 0")
    return n_jobs if n_jobs > 0 else max(1, usable_cores() + 1 + n_jobs)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}: expected a crosses.json, got {getattr(error, 'strerror', None) or 'no text'}"
        ) from None
