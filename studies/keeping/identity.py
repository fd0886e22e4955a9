"""What decides over a result, as digests: the data and the sources."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import numpy as np

from recommenders.data.dataset import Dataset

_ROOT = Path(__file__).parents[2]


def data_digest(dataset: Dataset) -> str:
    """Of the content of every part of a data set."""
    digest = hashlib.blake2b(f"{dataset.n_users} {dataset.n_items}".encode(), digest_size=16)
    for part in (dataset.train, dataset.validation, dataset.test):
        for column in (part.user, part.item, part.label):
            digest.update(f"{column.dtype} {len(column)};".encode())
            digest.update(np.ascontiguousarray(column).data)
    return digest.hexdigest()


@cache
def code_digest(*rooms: str) -> str:
    """Of the sources in these rooms."""
    digest = hashlib.sha256()
    for path in sorted(path for room in rooms for path in (_ROOT / room).rglob("*.py")):
        digest.update(path.relative_to(_ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
