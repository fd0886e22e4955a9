"""A crossed model as plain data, and back. What is read may come from anybody: nothing of it is believed unchecked."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from core.common.errors import UserError, in_a_line
from core.crosses.cross import Cross, Feature
from recommenders.data.fields.column import FieldColumn
from recommenders.tasks.crosses.binning import Binning
from recommenders.tasks.crosses.design import MOST_BUCKETS, Encoder
from recommenders.tasks.crosses.model import CrossedModel, Term

#: Buckets of all terms together whose weights are looked up by place, 16 bytes each: a small file says as many as it
#: likes. 256 hashed columns or crosses have no more.
_MOST_SPREAD_OUT = 257 * MOST_BUCKETS
#: Scores, and what weights add up to; squares of these are finite, too.
_LARGEST_SCORE = 1e100


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
    return {
        "columns": columns,
        "terms": [_term_state(one) for one in model.terms],
        "bias": model.bias,
        "target": model.target,
        "classes": list(model.classes),
    }


def _term_state(term: Term) -> dict[str, Any]:
    """Return a term as plain data; what has no weight takes no place."""
    kept = np.flatnonzero(term.weights)
    return {
        "cross": str(term.cross),
        "keys": None if term.keys is None else term.keys[kept],
        "places": kept if term.keys is None else None,
        "weights": term.weights[kept],
        "counts": term.counts[kept],
        "decay": term.decay,
        "spread": term.spread,
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
            cuts = {_feature(cut["feature"]): _edges(cut["edges"]) for cut in one["cuts"]}
            binnings[columns[-1].name] = Binning(cuts)
        elif texts is not None:
            _check_once("categories", columns[-1].categories or ())
    _check_once("columns", [one.name for one in columns])
    encoder = Encoder(columns, binnings)
    known, room = frozenset(encoder.features()), _MOST_SPREAD_OUT
    terms = []
    for one in state["terms"]:
        terms.append(_term(encoder, known, one, room))
        room -= 0 if terms[-1].keys is not None else len(terms[-1].weights)
    if not terms:
        raise ValueError("expected terms, got none")
    _check_once("terms", [one.cross for one in terms])
    first, second = map(str, state["classes"])
    bias = _finite(state["bias"])
    _check_sums(bias, terms)
    return CrossedModel(encoder, terms, bias, str(state["target"]), (first, second))


def _check_once(what: str, found: Sequence[Any]) -> None:
    if len(set(found)) < len(found):
        raise ValueError(f"expected different {what}, got one twice")


def _finite(given: Any) -> float:
    number = float(given)
    if not math.isfinite(number):
        raise ValueError(f"expected a finite number, got {number}")
    return number


def _edges(given: Any) -> np.ndarray:
    edges = np.asarray(given, np.float64)
    if edges.ndim != 1 or not np.isfinite(edges).all() or not _ascends(edges):
        raise ValueError("expected finite edges in ascending order, got others")
    return edges


def _feature(text: str) -> Feature:
    (feature,) = Cross.parse(text).features
    return feature


def _term(encoder: Encoder, known: Collection[Feature], state: Mapping[str, Any], room: int) -> Term:
    """Read a term; refuse buckets that it does not have, which would be looked up out of bounds."""
    cross = Cross.parse(state["cross"])
    strange = [one for one in cross.features if one not in known]
    if strange:
        raise ValueError(f"{cross}: no such feature as {strange[0]}")
    weights, counts = np.asarray(state["weights"], np.float64), np.asarray(state["counts"], np.int64)
    is_keyed, is_single = state["keys"] is not None, len(cross) == 1
    own = np.asarray(state["keys" if is_keyed else "places"], np.int64)
    size = encoder.size(cross.features[0]) if is_single else MOST_BUCKETS
    limit = encoder.n_keys(cross) if is_keyed else size
    ascending = own.ndim == 1 and _ascends(own) and bool((own[:1] >= 0).all() and (own[-1:] < limit).all())
    fits = ascending and own.shape == weights.shape == counts.shape and bool((counts >= 0).all())
    if not fits or (is_keyed and is_single) or not np.isfinite(weights).all():
        raise ValueError(f"{cross}: expected {own.size} finite weights of ascending buckets, got {weights.size}")
    if not is_keyed:
        if size > room:
            raise ValueError(f"expected at most {_MOST_SPREAD_OUT:,} buckets in all, got more")
        weights, counts = _spread_out(weights, own, size), _spread_out(counts, own, size)
    return Term(cross, own if is_keyed else None, weights, _finite(state["decay"]), _finite(state["spread"]), counts)


def _ascends(numbers: np.ndarray) -> bool:
    """Tell whether numbers ascend; their differences may be too large for their type."""
    return bool((numbers[1:] > numbers[:-1]).all())


def _check_sums(bias: float, terms: Sequence[Term]) -> None:
    """Refuse weights whose sums are no numbers any more."""
    largest = [abs(bias), *(float(np.abs(one.weights).max(initial=0.0)) for one in terms)]
    if not sum(largest) < _LARGEST_SCORE:
        raise ValueError(f"expected scores below {_LARGEST_SCORE:g}, got weights of {max(largest):g}")


def _spread_out(values: np.ndarray, places: np.ndarray, size: int) -> np.ndarray:
    found = np.zeros(size, values.dtype)
    found[places] = values
    return found
