"""An evaluation that ends in seconds and goes through all stages."""

from studies.execution.laboratory import Laboratory
from studies.execution.making import PartMaker
from studies.execution.part import PartsFolder
from studies.execution.workers import Workers
from studies.execution.workplace import Workplace

from studies.common.command import exit_code
from studies.evaluate import app
from studies.evaluation.judgement import Judgement
from studies.evaluation.settings import EvaluateSettings
from studies.execution.work import do
from studies.study.study import Study
from tests.studies.small import as_words

OPTIONS = {
    "loss": ("MaxR",),
    "baseline": ("BCE",),
    "dataset": "synthetic",
    "trials": 4,
    "tuning_seeds": 1,
    "seeds": 2,
    "max_epochs": 3,
    "epsilon": (0.001, 0.1),
}


def small_evaluation(**changes):
    return EvaluateSettings(**(OPTIONS | changes))


def judge(folder, jobs=1, **changes):
    """The outcome, computed in this process unless there are more jobs."""
    settings = small_evaluation(**changes)
    place = Workplace(jobs, 1, None, keep=folder / "parts")
    with Workers(place, do) if jobs > 1 else Here(place) as workers:
        laboratory = Laboratory(place, PartsFolder(folder / "parts"), workers, [])
        return Judgement(settings, Study(settings.study).task, PartMaker(None), laboratory).run()


class Here:
    """Workers without processes."""

    def __init__(self, place):
        self._place, self.computed = place, []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def compute(self, parts, on_progress):
        for part in parts:
            yield part, do(part, self._place, lambda share: None)


def run_command(*words, **changes):
    """The exit code of the command."""
    words = [*as_words(OPTIONS | changes), "--jobs", "1", *words]
    return exit_code(lambda: app(words, exit_on_error=False, print_error=False))
