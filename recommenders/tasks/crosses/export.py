"""A crossed model on its way out: as JSON, which reads back, and as SQL, which computes the same scores."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from core.common.errors import UserError, format_value
from core.crosses.cross import Feature
from recommenders.data.fields.column import FIRST, MISSING
from recommenders.tasks.crosses.model import CrossedModel, Term
from recommenders.tasks.crosses.stored import model_of, state_of

#: A file may be read by anybody: what it says it is.
_FORM, _VERSION = "crossed model", 2


def as_json(model: CrossedModel) -> str:
    """Return a model as JSON; every number is written so that it reads back the same."""
    state = {"form": _FORM, "version": _VERSION, **state_of(model)}
    return json.dumps(state, default=np.ndarray.tolist, allow_nan=False, ensure_ascii=False)


def from_json(text: str) -> CrossedModel:
    """Read what `as_json` wrote.

    Raises:
        UserError: it is something else.
    """
    try:
        state: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise UserError("stored model: expected JSON, got something else") from None
    if not isinstance(state, dict) or (state.get("form"), state.get("version")) != (_FORM, _VERSION):
        got = state.get("version") if isinstance(state, dict) else state
        raise UserError(f"stored model: expected a {_FORM} of version {_VERSION}, got {format_value(got)}")
    return model_of(state)


def as_sql(model: CrossedModel) -> str:
    """Return an expression that computes the score of a row, the logit, in SQL; sigmoid(score) is the probability.

    Numbers have to be columns of numbers, with NULL where they are missing; categories are compared as text without
    blanks around it, and NULL and '' are both missing ones.

    Raises:
        UserError: a column or a cross is hashed, or a text has a zero in it, which SQL cannot say.
    """
    parts = [repr(model.bias)]
    for name, table in model.tables.items():
        parts.append(_number(model, name, table) if name in model.encoder.binnings else _category(model, name, table))
    parts += [_crossed(model, one) for one in model.terms if len(one.cross) > 1]
    return "\n+ ".join(parts)


def _name(column: str) -> str:
    if "\0" in column:
        raise UserError(f"SQL: expected names without a zero in them, got {format_value(column)}")
    return '"' + column.replace('"', '""') + '"'


def _literal(text: str) -> str:
    if "\0" in text:
        raise UserError(f"SQL: expected values without a zero in them, got {format_value(text)}")
    return "'" + text.replace("'", "''") + "'"


def _text(column: str) -> str:
    return f"COALESCE(TRIM(CAST({_name(column)} AS TEXT)), '')"


def _texts(model: CrossedModel, column: str) -> dict[int, str]:
    """Return the text of each code of a column of categories but the unseen one."""
    categories = model.encoder.columns[column].categories
    if categories is None:
        raise UserError(f"SQL: expected columns with fewer values, got {format_value(column)}, which is hashed")
    return {MISSING: "", **{FIRST + k: one for k, one in enumerate(categories)}}


def _number(model: CrossedModel, column: str, table: np.ndarray) -> str:
    edges, name = model.encoder.binnings[column].edges, _name(column)
    whens = [f"WHEN {name} IS NULL THEN {float(table[MISSING])!r}"]
    for edge, below, above in zip(edges.tolist(), table[1:].tolist(), table[2:].tolist(), strict=False):
        if below != above:
            whens.append(f"WHEN {name} < {edge!r} THEN {below!r}")
    return f"CASE {' '.join(whens)} ELSE {float(table[-1])!r} END"


def _category(model: CrossedModel, column: str, table: np.ndarray) -> str:
    texts = _texts(model, column)
    whens = [f"WHEN {_literal(text)} THEN {float(table[code])!r}" for code, text in texts.items() if table[code]]
    return f"CASE {_text(column)} {' '.join(whens)} ELSE 0.0 END" if whens else "0.0"


def _crossed(model: CrossedModel, term: Term) -> str:
    encoder, features = model.encoder, term.cross.features
    if term.keys is None or encoder.is_mixed(term.cross):
        raise UserError(f"SQL: expected crosses of fewer combinations, got {term.cross}, which is hashed")
    digits, rest = list[np.ndarray](), term.keys
    for feature in reversed(features):
        rest, digit = np.divmod(rest, encoder.size(feature))
        digits.insert(0, digit)
    written = [_conditions(model, one) for one in features]
    if any(not own.keys() >= set(digit.tolist()) for own, digit in zip(written, digits, strict=True)):
        raise UserError(f"SQL: expected weights of values that training rows had, got others of {term.cross}")
    whens = [
        f"WHEN {' AND '.join(own[int(digit[k])] for own, digit in zip(written, digits, strict=True))} THEN {weight!r}"
        for k, weight in enumerate(term.weights.tolist())
        if weight
    ]
    return f"CASE {' '.join(whens)} ELSE 0.0 END" if whens else "0.0"


def _conditions(model: CrossedModel, feature: Feature) -> dict[int, str]:
    """Return when a row is in each bucket of a feature."""
    if feature.column not in model.encoder.binnings:
        own = _text(feature.column)
        return {code: f"{own} = {_literal(text)}" for code, text in _texts(model, feature.column).items()}
    return dict(enumerate(_between(_name(feature.column), model.encoder.binnings[feature.column].cuts[feature])))


def _between(name: str, edges: np.ndarray) -> Iterator[str]:
    """Yield when a number is missing, and when it is in each bin."""
    yield f"{name} IS NULL"
    ends = [None, *edges.tolist(), None]
    for low, high in pairwise(ends):
        sides = [f"{name} >= {low!r}"] * (low is not None) + [f"{name} < {high!r}"] * (high is not None)
        yield " AND ".join(sides) or f"{name} IS NOT NULL"
