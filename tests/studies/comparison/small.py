"""A comparison that ends in seconds and goes through all stages."""

from studies.execution.laboratory import Watcher
from studies.execution.workplace import Workplace

from studies.comparison.contest import Contest
from studies.comparison.settings import CompareSettings
from tests.studies.small import as_words

OPTIONS = {
    "searchers": "gp,random",
    "seeds": 2,
    "dataset": "synthetic",
    "trainings": 6,
    "candidates_per_step": 4,
    "repeats": 2,
    "max_epochs": 3,
    "epsilon": (0.001, 0.1),
    "baseline": ("BCE", "MaxR"),
    "noise_seeds": 2,
}


def small_comparison(**changes):
    return CompareSettings(**(OPTIONS | changes))


def small_contest(folder, jobs=2, **changes):
    return Contest(small_comparison(**changes), Workplace(jobs, 1, None), folder)


def small_arguments(**changes):
    """The same as a command line."""
    return as_words(OPTIONS | changes)


class Diary(Watcher):
    """Writes down what it is told; may cut the comparison short."""

    def __init__(self, interrupt_after=None):
        self.stages, self.progress, self.new = [], [], []
        self._there, self._interrupt_after = 0, interrupt_after

    def on_stage(self, text, parts, done):
        self.stages.append((len(parts), done))
        self._there = done

    def on_progress(self, part, share):
        self.progress.append((part.label, share))

    def on_part(self, part, found):
        if self._there:
            self._there -= 1
            return
        self.new.append(part.label)
        if len(self.new) == self._interrupt_after:
            raise KeyboardInterrupt
