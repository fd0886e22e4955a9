"""Specifications of recommenders: `mf:embedding_size=32`, or the user's own class `package.module:Class:size=8`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass
from typing import Any, ClassVar

from torch import nn

from core.common.errors import UserError
from core.common.loading import user_errors_from
from core.common.specification import Specification, kinds_of, read_values, unknown_setting
from recommenders.models.recommender import Recommender
from recommenders.modules.building import ModuleClass
from recommenders.modules.module import ModuleRecommender


@dataclass(frozen=True)
class RecommenderSpec(Specification):
    """See Specification."""

    kind: ClassVar[str] = "recommender"
    example: ClassVar[str] = "mf"
    takes_classes: ClassVar[bool] = True
    signs: ClassVar[str] = "._-+,/"


def make(spec: RecommenderSpec, kind: type, defaults: Mapping[str, Any], settings: Mapping[str, Any]) -> Recommender:
    """Build the recommender of a specification.

    Args:
        spec: gives settings.
        kind: a dataclass derived from Recommender, or a class derived from torch.nn.Module.
        defaults: settings for classes that have them, unless `spec` or `settings` gives them.
        settings: settings beside those of `spec`.

    Raises:
        UserError: a setting is unknown, invalid, missing or given twice.
    """
    module = ModuleClass(kind, f"recommender {spec.name}") if issubclass(kind, nn.Module) else None
    kinds = kinds_of(kind) if module is None else module.settings()
    takes_any = module is not None and module.takes_any
    known = kinds | {name: kinds.get(name, Any) for name, _ in spec.settings} if takes_any else kinds
    values = read_values(spec, known)
    for name in settings:
        if name not in kinds and not takes_any:
            raise unknown_setting(spec, name, kinds)
        if name in values:
            raise UserError(f"recommender {spec}: expected {name} once, got {values[name]} and {settings[name]}")
    values = {name: value for name, value in defaults.items() if name in kinds} | values | dict(settings)
    if module is None:
        with user_errors_from(f"recommender {spec.name}: its constructor", exits=True):
            made: Recommender = kind(**values)
        return made
    missing = [name for name in module.required() if name not in values]
    if missing:
        example = ":".join([spec.name, *(f"{name}=VALUE" for name in missing)])
        raise UserError(f"recommender {spec}: expected a value for {', '.join(missing)}, got none: write {example}")
    return ModuleRecommender(module, tuple(values.items()))


def is_recommender(thing: object) -> bool:
    """Return whether an object is a recommender class: derived from torch.nn.Module, or a dataclass of Recommender."""
    if not isinstance(thing, type) or thing in (nn.Module, Recommender, ModuleRecommender):
        return False
    return issubclass(thing, nn.Module) or (issubclass(thing, Recommender) and is_dataclass(thing))
