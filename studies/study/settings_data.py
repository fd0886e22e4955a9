"""What can be set about the data.

The annotations are objects and not strings, see `studies.study.settings`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Self

from cyclopts import Parameter

from recommenders.data import DATASETS, TABLE, DataFiles, Dataset, TableOptions, dataset_name, load_dataset, table_name
from studies.study.parts import PART


def listed(what: str, registry: Mapping[str, Any]) -> str:
    """A sentence with all names of a registry, so that a new row is in --help at once."""
    return f"{what}: " + "; ".join(f"{name} ({entry.about})" for name, entry in registry.items()) + "."


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """Which data, and how a table of one's own is read."""

    table: Annotated[TableOptions, PART] = field(default_factory=TableOptions)
    dataset: Annotated[
        str | None, Parameter(help=listed("The data, ml-100k unless given, or table where --data is given", DATASETS))
    ] = None

    def on(self, files: DataFiles) -> Self:
        """Return these settings with the name of the data set that they mean where these files are given."""
        return replace(self, dataset=dataset_name(self.dataset, files.data))

    def load(self, files: DataFiles, seed: int) -> Dataset:
        """Return the data set.

        Args:
            files: where it needs some.
            seed: of random splits and negatives.

        Raises:
            UserError: see load_dataset.
        """
        return load_dataset(dataset_name(self.dataset, files.data), files, seed, self.table)

    def name_on(self, files: DataFiles) -> str:
        """Return what the data set is called where results are kept: a table has the name of its file."""
        name = dataset_name(self.dataset, files.data)
        return table_name(files.data) if name == TABLE and files.data is not None else name
