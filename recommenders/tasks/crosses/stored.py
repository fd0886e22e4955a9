"""A crossed model as plain data, and back. What is read may come from anybody: nothing of it is believed unchecked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from core.common.errors import UserError, in_a_line
from core.crosses.cross import Cross, Feature
from recommenders.data.fields.column import FieldColumn
from recommenders.tasks.crosses.binning import Binning
from recommenders.tasks.crosses.design import MOST_BUCKETS, Encoder
from recommenders.tasks.crosses.model import CrossedModel, Term


def state_of(model: CrossedModel) -> dict[str, Any]:
    """Return the model as plain data: texts, numbers, lists, and arrays of NumPy."""
    columns = [
        {
            "name": one.name,
            "kind": "number" if one.name in model.encoder.binnings else one.kind,
            "categories": None if one.categories is None else list(one.categories),
            "cuts": [
                {"feature": str(feature), "edges": edges}
                for feature, edges in (
                    model.encoder.binnings[one.name].cuts.items() if one.name in model.encoder.binnings else ()
                )
            ],
        }
        for one in model.encoder.columns.values()
    ]
    terms = [
        {
            "cross": str(one.cross),
            "keys": one.keys,
            "weights": one.weights,
            "decay": one.decay,
            "spread": one.spread,
        }
        for one in model.terms
    ]
    return {
        "columns": columns,
        "terms": terms,
        "bias": model.bias,
        "target": model.target,
        "classes": list(model.classes),
    }


def model_of(state: Mapping[str, Any]) -> CrossedModel:
    """Return the model that a state is of.

    Args:
        state: see `state_of`; arrays may be lists, as JSON has them.

    Raises:
        UserError: it is no such state.
    """
    try:
        return _read(state)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        raise UserError(
            f"stored model: expected the state of a crossed model, got {type(error).__name__} "
            f"{in_a_line(str(error), 200)}"
        ) from None


def _read(state: Mapping[str, Any]) -> CrossedModel:
    columns, binnings = [], dict[str, Binning]()
    for one in state["columns"]:
        is_number, texts = one["kind"] == "number", one["categories"]
        values = np.zeros(0) if is_number else np.zeros(0, np.uint32)
        columns.append(FieldColumn(str(one["name"]), values, None if texts is None else tuple(map(str, texts))))
        if is_number:
            cuts = {_feature(cut["feature"]): np.asarray(cut["edges"], np.float64) for cut in one["cuts"]}
            binnings[columns[-1].name] = Binning(cuts)
    encoder, terms = Encoder(columns, binnings), []
    for one in state["terms"]:
        keys = None if one["keys"] is None else np.asarray(one["keys"], np.int64)
        weights = np.asarray(one["weights"], np.float64)
        cross = Cross.parse(one["cross"])
        terms.append(Term(cross, keys, weights, float(one["decay"]), float(one["spread"])))
        _check(encoder, terms[-1])
    first, second = map(str, state["classes"])
    return CrossedModel(encoder, terms, float(state["bias"]), str(state["target"]), (first, second))


def _feature(text: str) -> Feature:
    (feature,) = Cross.parse(text).features
    return feature


def _check(encoder: Encoder, term: Term) -> None:
    """Refuse weights of another number than the term has buckets, which would be looked up out of bounds."""
    known = set(encoder.features())
    strange = [one for one in term.cross.features if one not in known]
    if strange:
        raise ValueError(f"{term.cross}: no such feature as {strange[0]}")
    keys, n_keys = term.keys, encoder.n_keys(term.cross)
    ascending = keys is None or bool((np.diff(keys) > 0).all() and (keys[:1] >= 0).all() and (keys[-1:] < n_keys).all())
    if len(term.cross) == 1:
        n, keys_fit = encoder.size(term.cross.features[0]), term.keys is None
    else:
        n, keys_fit = (MOST_BUCKETS, True) if term.keys is None else (len(term.keys), ascending)
    if len(term.weights) != n or not keys_fit or not np.isfinite(term.weights).all():
        raise ValueError(f"{term.cross}: expected {n} finite weights, got {len(term.weights)}")
