"""A recommender written on one line: `mf:embedding_size=32`, or a class of one's own: `package.module:Class:size=8`."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, is_dataclass
from functools import reduce
from pathlib import Path
from typing import Any, ClassVar

from torch import nn

from core.common.errors import UserError, shown
from core.common.specification import Specification, kinds_of, read_values, unknown_setting
from recommenders.models.recommender import Recommender
from recommenders.modules.building import ModuleClass, telling
from recommenders.modules.module import ModuleRecommender


@dataclass(frozen=True)
class RecommenderSpec(Specification):
    """See Specification."""

    kind: ClassVar[str] = "recommender"
    example: ClassVar[str] = "mf"
    takes_classes: ClassVar[bool] = True
    signs: ClassVar[str] = "._-+,/"


def make(spec: RecommenderSpec, kind: type, defaults: Mapping[str, Any], settings: Mapping[str, Any]) -> Recommender:
    """A recommender of this class.

    Args:
        spec: the line that asks for it.
        kind: a dataclass derived from Recommender, or a class derived from torch.nn.Module.
        defaults: settings that the class may have; those of the line come first.
        settings: more settings, beside those of the line.

    Raises:
        UserError: an unknown setting, a value that cannot be, or one that is missing.
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
        with telling(f"recommender {spec.name}: its constructor", exits=True):
            made: Recommender = kind(**values)
        return made
    missing = [name for name in module.required() if name not in values]
    if missing:
        example = ":".join([spec.name, *(f"{name}=VALUE" for name in missing)])
        raise UserError(f"recommender {spec}: expected a value for {', '.join(missing)}, got none: write {example}")
    return ModuleRecommender(module, tuple(values.items()))


def find_class(spec: RecommenderSpec) -> type:
    """The class that package.module:Class names.

    Raises:
        UserError: there is none, importing it raised something, or it is no recommender.
    """
    path, _, name = spec.name.partition(":")
    where = f"recommender {spec.name}"
    with _working_directory():
        importlib.invalidate_caches()
        try:
            with telling(f"{where}: importing {path}", exits=True):
                try:
                    module = importlib.import_module(path)
                except ModuleNotFoundError as error:
                    if error.name is None or not f"{path}.".startswith(f"{error.name}."):
                        raise
                    file = f"{error.name.replace('.', '/')}.py"
                    raise UserError(
                        f"{where}: there is no module {error.name}; expected {file} in the working folder, or on "
                        "PYTHONPATH"
                    ) from None
                kind = reduce(getattr, name.split("."), module)
        except UserError as error:
            if "raised AttributeError" not in str(error) or path not in sys.modules:
                raise
            there = [n for n, one in vars(sys.modules[path]).items() if _is_recommender(one) and one.__module__ == path]
            raise UserError(
                f"{where}: there is no {name} in module {path}; its recommenders: {', '.join(there) or 'none'}"
            ) from None
    return check_class(spec, kind)


def check_class(spec: RecommenderSpec, kind: object) -> type:
    """The class, if recommenders can be made of it.

    Raises:
        UserError: it is no class, or none of torch modules or recommenders.
    """
    if not _is_recommender(kind):
        got = kind.__name__ if isinstance(kind, type) else shown(kind)
        raise UserError(f"recommender {spec.name}: expected a class derived from torch.nn.Module, got {got}")
    assert isinstance(kind, type)
    return kind


def _is_recommender(thing: object) -> bool:
    if not isinstance(thing, type) or thing in (nn.Module, Recommender, ModuleRecommender):
        return False
    return issubclass(thing, nn.Module) or (issubclass(thing, Recommender) and is_dataclass(thing))


@contextmanager
def _working_directory() -> Iterator[None]:
    """While it lasts, modules of the working folder are found too, after all others."""
    here = os.getcwd()
    if here in sys.path or "" in sys.path:
        yield
        return
    sys.path.append(here)
    try:
        yield
    finally:
        with suppress(ValueError):
            sys.path.remove(here)


def source_digest(kind: type) -> str:
    """Of the files in which a class and its bases are written, but torch's and this project's."""
    digest = hashlib.sha256()
    for base in kind.__mro__:
        if base.__module__.partition(".")[0] in ("torch", "builtins", "abc", "typing", "recommenders"):
            continue
        with suppress(OSError, TypeError):  # written in no file
            digest.update(Path(inspect.getfile(base)).read_bytes())
    return digest.hexdigest()[:16]
