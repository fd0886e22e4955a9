"""Specifications of models of vectors: `mf:similarity=dot`, or the user's own class `package.module:Class:size=8`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import nn

from core.common.errors import UserError
from core.common.loading import find_class, source_digest, user_errors_from
from core.common.specification import Specification, kinds_of, make_registered, read_values
from recommenders.models.vectors.model import VectorModel
from recommenders.models.vectors.registry import VECTOR_MODELS
from recommenders.modules.building import ModuleClass
from recommenders.modules.vector_module import ModuleVectors

#: What a module of one's own is made of, for messages.
_BASE = "VectorModel, or from torch.nn.Module with methods user_vectors(ids) and item_vectors(ids)"
#: Settings of the score, which modules have too, unless their constructor takes the name.
_OF_SCORES = ("similarity", "dropout", "dropout_place")


@dataclass(frozen=True)
class VectorModelSpec(Specification):
    """See Specification."""

    kind: ClassVar[str] = "model"
    example: ClassVar[str] = "mf"
    takes_classes: ClassVar[bool] = True
    signs: ClassVar[str] = "._-+,/"


def parse_vector_model(text: str) -> VectorModel:
    """Return the model that a line such as `simplex:gamma=.5` or `package.module:Class:size=8` names.

    Raises:
        UserError: an unknown name or setting, a value out of range, or a class that is no model of vectors.
    """
    spec = VectorModelSpec.parse(text)
    if ":" not in spec.name:
        return make_registered(spec, VECTOR_MODELS)
    kind: type[Any] = find_class(spec, is_vector_model, _BASE)
    if issubclass(kind, nn.Module):
        return _of_module(spec, kind)
    values = read_values(spec, kinds_of(kind))
    with user_errors_from(f"model {spec.name}: its constructor", exits=True):
        made: VectorModel = kind(**values)
    return made


def vector_model_source(text: str) -> str | None:
    """Return a digest of the file that defines the user's own class; None for names of VECTOR_MODELS.

    Raises:
        UserError: see `parse_vector_model`.
    """
    spec = VectorModelSpec.parse(text)
    return source_digest(find_class(spec, is_vector_model, _BASE)) if ":" in spec.name else None


def _of_module(spec: VectorModelSpec, kind: type[nn.Module]) -> ModuleVectors:
    module, kinds = ModuleClass(kind, f"model {spec.name}"), kinds_of(VectorModel)
    own, outer = module.settings(), {name: kinds[name] for name in _OF_SCORES}
    known = outer | own
    if module.takes_any:
        known |= {name: known.get(name, Any) for name, _ in spec.settings}
    values = read_values(spec, known)
    missing = [name for name in module.required() if name not in values]
    if missing:
        example = ":".join([spec.name, *(f"{name}=VALUE" for name in missing)])
        raise UserError(f"model {spec}: expected a value for {', '.join(missing)}, got none: write {example}")
    of_scores = {name: values.pop(name) for name in _OF_SCORES if name in values and name not in own}
    return ModuleVectors(source=module, settings=tuple(values.items()), **of_scores)


def is_vector_model(thing: object) -> bool:
    """Return whether an object is a class of models of vectors: a VectorModel, or a module with both methods."""
    if not isinstance(thing, type) or thing in (VectorModel, ModuleVectors):
        return False
    methods = (getattr(thing, name, None) for name in ("user_vectors", "item_vectors"))
    return issubclass(thing, VectorModel) or (issubclass(thing, nn.Module) and all(map(callable, methods)))
