"""Adult and Bank Marketing of the UCI repository, which AutoCross and others report results on.

Becker and Kohavi, Adult, 1996; Moro, Cortez and Rita, Decision Support Systems 62, 2014. Both are CC BY 4.0; nothing is
fetched. Other versions go by the same names, hence the check.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from core.common.errors import UserError
from recommenders.data.fields.options import FieldOptions
from recommenders.data.fields.reading import FieldSource, FieldTable, read_fields
from recommenders.data.opening import open_binary
from recommenders.data.text_table import TextTable

_BLOCK = 2**20
_ADULT = (
    *("age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation", "relationship"),
    *("race", "sex", "capital-gain", "capital-loss", "hours-per-week", "native-country", "income"),
)
_CLIENT = ("age", "job", "marital", "education", "default")
_ECONOMY = ("emp.var.rate", "cons.price.idx", "cons.conf.idx", "euribor3m", "nr.employed")


@dataclass(frozen=True)
class PublishedFields:
    """The files of a published table of fields."""

    title: str
    """The name in papers."""
    files: Mapping[str, tuple[str, bool]]
    """Of each file the SHA-256 of its content, unpacked, and whether its first line is no row; where there are two,
    the second one is the test part."""
    columns: tuple[str, ...]
    """Their names, the target last."""
    separator: str
    """Between columns."""
    positive: str
    """The value of the target that is predicted."""
    test_share: float
    """The share of the test part at random; that of AutoCross for Bank: 13,729 of 41,188 rows."""
    source: str
    """Where to get it."""


#: name -> files.
PUBLISHED: Mapping[str, PublishedFields] = MappingProxyType(
    {
        "adult": PublishedFields(
            "Adult (UCI)",
            {
                "adult.data": ("5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d", False),
                "adult.test": ("a2a9044bc167a35b2361efbabec64e89d69ce82d9790d2980119aac5fd7e9c05", True),
            },
            _ADULT,
            ",",
            ">50K",
            1 / 3,
            "adult.zip of archive.ics.uci.edu/dataset/2",
        ),
        "bank": PublishedFields(
            "Bank Marketing with the state of the economy (UCI), the Bank of AutoCross",
            {"bank-additional-full.csv": ("74adfc578bf77a7ff4bb1ba4a9f8709d9e3c6907342959c2c8416847e0afb4d8", True)},
            (
                *(*_CLIENT, "housing", "loan", "contact", "month", "day_of_week", "duration", "campaign", "pdays"),
                *("previous", "poutcome", *_ECONOMY, "y"),
            ),
            ";",
            "yes",
            1 / 3,
            "bank-additional.zip within archive.ics.uci.edu/dataset/222",
        ),
        "bank-full": PublishedFields(
            "Bank Marketing (UCI), the older file",
            {"bank-full.csv": ("d1513ec63b385506f7cfce9f2c5caa9fe99e7ba4e8c3fa264b3aaf0f849ed32d", True)},
            (
                *(*_CLIENT, "balance", "housing", "loan", "contact", "day", "month", "duration", "campaign", "pdays"),
                *("previous", "poutcome", "y"),
            ),
            ";",
            "yes",
            1 / 3,
            "bank.zip within archive.ics.uci.edu/dataset/222",
        ),
    }
)


def read_published_fields(data: Path | None, name: str, options: FieldOptions) -> FieldTable:
    """Read a published table; another file under its name gets a warning.

    Args:
        data: the folder with its files, packed or not.
        name: a key of PUBLISHED.
        options: which columns are left out, or are categories.

    Raises:
        UserError: no folder is given, a file is missing, or it cannot be read.
    """
    published = PUBLISHED[name]
    if data is None:
        raise UserError(
            f"data set {name}: expected the folder with its {' and '.join(published.files)}, got none; give it with "
            f"--data (it is in {published.source})"
        )
    sources, doubts = [], list[str]()
    for file, (digest, has_header) in published.files.items():
        path = _find(data, file, name)
        if sha256(path) != digest:
            doubts.append(
                f"warning: {file} is not the published file: do not compare results on it with published ones"
            )
        table = TextTable(path, published.separator, len(published.columns), has_header)
        sources.append(FieldSource(table, published.columns))
    chosen = replace(options, target=published.columns[-1], positive=published.positive)
    found = read_fields(sources, chosen, spelling=lambda text: text.rstrip("."))  # adult.test has >50K.
    return replace(found, notes=(*doubts, *found.notes))


def _find(data: Path, file: str, name: str) -> Path:
    places = [data] if data.is_file() and data.name.startswith(file) else [data / file, data / f"{file}.gz"]
    for place in places:
        if place.is_file():
            return place
    raise UserError(f"data set {name}: expected {file} or {file}.gz in {data}, got neither; give the folder with it")


def sha256(path: Path) -> str:
    """Return the SHA-256 of the content of a file, unpacked if it is packed, in hexadecimal.

    Raises:
        UserError: it cannot be read.
    """
    found = hashlib.sha256()
    with open_binary(path) as file:
        while block := file.read(_BLOCK):
            found.update(block)
    return found.hexdigest()
