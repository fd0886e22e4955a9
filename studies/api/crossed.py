"""Crossed features for scikit-learn: `CrossedClassifier` is the found model, `CrossedFeatures` makes columns of it."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from core.common.errors import UserError
from recommenders.data.fields import FieldOptions
from recommenders.tasks.crosses.plan import CrossPlan
from recommenders.tasks.crosses.words import Words
from studies.api.crossed_base import Crossed, expected

ENCODINGS = ("onehot", "onehot-dense", "ordinal")


class CrossedClassifier(Crossed, ClassifierMixin, BaseEstimator):
    """Logistic regression on the columns of a table and the crosses of them that AutoCross finds.

    Tables may be data frames of any library, whose columns are numbers or categories, or arrays. Missing values are a
    value of their own. Part of the rows chooses crosses, another part says when to stop; in the end the model is
    trained on all of them.

    Args:
        most_crosses: of the set, at most; 0 for logistic regression on columns and bins alone.
        most_features: of a cross, at most.
        spacing: how numbers are cut: width, quantiles, or both.
        levels: so many cuts of each: 10 bins, 100, 1,000 and so on.
        patience: the search ends when its best set is so many steps ago.
        prune: crosses are left out of the best set unless log-loss is larger without them by more than so many standard
            errors; None keeps all.
        validation_share: the share of rows for validation, in two halves.
        categorical: columns of numbers that are names all the same, by name or position from 0; those of pandas' type
            category are so anyway.
        random_state: of the parts.
        n_jobs: cores; None for one, -1 for all.
    """

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the logits of the second class, float64 [n].

        Args:
            X: rows, see `fit`.
        """
        check_is_fitted(self)
        return self.model_.scores(self.columns(X))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities of both classes, float64 [n, 2].

        Args:
            X: rows, see `fit`.
        """
        scores = self.decision_function(X)
        return np.exp(-np.logaddexp(0.0, np.stack([scores, -scores], axis=1)))

    def predict(self, X: Any) -> np.ndarray:
        """Return the more probable class of each row [n].

        Args:
            X: rows, see `fit`.
        """
        scores = self.decision_function(X)
        return self.classes_[(scores > 0).astype(int)]


class CrossedFeatures(Crossed, TransformerMixin, BaseEstimator):
    """The columns of a table, the bins of its numbers and the crosses that AutoCross finds, for any model behind it.

    Args:
        encode: onehot for a sparse matrix, onehot-dense, or ordinal for a column of numbers for each column, cut and
            cross, in which a value that no training row has is -1.
        most_crosses: see CrossedClassifier, as all others.
    """

    def __init__(
        self,
        *,
        encode: str = "onehot",
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
        super().__init__(
            most_crosses=most_crosses,
            most_features=most_features,
            spacing=spacing,
            levels=levels,
            patience=patience,
            prune=prune,
            validation_share=validation_share,
            categorical=categorical,
            random_state=random_state,
            n_jobs=n_jobs,
        )
        self.encode = encode

    def fit(self, X: Any, y: Any) -> Self:
        """Search crosses.

        Args:
            X: the rows, a data frame or an array [n, columns].
            y: the class of each, of two [n].
        """
        if not isinstance(self.encode, str) or self.encode not in ENCODINGS:
            raise expected("encode", " or ".join(ENCODINGS), self.encode)
        return super().fit(X, y)

    def transform(self, X: Any) -> Any:
        """Return rows as numbers: a sparse matrix or an array, float64 or int32 [n, features].

        Args:
            X: rows, see `fit`.
        """
        check_is_fitted(self)
        buckets = self.model_.buckets(self.columns(X))
        if self.encode == "ordinal":
            return buckets
        places, start = list[np.ndarray](), 0
        for term in self.model_.terms:
            is_known = term.counts > 0
            places.append(np.append(start + np.cumsum(is_known) - 1, -1))  # the last one is where buckets of -1 are
            start += int(is_known.sum())
        there = buckets >= 0
        columns = np.stack([own[buckets[:, k]] for k, own in enumerate(places)], axis=1)[there]
        ends = np.append(0, np.cumsum(there.sum(axis=1)))
        found = sparse.csr_matrix((np.ones(len(columns)), columns, ends), shape=(len(buckets), start))
        return found.toarray() if self.encode == "onehot-dense" else found

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return what each column of `transform` stands for: `colour = red`, `age/q10 in [25, 33)`.

        Args:
            input_features: names of the columns of the table; as they were known to `fit`.
        """
        check_is_fitted(self)
        self._check_names(input_features)
        terms, words = self.model_.terms, Words(self.model_.encoder)
        if self.encode == "ordinal":
            return np.array([str(one.cross) for one in terms], dtype=object)
        names = [words.of_cross(one.cross, np.flatnonzero(one.counts), one.keys) for one in terms]
        return np.array([name for own in names for name in own], dtype=object)

    def _check_names(self, given: Any) -> None:
        if given is None or not hasattr(self, "n_features_in_"):
            return
        if len(given) != self.n_features_in_:
            raise UserError(
                f"input_features should have length equal to number of features ({self.n_features_in_}), got "
                f"{len(given)}"
            )
        if hasattr(self, "feature_names_in_") and list(given) != list(self.feature_names_in_):
            raise UserError("input_features is not equal to feature_names_in_; leave it out")
