"""An evaluation that ends in seconds and goes through all stages."""

from studies.common.command import exit_code
from studies.evaluate import app
from studies.evaluation.evaluation import Evaluation
from studies.evaluation.settings import EvaluateSettings
from studies.execution.task import TaskFactory
from studies.study.parts import compose
from studies.study.study import Study
from tests.studies.execution.small import small_runner
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
    return compose(EvaluateSettings, OPTIONS | changes)


def judge(folder, jobs=1, callbacks=(), **changes):
    """The outcome, computed in this process unless there are more jobs."""
    settings = small_evaluation(**changes)
    with small_runner(folder / "parts", jobs, callbacks) as runner:
        return Evaluation(settings, Study(settings.study).losses.task, TaskFactory(None), runner).run()


def run_command(*words, **changes):
    """The exit code of the command."""
    words = [*as_words(OPTIONS | changes), "--jobs", "1", *words]
    return exit_code(lambda: app(words, exit_on_error=False, print_error=False))
