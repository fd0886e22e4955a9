"""The registry of recommenders. To add one, write a class in a file of its own and add a row here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from torch import nn

from core.common.errors import unknown_name
from core.common.loading import check_class, find_class, source_digest
from recommenders.models.mf import MF
from recommenders.models.mlp import MLP
from recommenders.models.recommender import Recommender
from recommenders.modules.specification import RecommenderSpec, is_recommender, make


@dataclass(frozen=True)
class RecommenderEntry:
    """A row of the registry."""

    make: type[Recommender] | type[nn.Module]
    """A frozen dataclass whose fields are the settings, or a torch module class, see `recommenders.modules.module`."""
    about: str
    """A short description, for --help."""

    def __post_init__(self) -> None:
        """Check the row."""
        if not (isinstance(self.make, type) and issubclass(self.make, Recommender | nn.Module)):
            raise TypeError(f"{self.make}: expected a class derived from Recommender or torch.nn.Module")


RECOMMENDERS: Mapping[str, RecommenderEntry] = MappingProxyType(
    {
        "mf": RecommenderEntry(MF, "matrix factorisation with biases, Eq. 2"),
        "mlp": RecommenderEntry(MLP, "multi-layer perceptron, Eq. 3"),
    }
)

#: The sentence after the list of names in --help.
YOUR_OWN = (
    " Or package.module:Class, a torch module of your own. With settings as in mf:embedding_size=32, see "
    "docs/add-a-recommender.md."
)


#: The base class of the user's own recommenders, for messages.
_BASE = "torch.nn.Module"


def _class_of(spec: RecommenderSpec) -> type:
    if ":" in spec.name:
        return find_class(spec, is_recommender, _BASE)
    if spec.name not in RECOMMENDERS:
        raise unknown_name("recommender", spec.name, RECOMMENDERS)
    return RECOMMENDERS[spec.name].make


def _spec_of(what: str | type) -> RecommenderSpec:
    return RecommenderSpec.parse(what) if isinstance(what, str) else RecommenderSpec(class_name(what))


def class_name(kind: type) -> str:
    """Return a class as module:Class, the form in which specifications name it."""
    return f"{kind.__module__}:{kind.__qualname__}"


def make_recommender(
    what: str | type, defaults: Mapping[str, Any] = MappingProxyType({}), **settings: Any
) -> Recommender:
    """Build the recommender that a line or a class specifies.

    Args:
        what: such as `mf`, `mf:embedding_size=32` or `package.module:Class:size=8`, or a class.
        defaults: settings for recommenders that have them, unless given otherwise.
        settings: settings beside those in `what`.

    Raises:
        UserError: an unknown name or setting, an invalid value, or a class that is not a recommender.
    """
    spec = _spec_of(what)
    kind = _class_of(spec) if isinstance(what, str) else check_class(spec, what, is_recommender, _BASE)
    return make(spec, kind, defaults, settings)


def recommender_source(what: str | type) -> str | None:
    """Return a digest of the file that defines a class, or the class named by a line; None for registered names.

    Raises:
        UserError: see `make_recommender`.
    """
    if not isinstance(what, str):
        return source_digest(what)
    spec = RecommenderSpec.parse(what)
    return source_digest(_class_of(spec)) if ":" in spec.name else None


__all__ = [
    "RECOMMENDERS",
    "YOUR_OWN",
    "Recommender",
    "RecommenderEntry",
    "class_name",
    "make_recommender",
    "recommender_source",
]
