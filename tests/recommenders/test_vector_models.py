"""Models of vectors by name: those of the registry and classes of one's own keep the contract, others are refused."""

import itertools

import pytest
import torch
from torch import nn

from core.common.errors import UserError
from recommenders.data.implicit import UserItems
from recommenders.models.vectors.mf import VectorMF
from recommenders.models.vectors.registry import VECTOR_MODELS
from recommenders.models.vectors.simplex import SimpleX
from recommenders.modules.vector_specification import parse_vector_model
from recommenders.testing.vector_model import VectorModelContract
from tests.recommenders import vector_modules

PATH = "tests.recommenders.vector_modules"
#: Line -> what is special about it.
LINES = {
    "mf:embedding_size=16": {},
    "mf:embedding_size=16:init=xavier:dropout_place=before": {},
    "lightgcn:embedding_size=16": {},
    "simplex:embedding_size=16": {"constant": frozenset({"key_bias"})},
    "simplex:embedding_size=16:aggregation=mean:gamma=.5": {"learning_rate": 0.01},
    "simplex:embedding_size=16:aggregation=self_attention:share_embedding=no:history_length=8": {
        "constant": frozenset({"key_bias"})
    },
    f"{PATH}:Towers:size=16": {"learning_rate": 0.3},
    f"{PATH}:Featured:size=16": {"learning_rate": 0.1},
    f"{PATH}:OwnMF:size=16": {},
}


def contract_of(line):
    return type("Test", (VectorModelContract,), {"make": lambda self: parse_vector_model(line), **LINES[line]})


globals().update({f"Test{number}": contract_of(line) for number, line in enumerate(LINES)})
TRAIN = UserItems.of_pairs(*(torch.arange(12).numpy() % n for n in (5, 7)), 5)


def test_every_row_of_the_registry_is_tried():
    assert {line.partition(":")[0] for line in LINES} >= set(VECTOR_MODELS)


def test_lines_name_models_with_settings():
    assert parse_vector_model("mf") == VectorMF()
    assert parse_vector_model("mf:similarity=dot:embedding_size=32") == VectorMF(similarity="dot", embedding_size=32)
    assert parse_vector_model("simplex:history-length=50:share_embedding=no") == SimpleX(
        history_length=50, share_embedding=False
    )
    model = parse_vector_model(f"{PATH}:Towers:size=4:similarity=dot:dropout=0")
    assert (model.similarity, model.dropout, model.settings) == ("dot", 0, (("size", 4),))
    assert model.on(TRAIN, 7).tables == {"user.weight": "user", "item.weight": "item"}
    assert all(isinstance(kind.about, str) for kind in VECTOR_MODELS.values())


def test_parameters_that_are_no_tables_are_dense():
    model = parse_vector_model(f"{PATH}:Featured").on(TRAIN, 7)
    assert model.tables == {"user.weight": "user"}
    assert sorted(model.initial(5, 7, 0)) == ["map.bias", "map.weight", "user.weight"]
    square = parse_vector_model(f"{PATH}:Towers").on(TRAIN, 5)
    assert square.tables == {}  # who knows of whom their rows are


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("mg", "unknown model 'mg': expected one of lightgcn, mf, simplex"),
        ("mf:layers=2", "unknown setting of mf 'layers': expected one of dropout, dropout_place, embedding_size"),
        ("lightgcn:layers=x", "model lightgcn:layers=x: layers: expected a whole number, got 'x'"),
        ("simplex:gamma=2", "gamma: expected at least 0 and below 1, got 2.0"),
        (f"{PATH}:Nothing", f"model {PATH}:Nothing: there is no Nothing in module {PATH}; its models: Towers"),
        (f"{PATH}:Half", "expected a class derived from VectorModel, or from torch.nn.Module with methods"),
        (f"{PATH}:Towers:depth=2", "unknown setting of .*Towers 'depth': expected one of .*similarity, size"),
        (f"{PATH}:Needy", "expected a value for width, got none: write .*Needy:width=VALUE"),
        (f"{PATH}:Abstract", "Abstract: its constructor raised TypeError: Can't instantiate abstract class"),
        ("nowhere:Own", "there is no module nowhere"),
    ],
)  # fmt: skip
def test_lines_that_name_no_model_are_refused(line, message):
    with pytest.raises(UserError, match=message):
        parse_vector_model(line)


class Bad(vector_modules.Towers):
    """Fails in the way that its class attribute says."""

    found = None

    def item_vectors(self, ids):
        return type(self).found(self, super().item_vectors(ids))


FOUND = {
    "raises": (lambda self, v: v[999], "its vectors raised IndexError: index 999 is out of bounds"),
    "one": (
        lambda self, v: v[:1],
        r"item_vectors: expected torch.float32 \[2, D\] for 2 ids, got torch.float32 \[1, 3\]",
    ),
    "flat": (
        lambda self, v: v.sum(),
        r"item_vectors: expected torch.float32 \[2, D\] for 2 ids, got torch.float32 \[\]",
    ),
    "none": (lambda self, v: None, r"item_vectors: expected torch.float32 \[2, D\] for 2 ids, got None"),
    "double": (lambda self, v: v.double(), r"item_vectors: expected torch.float32 .* got torch.float64 \[2, 3\]"),
    "short": (lambda self, v: v[:, 1:], "expected vectors of users and items of the same length, got 3 and 2"),
}


@pytest.mark.parametrize("name", FOUND)
def test_modules_without_such_vectors_are_refused(name, monkeypatch):
    monkeypatch.setattr(Bad, "found", staticmethod(FOUND[name][0]))
    model = parse_vector_model(f"{__name__}:Bad")
    with pytest.raises(UserError, match=f"model {__name__}:Bad.*{FOUND[name][1]}"):
        model.on(TRAIN, 7)


@pytest.mark.parametrize("layer", [nn.Dropout(0.5), nn.BatchNorm1d(3)])
def test_layers_that_differ_in_training_are_refused(layer, monkeypatch):
    monkeypatch.setattr(vector_modules.Towers, "extra", lambda self: layer)
    with pytest.raises(UserError, match=f"expected no {type(layer).__name__}.* got own"):
        parse_vector_model(f"{PATH}:Towers").on(TRAIN, 7)


def test_a_module_without_parameters_is_refused(monkeypatch):
    monkeypatch.setattr(vector_modules.Towers, "extra", lambda self: self.requires_grad_(False) and None)
    with pytest.raises(UserError, match="expected vectors that depend on parameters, got constants"):
        parse_vector_model(f"{PATH}:Towers").on(TRAIN, 7)


def test_models_of_modules_share_no_state():
    models = [parse_vector_model(f"{PATH}:Towers").on(TRAIN, n) for n in (7, 9)]
    weights = [model.initial(5, n, 0) for model, n in zip(models, (7, 9), strict=True)]
    before = [[v.clone() for v in m.vectors(w, None, None)] for m, w in zip(models, weights, strict=True)]
    for model, one in itertools.product(models, weights):
        if len(one["item.weight"]) == (7 if model is models[0] else 9):
            model.vectors({name: w.double() for name, w in one.items()}, None, None)
    after = [m.vectors(w, None, None) for m, w in zip(models, weights, strict=True)]
    assert all(
        torch.equal(x, y) for one, other in zip(before, after, strict=True) for x, y in zip(one, other, strict=True)
    )
