"""What can be set about the data.

The annotations are objects and not strings, see `studies.study.settings`.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, Self

from cyclopts import Parameter

from core.common.errors import UserError
from core.common.secrets import masked_url
from recommenders.data import DATASETS, TABLE, DataFiles, TableOptions, dataset_name, table_name
from recommenders.data.options import option

_URL = re.compile(r"([a-z][a-z0-9+.-]+:)/")  # a path has lost a slash of it


def listed(what: str, registry: Mapping[str, Any]) -> str:
    """A sentence with all names of a registry, so that a new row is in --help at once."""
    return f"{what}: " + "; ".join(f"{name} ({entry.about})" for name, entry in registry.items()) + "."


@dataclass(frozen=True, kw_only=True)
class DataSettings(TableOptions):
    """Which data, and how a table of one's own is read."""

    dataset: Annotated[
        str | None, Parameter(help=listed("The data, ml-100k unless given, or table where --data is given", DATASETS))
    ] = None

    def on(self, data: DataFiles) -> Self:
        """These settings with the name of the data set that they mean where these files are given."""
        return replace(self, dataset=dataset_name(self.dataset, data.data))

    def data_name(self, data: DataFiles) -> str:
        """What the data set is called where results are kept: a table has the name of its file."""
        name = dataset_name(self.dataset, data.data)
        return table_name(data.data) if name == TABLE and data.data is not None else name

    @property
    def table_options(self) -> TableOptions:
        """How a table is read."""
        return TableOptions(**{f.name: getattr(self, f.name) for f in fields(TableOptions)})


def refuse_url(asked: str, path: object) -> None:
    """Say that nothing is fetched.

    Args:
        asked: what named the path, for the message.
        path: where a table should be.

    Raises:
        UserError: it is a URL.
    """
    if isinstance(path, Path) and _URL.match(str(path)) and not os.path.exists(path):
        url = masked_url(_URL.sub(r"\1//", str(path)))
        raise UserError(f"{asked}: expected a file, got the URL {url}; fetch it and give the file")


@dataclass(frozen=True, kw_only=True)
class DataPlaces:
    """Where the data are.

    Raises:
        UserError: see DataFiles; one is a URL.
    """

    data: Path | None = None
    """The raw file of the data set, or a table of your own: CSV, TSV or Parquet."""
    validation_data: Path | None = None
    """The validation part, where the parts of a table are files of their own; --data is the training part then."""
    test_data: Path | None = None
    """The test part of such a table."""

    def __post_init__(self) -> None:
        """Check that all parts are there, and files."""
        for f in fields(DataPlaces):
            refuse_url(option(f.name), getattr(self, f.name))
        _ = self.files

    @property
    def files(self) -> DataFiles:
        """The files of the data set."""
        return DataFiles(data=self.data, validation=self.validation_data, test=self.test_data)


#: The options that name files.
DATA_PLACES = tuple(f.name for f in fields(DataPlaces))
