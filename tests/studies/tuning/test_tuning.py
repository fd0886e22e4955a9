"""A tuning from beginning to end, with values that are known beforehand; and real parts."""

import pytest

from studies.execution.task import TaskFactory
from studies.tuning.storage import open_storage
from studies.tuning.trials import Trials
from studies.tuning.tuning import TuneCallback, Tuning
from tests.studies.execution.small import small_runner
from tests.studies.tuning.small import SEARCH, small_tuning


class Diary(TuneCallback):
    def __init__(self):
        self.phases, self.tried, self.bests = [], [], []

    def on_phase(self, text):
        self.phases.append(text)

    def on_trial(self, tried, best):
        self.tried.append(tried.number)
        self.bests.append(best.number)


def kept_trials(folder, settings):
    return Trials(open_storage(None, folder / "optuna-journal.log"), "here", "s", {}, settings)


def run(folder, settings, jobs=2):
    trials = kept_trials(folder, settings)
    with small_runner(folder / "parts", jobs) as runner:
        return Tuning(settings, trials, TaskFactory(None), runner).run()


class Known:
    """A runner that trains nothing: epsilon 0.01 is best, and seeds differ."""

    def __init__(self):
        self.asked, self.told = [], []

    def results(self, text, tasks):
        self.told.append(text)
        self.asked.append([task.content["repeat"] for task in tasks])
        for task in tasks:
            value = 0.9 - abs(task.content["loss"]["epsilon"] - 0.01) + task.content["repeat"] / 1000
            yield task, {"validation": {"auc": value}}


def go(folder, callback, **changes):
    settings = small_tuning(**({"trials": 8, "seeds": 6} | changes))
    folder.mkdir(exist_ok=True)
    trials = kept_trials(folder, settings)
    known = Known()
    return Tuning(settings, trials, TaskFactory(None), known, [callback]).run(), known


def test_callbacks_see_everything_and_the_best_is_chosen(tmp_path):
    diary = Diary()
    result, known = go(tmp_path, diary)
    assert diary.tried == list(range(8))
    assert known.told[0] == "Trial 0: epsilon 1e-06"
    assert result.chosen.number == diary.bests[-1]
    assert not result.chosen.pruned
    assert result.chosen.value == max(tried.value for tried in result.trials if not tried.pruned)
    assert result.trials[0].params == {"epsilon": 1e-6}
    assert (len(result.best), len(result.present)) == (2, 2)
    assert known.asked[-1] == [6, 7], "other seeds than those that chose"


def test_seeds_come_in_an_order_of_their_own_for_every_trial(tmp_path):
    _, known = go(tmp_path, Diary(), prune=0.0)
    orders = known.asked[:8]
    assert all(sorted(order) == list(range(6)) for order in orders)
    assert len({tuple(order) for order in orders}) > 4


def test_more_trials_go_on_where_fewer_ended(tmp_path):
    go(tmp_path / "grown", Diary(), trials=3)
    diary = Diary()
    grown, known = go(tmp_path / "grown", diary)
    whole, _ = go(tmp_path / "whole", Diary())
    assert [text.split(":")[0] for text in known.told[:5]] == [f"Trial {i}" for i in range(3, 8)]
    assert diary.tried == list(range(8))
    assert grown.to_dict() == whole.to_dict()


@pytest.mark.services
def test_the_result_does_not_depend_on_the_number_of_processes(tmp_path):
    settings = small_tuning(seeds=5, trials=2)
    contents = []
    for jobs in (1, 3):
        (tmp_path / str(jobs)).mkdir()
        contents.append(run(tmp_path / str(jobs), settings, jobs=jobs).to_dict())
    assert contents[0] == contents[1]


@pytest.mark.parametrize("objective", ["search", "converged"])
def test_thresholds_of_a_search_are_tuned(tmp_path, objective):
    settings = small_tuning(**(SEARCH | {"vary": ("eta", "min_positive_rate"), "loss": None, "objective": objective}))
    result = run(tmp_path, settings)
    assert set(result.chosen.params) == {"eta", "min_positive_rate"}
    assert result.trials[0].params == {"eta": 0.001, "min_positive_rate": 0.9}
    assert all(0.4 < value < 1 for tried in result.trials for value in tried.per_seed.values())


@pytest.mark.parametrize(("task", "worst"), [("classification", 0.0), ("regression", 1.0)])
@pytest.mark.parametrize("validation", [{}, {"auc": None, "rmse": None}])
def test_a_training_that_broke_down_counts_as_the_worst(tmp_path, monkeypatch, task, worst, validation):
    def broken(executor, tasks, on_progress):
        yield from ((task, {"validation": validation}) for task in tasks)

    monkeypatch.setattr("studies.execution.executor.InlineExecutor.run", broken)
    result = run(tmp_path, small_tuning(trials=2, task=task, confirm=0), jobs=1)
    assert [tried.value for tried in result.trials] == [worst, worst]
