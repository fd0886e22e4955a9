"""Boosted trees as rivals: of all columns (LightGBM, CatBoost), and of one or two each (explainable boosting)."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from recommenders.tasks.crosses.rivals.rival import Fitted, Trainable

#: Rounds of boosting without a gain before it ends, and at most.
_PATIENCE, _MOST_ROUNDS = 50, 2_000


class LightGBM(Trainable):
    """Boosted trees (Ke et al., NeurIPS 2017), see Trainable."""

    def fit(self, setting: Mapping[str, Any], rounds: tuple[int, ...] | None, seed: int) -> Fitted:
        """See Trainable."""
        import lightgbm

        fixed = {"objective": "binary", "metric": "auc", "verbosity": -1, "num_threads": 1, "deterministic": True}
        fixed |= {"force_row_wise": True, "bagging_freq": 1, "seed": seed, **setting}
        x, y = self.rows("train", "stop") if rounds else self.rows("train")
        made = lightgbm.Dataset(x, y, categorical_feature=self.categories, free_raw_data=False)
        if rounds:
            model = lightgbm.train(fixed, made, rounds[0])
            return Fitted(lambda x: np.asarray(model.predict(x, raw_score=True)), rounds)
        ends: list[Any] = [lightgbm.early_stopping(_PATIENCE, verbose=False)]
        watched = lightgbm.Dataset(*self.rows("choose"), reference=made)
        model = lightgbm.train(fixed, made, _MOST_ROUNDS, valid_sets=[watched], callbacks=ends)
        return Fitted(lambda x: np.asarray(model.predict(x, raw_score=True)), (model.best_iteration,))


class CatBoost(Trainable):
    """Boosted trees with one split for each level (Prokhorenkova et al., NeurIPS 2018), see Trainable."""

    def fit(self, setting: Mapping[str, Any], rounds: tuple[int, ...] | None, seed: int) -> Fitted:
        """See Trainable."""
        from catboost import CatBoostClassifier

        fixed = {"thread_count": 1, "random_seed": seed, "eval_metric": "AUC", "allow_writing_files": False}
        model = CatBoostClassifier(iterations=rounds[0] if rounds else _MOST_ROUNDS, verbose=False, **fixed, **setting)
        if rounds:
            model.fit(self._pool(*self.rows("train", "stop")))
        else:
            watched = self._pool(*self.rows("choose"))
            model.fit(self._pool(*self.rows("train")), eval_set=watched, early_stopping_rounds=_PATIENCE)
            rounds = (model.get_best_iteration() + 1,)
        return Fitted(lambda x: np.asarray(model.predict(self._pool(x), prediction_type="RawFormulaVal")), rounds)

    def _pool(self, x: np.ndarray, label: np.ndarray | None = None) -> Any:
        """Return rows as CatBoost takes them: categories are integers."""
        from catboost import Pool

        columns = {k: own.astype(np.int64) if k in self.categories else own for k, own in enumerate(x.T)}
        return Pool(pd.DataFrame(columns), label, cat_features=self.categories)


class ExplainableBoosting(Trainable):
    """Sums of functions of one column each and of some pairs, which are boosted (Lou et al., KDD 2013), see Trainable.

    Columns and pairs are two stages, and how long each is cannot be said beforehand: in the end, too, it is the rows
    that sets of crosses are chosen by that end both, so it does not learn from them. One bag of rows is trained.
    """

    def fit(self, setting: Mapping[str, Any], rounds: tuple[int, ...] | None, seed: int) -> Fitted:
        """See Trainable."""
        from interpret.glassbox import ExplainableBoostingClassifier

        x, y = self.rows("train", "stop") if rounds else self.rows("train", "choose")
        bag = np.ones((len(y), 1), np.int8)
        bag[self.data.parts["choose"]] = -1
        fixed = {"outer_bags": 1, "n_jobs": 1, "random_state": seed}
        kinds = ["continuous" if one.is_number else "nominal" for one in self.data.columns]
        model = ExplainableBoostingClassifier(feature_types=kinds, **fixed, **setting)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Missing values detected")  # its pictures do not show them
            model.fit(x, y, bags=bag)
        steps = tuple(int(one) for one in model.best_iteration_[:, 0])
        return Fitted(lambda x: np.asarray(model.decision_function(x)), steps)
