"""How tasks and their results come together, on made-up results."""

import math

import pytest

from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from core.search.search import StopReason
from searchers.genetic import GeneticSettings
from studies.comparison.comparison import Comparison
from studies.execution.task import TaskFactory, data_file_digest, grouped
from tests.studies.comparison.small import comparison_settings

SPACE = OperatorSpace()
FUNNEL = {"sampled": 10, "trained": 2}


def found_run(*formulas, best=0.7):
    return {
        "steps": [{"candidate_epochs": 6, "seconds": 1.0, "best": best, "metrics": {}}],
        "start": 0.5,
        "funnel": FUNNEL,
        "stop": StopReason.TRAININGS.value,
        "seconds": {"searcher": 0.1, "training": 0.8, "other": 0.1},
        "finalists": [{"genome": SPACE.encode(LossProgram.parse(text)).tolist()} for text in formulas],
    }


def fitted(score, test=0.8):
    return {"validation": {"auc": score}, "test": {"auc": test}, "best_epoch": 1}


BROKEN = {"validation": {}, "test": {}, "best_epoch": 0}
RUNS = {
    ("gp", 0): found_run("log(y_hat)", "y_hat^2"),
    ("gp", 1): found_run("y_hat^2"),
    ("random", 0): found_run("1/(y_hat)"),
    ("random", 1): found_run(best=None),
}


class MadeUp:
    """A runner that trains nothing.

    Args:
        runs: results by (searcher, seed).
        score: of (name, epsilon, repeat), the result of a training or its validation metric.
    """

    def __init__(self, runs, score):
        self._runs, self._score, self.stages = runs, score, []

    def stage(self, text, tasks):
        self.stages.append(tasks)
        return [self._result(task) for task in tasks]

    def _result(self, task):
        if task.kind == "noise":
            return {"search": [0.5, None], "converged": [0.6, 0.7]}
        if task.kind == "run":
            settings = task.content["settings"]
            return self._runs[settings["searcher"], settings["seed"]]
        loss = task.content["loss"]
        scored = self._score(loss["name"], loss["epsilon"], task.content["repeat"])
        return scored if isinstance(scored, dict) else fitted(scored)


def run(score=lambda name, epsilon, repeat: 0.6, runs=RUNS, **changes):
    """The outcome of a comparison, and the tasks of its stages."""
    runner = MadeUp(runs, score)
    return Comparison(comparison_settings(**changes), None).run(runner, "again"), runner.stages


def losses(tasks):
    return [(task.content["loss"]["name"], task.content["loss"]["epsilon"]) for task in tasks]


def test_equal_losses_are_trained_once_and_with_all_smoothing_terms():
    _, (_, first, _) = run(finalists=2)
    assert losses(first) == [
        ("log(y_hat)", 0.001),
        ("log(y_hat)", 0.1),
        ("y_hat^2", None),
        ("1/(y_hat)", 0.001),
        ("1/(y_hat)", 0.1),
        ("BCE", None),
        ("MaxR", 0.001),
        ("MaxR", 0.1),
    ]


def test_losses_that_are_equal_but_written_otherwise_are_trained_once():
    runs = RUNS | {
        ("gp", 1): found_run("y_hat^2"),
        ("random", 1): found_run("y_hat*y"),
        ("gp", 0): found_run("y*y_hat"),
    }
    outcome, (_, first, _) = run(runs=runs)
    assert len([name for name, _ in losses(first) if name in ("y_hat*y", "y*y_hat")]) == 1
    assert outcome.of("random")[1].best == outcome.of("gp")[0].best


def test_the_smoothing_term_and_the_finalist_that_do_best_on_validation_go_on():
    scores = {("log(y_hat)", 0.1): 0.71, ("y_hat^2", None): 0.72, ("1/(y_hat)", 0.001): 0.73, ("MaxR", 0.1): 0.9}
    _, (_, _, later) = run(lambda name, epsilon, repeat: scores.get((name, epsilon), 0.6), finalists=2)
    assert losses(later) == [
        ("y_hat^2", None),  # the best of both runs of gp
        ("1/(y_hat)", 0.001),
        ("BCE", None),
        ("MaxR", 0.1),
    ]
    assert {task.content["repeat"] for task in later} == {1}


def test_numbers_reach_their_places():
    outcome, _ = run(
        lambda name, epsilon, repeat: fitted(0.6 + repeat / 10, test=repeat or 0.5), finalists=1, repeats=3
    )
    run_ = outcome.of("gp")[0]
    assert (run_.best.name, run_.best.validation, run_.best.test) == ("log(y_hat)", (0.6, 0.7, 0.8), (0.5, 1, 2))
    assert run_.best.complexity == 1
    assert outcome.of("random")[1].best is None
    assert math.isnan(outcome.of("random")[1].final)
    assert outcome.baselines[1].complexity == 7
    assert outcome.start == 0.5
    assert math.isnan(outcome.noise.search[1])


def test_training_that_breaks_down_loses_and_is_not_a_number():
    outcome, _ = run(lambda name, epsilon, repeat: BROKEN if epsilon != 0.1 else 0.6)
    assert outcome.of("random")[0].best.epsilon == 0.1
    assert all(math.isnan(value) for value in outcome.of("gp")[1].best.test)


def test_many_losses_are_trained_in_groups_that_do_not_depend_on_processes():
    products = [f"{'y_hat*(' * i}y_hat*y{')' * i}" for i in range(5)]
    formulas = [*products, *(f"log({product})" for product in products)]
    runs = {key: found_run(*formulas) for key in RUNS}
    _, (_, first, _) = run(runs=runs, finalists=10, epsilon=tuple(0.1 / 2**i for i in range(8)))
    assert [len(group) for group in grouped(first)] == [32, 22]


@pytest.mark.parametrize(
    ("changes", "same_noise", "same_runs"),
    [
        ({"baseline": ("MSE",)}, True, True),
        ({"repeats": 5}, True, True),
        ({"epsilon": (1.0,)}, True, True),
        ({"seeds": 4}, True, True),
        ({"noise_seeds": 3}, False, True),
        ({"trainings": 7}, True, False),
        ({"guess": ("y_hat",)}, True, False),
        ({"weight_decay": 1e-3}, False, False),
        ({"epochs_per_candidate": 5}, False, False),
    ],
    ids=str,
)
def test_parts_are_done_again_only_where_a_change_matters(changes, same_noise, same_runs):
    one, other = Comparison(comparison_settings(), None), Comparison(comparison_settings(**changes), None)
    assert (one.noise.file == other.noise.file) == same_noise
    assert ({task.file for task in one.runs} <= {task.file for task in other.runs}) == same_runs


def test_settings_of_a_searcher_that_are_not_written_decide_too(monkeypatch):
    before = {task.label: task.file for task in Comparison(comparison_settings(), None).runs}
    monkeypatch.setattr("studies.execution.task.check_searcher", lambda name: (name, GeneticSettings(n_elites=7)))
    after = {task.label: task.file for task in Comparison(comparison_settings(), None).runs}
    assert before["gp seed 0"] != after["gp seed 0"]


def test_the_data_decides_too(tmp_path):
    path = tmp_path / "ratings.csv"
    files = set()
    for text in ("a", "b"):
        path.write_text(text)
        files.add(TaskFactory(data_file_digest(path)).noise(comparison_settings().run("random", 0), "BCE", 2).file)
    assert len(files) == 2
