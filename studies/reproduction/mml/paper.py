"""Everything that the paper publishes: its tables as data, to be put beside ours.

Multi-Margin Loss: Proposal and Application in Recommender Systems, arXiv 2405.04614. Names of models, data sets and
losses are those of this house.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

DATASETS = ("yelp18", "gowalla")
#: Goes on behind the name of a data set where it is another split than the published one.
OTHER = "-other"
#: What it trains for where training is not stopped early, and with how many negatives unless it says otherwise.
EPOCHS, NEGATIVES = 100, 100
#: Epochs without a better one after which training stops early.
PATIENCE = 3


class Performance(NamedTuple):
    """How a training does on the test part."""

    recall: float
    """Recall@20."""
    ndcg: float
    """NDCG@20."""


class Runtime(NamedTuple):
    """How long a training of MF takes on a P100."""

    seconds: float
    """Of an epoch."""
    minutes: float
    """Of 100 epochs, which the paper rounds."""


def _on_both(*values: float) -> dict[str, Performance]:
    """Recall and NDCG on Yelp, then on Gowalla."""
    return {name: Performance(*values[2 * i : 2 * i + 2]) for i, name in enumerate(DATASETS)}


#: (model, loss, whether it is stopped early) -> data set -> how it does, with 100 negatives.
TABLE_2: Mapping[tuple[str, str, bool], Mapping[str, Performance]] = {
    ("simplex", "CCL", True): _on_both(0.0634, 0.0517, 0.1622, 0.1283),
    ("simplex", "CCL", False): _on_both(0.0679, 0.0555, 0.1663, 0.1319),
    ("simplex", "MML", True): _on_both(0.0662, 0.0539, 0.1723, 0.1358),
    ("simplex", "MML", False): _on_both(0.0706, 0.0578, 0.1787, 0.1412),
    ("mf", "CCL", True): _on_both(0.0601, 0.0490, 0.1632, 0.1279),
    ("mf", "CCL", False): _on_both(0.0673, 0.0551, 0.1783, 0.1426),
    ("mf", "MML", True): _on_both(0.0674, 0.0550, 0.1756, 0.1370),
    ("mf", "MML", False): _on_both(0.0702, 0.0580, 0.1816, 0.1435),
}

#: (negatives, loss) -> data set -> how long it takes.
TABLE_3: Mapping[tuple[int, str], Mapping[str, Runtime]] = {
    (800, "CCL"): {"yelp18": Runtime(77.5, 129), "gowalla": Runtime(66, 110)},
    (800, "MML"): {"yelp18": Runtime(78.5, 130), "gowalla": Runtime(64, 107)},
    (100, "CCL"): {"yelp18": Runtime(35, 58), "gowalla": Runtime(37, 62)},
    (100, "MML"): {"yelp18": Runtime(35, 58), "gowalla": Runtime(37.5, 63)},
    (10, "CCL"): {"yelp18": Runtime(31, 51), "gowalla": Runtime(32, 53)},
    (10, "MML"): {"yelp18": Runtime(33, 55), "gowalla": Runtime(33.5, 56)},
}

#: Loss -> data set -> how MF does with it, with 100 negatives and 100 epochs.
TABLE_4: Mapping[str, Mapping[str, Performance]] = {
    "BPR": _on_both(0.0272, 0.0216, 0.0708, 0.0509),
    "hinge": _on_both(0.0340, 0.0269, 0.0758, 0.0541),
    "SCE": _on_both(0.0309, 0.0246, 0.0734, 0.0543),
    "MSE": _on_both(0.0609, 0.0502, 0.1391, 0.1171),
    "CCL": _on_both(0.0673, 0.0551, 0.1783, 0.1426),
    "BSL": _on_both(0.0703, 0.0580, 0.1804, 0.1521),
    "MML": _on_both(0.0702, 0.0580, 0.1816, 0.1435),
}

#: Figure 3 is a picture; of its numbers the text tells those of 100 negatives (Table 4), and by how much MML is above
#: CCL with 10 of them, in percent.
FIGURE_3_LOSSES, FIGURE_3_NEGATIVES = ("CCL", "BSL", "MML"), (10, 100, 800)
FIGURE_3_GAINS: Mapping[str, Performance] = {"yelp18": Performance(19.5, 20.13), "gowalla": Performance(12.99, 15.07)}
