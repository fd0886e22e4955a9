"""Negatives for training on rankings: what a positive is compared with. To add a sampler, write a class and a row.

Every draw is a function of the seed and of the number of the example: the negatives of an epoch depend neither on
batches nor on who draws them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from core.common.errors import UserError
from core.common.specification import Specification, make_registered
from recommenders.data.implicit.draws import Alias, alias_table, draw_private, draw_shared
from recommenders.data.implicit.user_items import UserItems

#: The most negatives of a positive.
MOST = 100_000


@dataclass(frozen=True)
class Sampler(ABC):
    """Draws negatives. Its fields are its settings.

    Raises:
        UserError: a setting is out of range.
    """

    shared: ClassVar[bool] = False
    """Whether all positives of a batch have the same negatives."""
    about: ClassVar[str]
    """A phrase for --help."""

    negatives: int = 100
    """Negatives of a positive, or of a batch where they are shared."""

    def __post_init__(self) -> None:
        """Check the settings."""
        self._check("negatives", 1, MOST)

    def _check(self, name: str, low: float, high: float) -> None:
        value = getattr(self, name)
        if not low <= value <= high:
            raise UserError(f"sampler: {name}: expected {low:,g} to {high:,g}, got {value}")

    @property
    def drawn(self) -> int:
        """The items that are drawn for a positive, of which the `negatives` highest scored are kept."""
        return self.negatives

    def doubts(self, n_items: int) -> tuple[str, ...]:
        """Return a sentence if more items are drawn than there are, and than usual, else nothing.

        Args:
            n_items: the number of items.
        """
        if self.drawn <= max(n_items, type(self)().drawn):
            return ()
        return (
            f"{self.drawn:,} negatives of {n_items:,} items: they repeat each other, and more of them make training "
            "slower and nothing better",
        )

    @abstractmethod
    def prepare(self, train: UserItems, n_items: int) -> PreparedSampler:
        """Return a sampler of the negatives of one training part.

        Args:
            train: the items of every user.
            n_items: the number of items.
        """


@dataclass(frozen=True, eq=False)
class PreparedSampler:
    """Draws the negatives of one training part."""

    sampler: Sampler
    alias: Alias
    """Of the items."""
    excluded: UserItems | None
    """Items that are not drawn for a user; None: every item may be."""

    def draw(self, seed: int, users: np.ndarray, first: int) -> np.ndarray:
        """Draw the negatives of the examples of a batch.

        Args:
            seed: of the epoch.
            users: [B] of the examples.
            first: the number of the first of them in the epoch.

        Returns:
            Items [B, drawn], or [negatives] where they are shared, int32.
        """
        start = np.uint64(seed)
        if self.sampler.shared:
            items = np.empty(self.sampler.negatives, dtype=np.int32)
            draw_shared(start, first, self.alias, items)
            return items
        items = np.empty((len(users), self.sampler.drawn), dtype=np.int32)
        draw_private(start, first, users, self.alias, self.owned, self.excluded is None, items)
        return items

    @property
    def owned(self) -> tuple[np.ndarray, np.ndarray]:
        """`indptr` and `items` of what is excluded, see `UserItems`; empty where nothing is."""
        if self.excluded is None:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int32)
        return self.excluded.indptr, self.excluded.items


def _by_popularity(train: UserItems, n_items: int, power: float) -> Alias:
    """Return the distribution of items by their popularity to a power; 0: uniform."""
    return alias_table(np.bincount(train.items, minlength=n_items).astype(np.float64) ** power)


@dataclass(frozen=True)
class Shared(Sampler):
    """See Sampler."""

    shared: ClassVar[bool] = True
    about: ClassVar[str] = "the same for all positives of a batch: products of matrices, by far the fastest"

    negatives: int = 256
    """Negatives of a batch."""
    power: float = 0.0
    """Items are drawn by their popularity to this power; 0: uniformly."""

    def __post_init__(self) -> None:
        """Check the settings."""
        super().__post_init__()
        self._check("power", 0, 10)

    def prepare(self, train: UserItems, n_items: int) -> PreparedSampler:
        """See Sampler."""
        return PreparedSampler(self, _by_popularity(train, n_items, self.power), None)


@dataclass(frozen=True)
class Uniform(Sampler):
    """See Sampler."""

    about: ClassVar[str] = "for every positive its own, all items as likely, as in the papers"

    exclude_positives: bool = False
    """Whether items that the user has in the training part are drawn again."""

    def prepare(self, train: UserItems, n_items: int) -> PreparedSampler:
        """See Sampler."""
        return self._private(train, n_items, 0.0)

    def _private(self, train: UserItems, n_items: int, power: float) -> PreparedSampler:
        alias = _by_popularity(train, n_items, power)
        return PreparedSampler(self, alias, train if self.exclude_positives else None)


@dataclass(frozen=True)
class Popularity(Uniform):
    """See Sampler."""

    about: ClassVar[str] = "for every positive its own, popular items more often"

    power: float = 0.75
    """Items are drawn by the number of users that have them to this power."""

    def __post_init__(self) -> None:
        """Check the settings."""
        super().__post_init__()
        self._check("power", 0, 10)

    def prepare(self, train: UserItems, n_items: int) -> PreparedSampler:
        """See Sampler."""
        return self._private(train, n_items, self.power)


@dataclass(frozen=True)
class Hard(Uniform):
    """See Sampler."""

    about: ClassVar[str] = "of a pool drawn uniformly for every positive, those with the highest scores"

    negatives: int = 10
    """Negatives of a positive."""
    pool: int = 100
    """Items that they are chosen from."""

    def __post_init__(self) -> None:
        """Check the settings."""
        super().__post_init__()
        self._check("pool", self.negatives, MOST)

    @property
    def drawn(self) -> int:
        """See Sampler."""
        return self.pool


@dataclass(frozen=True)
class NoNegatives(Sampler):
    """See Sampler. For losses that need none, so it has no name to choose it by."""

    shared: ClassVar[bool] = True
    about: ClassVar[str] = "none"

    negatives: int = 0

    def __post_init__(self) -> None:
        """Check the settings."""
        self._check("negatives", 0, 0)

    def prepare(self, train: UserItems, n_items: int) -> PreparedSampler:
        """See Sampler."""
        return PreparedSampler(self, _by_popularity(train, n_items, 0.0), None)


SAMPLERS: Mapping[str, type[Sampler]] = MappingProxyType(
    {"shared": Shared, "uniform": Uniform, "popularity": Popularity, "hard": Hard}
)


@dataclass(frozen=True)
class SamplerSpec(Specification):
    """See Specification."""

    kind: ClassVar[str] = "sampler"
    example: ClassVar[str] = "shared"


def parse_sampler(text: str) -> Sampler:
    """Return the sampler that a line such as `uniform:negatives=100` names.

    Raises:
        UserError: an unknown name or setting, or a value out of range.
    """
    return make_registered(SamplerSpec.parse(text), SAMPLERS)
