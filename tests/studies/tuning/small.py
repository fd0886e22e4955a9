"""A tuning that ends in seconds."""

from types import SimpleNamespace

from recommenders.tasks.metrics import METRICS
from studies.study.parts import compose
from studies.study.settings import StudySettings
from studies.tuning.settings import TuneSettings
from tests.studies.small import as_words

OPTIONS = {
    "dataset": "synthetic",
    "loss": "log(y_hat/(y))^2",
    "trials": 3,
    "seeds": 2,
    "confirm": 2,
    "max_epochs": 4,
}
SEARCH = {
    "dataset": "synthetic",
    "searcher": "random",
    "trainings": 4,
    "candidates_per_step": 2,
    "trials": 2,
    "seeds": 2,
    "confirm": 0,
    "max_epochs": 3,
    "epsilon": (0.1,),
}


def small_tuning(**changes):
    return compose(TuneSettings, OPTIONS | changes)


def small_arguments(**changes):
    return as_words(OPTIONS | changes)


def varied(*tunables, metric="auc", seed=0, prune=0.1):
    """What trials read of the settings of a tuning, for tunables that no tuning has."""
    return SimpleNamespace(tunables=tunables, chosen_by=METRICS[metric], study=StudySettings(seed=seed), prune=prune)
