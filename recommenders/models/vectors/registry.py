"""The registry of models of vectors. To add one, write a frozen dataclass of VectorModel in a file here, and a row."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from recommenders.models.vectors.lightgcn import LightGCN
from recommenders.models.vectors.mf import VectorMF
from recommenders.models.vectors.model import VectorModel
from recommenders.models.vectors.simplex import SimpleX

VECTOR_MODELS: Mapping[str, type[VectorModel]] = MappingProxyType(
    {"mf": VectorMF, "simplex": SimpleX, "lightgcn": LightGCN}
)
