"""A study that ends in seconds and goes through all three phases, by the paper's protocol unless said otherwise."""

from studies.study.settings import StudySettings
from studies.study.study import Study

OPTIONS = {
    "searcher": "random",
    "preset": "fast",
    "dataset": "synthetic",
    "trainings": 8,
    "candidates_per_step": 4,
    "finalists": 2,
    "repeats": 2,
    "max_epochs": 3,
    "epsilon": (0.001, 0.1),
    "baseline": ("BCE", "MaxR"),
}


def small_settings(**changes):
    return StudySettings.from_dict(OPTIONS | changes)


def run_small(*callbacks, **changes):
    return Study(small_settings(**changes)).run(list(callbacks))


def small_arguments(**changes):
    """The same as a command line, without a model, which takes seconds to keep."""
    return [*as_words(OPTIONS | changes), "--no-model"]


def as_words(options):
    """Options as on a command line."""
    words = []
    for name, value in options.items():
        for one in value if isinstance(value, tuple) else (value,):
            words += [f"--{name.replace('_', '-')}", str(one)]
    return words
