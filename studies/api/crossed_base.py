"""What estimators of crossed features share: settings, the search, and tables on their way in."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from numbers import Integral, Real
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
from recommenders.data.frames import Frame, wrap_frame
from recommenders.tasks.crosses.export import as_json, from_json
from recommenders.tasks.crosses.model import CrossedModel
from recommenders.tasks.crosses.plan import CrossPlan
from recommenders.tasks.crosses.search import CrossSearch
from studies.common.processes import usable_cores

#: Of CrossPlan, by the same names.
_PLANNED = ("most_crosses", "most_features", "spacing", "levels", "patience", "prune")
_WHOLE = ("most_crosses", "most_features", "levels", "patience")


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
        self._check_settings()
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
        if not isinstance(seed, Integral):
            seed = check_random_state(seed).randint(2**31 - 1)
        first, second = map(str, classes.tolist())
        table = FieldTable(tuple(columns), label.astype(np.uint8), target, (first, second))
        data = split_fields("table", table, FieldOptions(validation_share=share), int(seed), test_share=0.0)
        plan = self._plan()
        search = CrossSearch(data, plan, int(seed), _threads(self.n_jobs))
        search.run()
        return search.model()

    def _plan(self) -> CrossPlan:
        values = {name: getattr(self, name) for name in _PLANNED}
        return CrossPlan(**values | {name: int(values[name]) for name in _WHOLE})

    def _check_settings(self) -> None:
        """Check the types of settings; whoever uses them checks their range."""
        for name in _WHOLE:
            _check_type(name, getattr(self, name), Integral, "a whole number")
        _check_type("spacing", self.spacing, str, "a name")
        for name in ("prune",) if self.prune is not None else ():
            _check_type(name, self.prune, Real, "a number, or None")
        _check_type("validation_share", self.validation_share, Real, "a share above 0 and below 1")
        if not 0 < self.validation_share < 1:
            raise expected("validation_share", "a share above 0 and below 1", self.validation_share)
        if isinstance(self.categorical, str | bytes) or not isinstance(self.categorical, Iterable):
            raise expected("categorical", "a list of names or positions of columns", self.categorical)
        seed = self.random_state
        if isinstance(seed, bool) or not (seed is None or isinstance(seed, Integral | np.random.RandomState)):
            raise expected("random_state", "a whole number, a RandomState of NumPy, or None", seed)
        if isinstance(seed, Integral) and not 0 <= int(seed) < 2**32:
            raise expected("random_state", "a whole number from 0 to 2^32 - 1", seed)
        _threads(self.n_jobs)

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
            _check_frame(X)
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
            is_place = isinstance(one, Integral) and not isinstance(one, bool) and 0 <= int(one) < len(names)
            if not is_place and not (isinstance(one, str) and one in names):
                raise expected("categorical", "names or positions of columns", one)
            found.add(names[int(one)] if is_place else str(one))
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


def expected(name: str, what: str, got: object) -> UserError:
    """Build the error for a setting that cannot be.

    Args:
        name: of the setting.
        what: it should be.
        got: it is.
    """
    return UserError(f"{name}: expected {what}, got {format_value(got)}")


def _check_type(name: str, value: object, kind: type, what: str) -> None:
    if isinstance(value, bool) or not isinstance(value, kind):
        raise expected(name, what, value)


def _check_frame(X: Any) -> None:
    table = wrap_frame(X, "X")
    for what, n in (("row", table.n_rows), ("column", len(table.columns))):
        if not n:
            raise UserError(f"X: expected one {what} or more, got 0 {what}s; a minimum of 1 is required")
    again = [name for name, n in Counter(table.columns).items() if n > 1]
    if again:
        raise UserError(f"X: expected every column once, got {format_value(again[0])} twice; rename one of them")


def _threads(n_jobs: Any) -> int:
    if n_jobs is None:
        return 1
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, Integral) or n_jobs == 0:
        raise expected("n_jobs", "a number of cores, -1 for all, or None", n_jobs)
    n_jobs = int(n_jobs)
    return n_jobs if n_jobs > 0 else max(1, usable_cores() + 1 + n_jobs)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}: expected a crosses.json, got {getattr(error, 'strerror', None) or 'no text'}"
        ) from None
