"""A comparison that ends in seconds and goes through all stages."""

from studies.comparison.comparison import Comparison
from studies.comparison.settings import CompareSettings
from studies.execution.runner import TaskCallback
from studies.study.parts import compose
from tests.studies.execution.small import small_runner
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


def comparison_settings(**changes):
    return compose(CompareSettings, OPTIONS | changes)


def small_comparison(**changes):
    return Comparison(comparison_settings(**changes), None)


def run_comparison(folder, callbacks=(), jobs=2, comparison=None, accept_other_code=False, **changes):
    """The outcome of a small comparison whose results are kept in the folder."""
    with small_runner(folder, jobs, callbacks, accept_other_code) as runner:
        return (comparison or small_comparison(**changes)).run(runner, "again")


def small_arguments(**changes):
    """The same as a command line."""
    return as_words(OPTIONS | changes)


class Diary(TaskCallback):
    """Writes down what it is told; may cut the comparison short."""

    def __init__(self, interrupt_after=None):
        self.stages, self.progress, self.new = [], [], []
        self._there, self._interrupt_after = 0, interrupt_after

    def on_stage(self, text, tasks, done):
        self.stages.append((len(tasks), done))
        self._there = done

    def on_progress(self, task, share):
        self.progress.append((task.label, share))

    def on_part(self, task, result):
        if self._there:
            self._there -= 1
            return
        self.new.append(task.label)
        if len(self.new) == self._interrupt_after:
            raise KeyboardInterrupt
