"""The published splits of Yelp2018 and Gowalla that LightGCN, SimpleX and others report results on.

Wang et al., Neural Graph Collaborative Filtering, SIGIR 2019; He et al., LightGCN, SIGIR 2020. Yelp's terms allow no
redistribution, so nothing is fetched. Other splits go by the same names, hence the check.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from core.common.errors import UserError
from recommenders.data.implicit.dataset import ImplicitDataset
from recommenders.data.implicit.lists import read_lists


@dataclass(frozen=True)
class PublishedSplit:
    """Counts and digest of a published split."""

    title: str
    """The name in papers."""
    n_users: int
    """The number of users."""
    n_items: int
    """The number of items."""
    n_train: int
    """Pairs of a user and an item in the training part."""
    n_test: int
    """Pairs in the test part."""
    digest: str
    """See `ImplicitDataset.digest`: of sorted items, whatever their order in the file."""
    source: str
    """Where to get it."""

    def doubts(self, data: ImplicitDataset) -> tuple[str, ...]:
        """Return a sentence if a data set is not this split, else nothing."""
        if data.digest() == self.digest:
            return ()
        own = (self.n_users, self.n_items, self.n_train, self.n_test)
        got = (data.n_users, data.n_items, len(data.train), len(data.test))
        if got == own:
            what = f"its counts are those of the published split of {self.title}, its pairs are others"
        else:
            what = f"the published split of {self.title} has {_counts(own)}, this one has {_counts(got)}"
        return (f"{what}: do not compare results on it with published ones",)


def _counts(counts: tuple[int, ...]) -> str:
    names = ("users", "items", "training and", "test pairs")
    return ", ".join(f"{n:,} {name}" for n, name in zip(counts, names, strict=True)).replace("and,", "and")


#: name -> split.
PUBLISHED: Mapping[str, PublishedSplit] = MappingProxyType(
    {
        "yelp18": PublishedSplit(
            "Yelp2018 (Yelp18_m1)", 31_668, 38_048, 1_237_259, 324_147, "21c7f849b8894d481b04a66ecbd5a6a6",
            "data/yelp2018.tar.gz of github.com/junkangwu/BSL, or Data/yelp2018 of github.com/kuandeng/LightGCN",
        ),
        "gowalla": PublishedSplit(
            "Gowalla (Gowalla_m1)", 29_858, 40_981, 810_128, 217_242, "a59d729188c3aaa5a5da0caf9d56a539",
            "data/gowalla of github.com/gusye1234/LightGCN-PyTorch, or Data/gowalla of github.com/kuandeng/LightGCN",
        ),
    }
)  # fmt: skip


def load_published(data: Path | None, name: str) -> ImplicitDataset:
    """Read a published split, without a validation part; another one under its name gets a warning.

    Args:
        data: the folder with train.txt and test.txt.
        name: a key of PUBLISHED.

    Raises:
        UserError: no folder is given, or it cannot be read.
    """
    split = PUBLISHED[name]
    if data is None:
        raise UserError(
            f"data set {name}: expected the folder with its train.txt and test.txt, got none; give it with --data (it "
            f"is in {split.source})"
        )
    found = read_lists(data, name)
    return replace(found, warnings=(*found.warnings, *split.doubts(found)))
