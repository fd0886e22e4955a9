"""Every registered back end keeps the contract, with MF and MLP."""

from recommenders.backends.registry import BACKENDS
from recommenders.models.mf import MF
from recommenders.models.mlp import MLP
from recommenders.testing.backend import BackendContract

RECOMMENDERS = {"MF": MF(3), "LargeMF": MF(), "MLP": MLP(3, (6, 4), dropout=0.2), "PlainMLP": MLP(16, (5,), dropout=0)}


def contract_of(name, recommender):
    """Torch's products of many matrices round by where in memory each stands."""
    exact = name != "torch" or isinstance(recommender, MF)
    return type("Test", (BackendContract,), {"backend": BACKENDS[name], "recommender": recommender, "exact": exact})


for _backend in BACKENDS:
    for _label, _recommender in RECOMMENDERS.items():
        globals()[f"Test{_backend.title()}{_label}"] = contract_of(_backend, _recommender)
