"""Published data that may not be passed on: tests and benchmarks use them where somebody has them."""

import os
from pathlib import Path

import pytest

#: The environment variable that names the folder with gowalla, yelp2018 and others.
VARIABLE = "LOSS_SEARCH_DATA"
ROOT = Path(__file__).parents[1]


def find_published(name: str) -> Path | None:
    """The folder of a data set: in $LOSS_SEARCH_DATA, or in shared/data in the checkout or beside it."""
    given = os.environ.get(VARIABLE)
    places = [Path(given)] if given else [ROOT / "shared" / "data", ROOT.parent / "shared" / "data"]
    return next((place / name for place in places if (place / name).is_dir()), None)


def published(name: str) -> Path:
    """The same, for tests, which are skipped where it is missing."""
    folder = find_published(name)
    if folder is None:
        pytest.skip(f"no {name}: {VARIABLE} names the folder that has it")
    return folder
