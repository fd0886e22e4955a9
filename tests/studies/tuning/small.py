"""A tuning that ends in seconds."""

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
    return TuneSettings(**(OPTIONS | changes))


def small_arguments(**changes):
    return as_words(OPTIONS | changes)
