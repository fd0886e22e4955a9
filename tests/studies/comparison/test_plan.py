"""How parts come together, on made-up findings."""

import math

import pytest
from studies.comparison.plan import Plan

from core.programs.program import LossProgram
from core.search.search import StopReason
from searchers.genetic import GeneticSettings
from tests.studies.comparison.small import small_comparison

FUNNEL = {"sampled": 10, "trained": 2}


def found_run(*formulas, best=0.7):
    return {
        "steps": [{"candidate_epochs": 6, "seconds": 1.0, "best": best, "metrics": {}}],
        "start": 0.5,
        "funnel": FUNNEL,
        "stop": StopReason.TRAININGS.value,
        "seconds": {"searcher": 0.1, "training": 0.8, "other": 0.1},
        "finalists": [{"program": LossProgram.parse(text).to_dict()} for text in formulas],
    }


def fitted(score, test=0.8):
    return {"validation": {"auc": score}, "test": {"auc": test}, "best_epoch": 1, "score": score}


def plan_and_runs(runs, **changes):
    """Findings of the runs by (searcher, seed)."""
    plan = Plan(small_comparison(**changes), None)
    found = {plan.noise.file: {"search": [0.5, None], "converged": [0.6, 0.7]}}
    for part in plan.runs:
        settings = part.content["settings"]
        found[part.file] = runs[settings["searcher"], settings["seed"]]
    return plan, found


def train(parts, found, score):
    """Adds what training would come to: score(name, epsilon, repeat)."""
    for part in parts:
        repeat = part.content["repeat"]
        results = [score(entry["name"], entry["epsilon"], repeat) for entry in part.content["losses"]]
        found[part.file] = {"fitted": [one if isinstance(one, dict) else fitted(one) for one in results]}


RUNS = {
    ("gp", 0): found_run("log(y_hat)", "y_hat^2"),
    ("gp", 1): found_run("y_hat^2"),
    ("random", 0): found_run("1/(y_hat)"),
    ("random", 1): found_run(best=None),
}


def test_equal_losses_are_trained_once_and_with_all_smoothing_terms():
    plan, found = plan_and_runs(RUNS, finalists=2)
    (part,) = plan.first_finals(found)
    entries = [(entry["name"], entry["epsilon"]) for entry in part.content["losses"]]
    assert entries == [
        ("log(y_hat)", 0.001),
        ("log(y_hat)", 0.1),
        ("y_hat^2", None),
        ("1/(y_hat)", 0.001),
        ("1/(y_hat)", 0.1),
        ("BCE", None),
        ("MaxR", 0.001),
        ("MaxR", 0.1),
    ]


def test_the_smoothing_term_and_the_finalist_that_do_best_on_validation_go_on():
    scores = {("log(y_hat)", 0.1): 0.71, ("y_hat^2", None): 0.72, ("1/(y_hat)", 0.001): 0.73, ("MaxR", 0.1): 0.9}
    plan, found = plan_and_runs(RUNS, finalists=2)
    train(plan.first_finals(found), found, lambda name, epsilon, repeat: scores.get((name, epsilon), 0.6))
    (part,) = plan.later_finals(found)
    assert [(entry["name"], entry["epsilon"]) for entry in part.content["losses"]] == [
        ("y_hat^2", None),  # the best of both runs of gp
        ("1/(y_hat)", 0.001),
        ("BCE", None),
        ("MaxR", 0.1),
    ]
    assert part.content["repeat"] == 1


def test_numbers_reach_their_places():
    plan, found = plan_and_runs(RUNS, finalists=1, repeats=3)
    train(plan.first_finals(found), found, lambda name, epsilon, repeat: fitted(0.6, test=0.5))
    train(plan.later_finals(found), found, lambda name, epsilon, repeat: fitted(0.6 + repeat / 10, test=repeat))
    outcome = plan.outcome(found, {"name": "made up"}, "again")
    run = outcome.of("gp")[0]
    assert (run.best.name, run.best.validation, run.best.test) == ("log(y_hat)", (0.6, 0.7, 0.8), (0.5, 1, 2))
    assert run.best.complexity == 1
    assert outcome.of("random")[1].best is None
    assert math.isnan(outcome.of("random")[1].final)
    assert outcome.baselines[1].complexity == 7
    assert outcome.start == 0.5
    assert math.isnan(outcome.noise.search[1])


def test_training_that_breaks_down_loses_and_is_not_a_number():
    plan, found = plan_and_runs(RUNS)
    broken = {"validation": {}, "test": {}, "best_epoch": 0, "score": None}

    def score(name, epsilon, repeat):
        return broken if epsilon != 0.1 else 0.6

    train(plan.first_finals(found), found, score)
    train(plan.later_finals(found), found, score)
    outcome = plan.outcome(found, {}, "again")
    assert outcome.of("random")[0].best.epsilon == 0.1
    assert all(math.isnan(value) for value in outcome.of("gp")[1].best.test)


def test_many_losses_are_trained_in_portions_that_do_not_depend_on_processes():
    formulas = [f"y_hat*{'y_hat*' * i}y" for i in range(5)] + [f"log({'y_hat*' * (i + 1)}y)" for i in range(5)]
    runs = {key: found_run(*formulas) for key in RUNS}
    plan, found = plan_and_runs(runs, finalists=10, epsilon=tuple(0.1 / 2**i for i in range(8)))
    sizes = [len(part.content["losses"]) for part in plan.first_finals(found)]
    assert sizes == [32, 22]


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
    one, other = Plan(small_comparison(), None), Plan(small_comparison(**changes), None)
    assert (one.noise.file == other.noise.file) == same_noise
    assert ({part.file for part in one.runs} <= {part.file for part in other.runs}) == same_runs


def test_settings_of_a_searcher_that_are_not_written_decide_too(monkeypatch):
    before = {part.label: part.file for part in Plan(small_comparison(), None).runs}
    monkeypatch.setattr("studies.execution.making.check_searcher", lambda name: (name, GeneticSettings(n_elites=7)))
    after = {part.label: part.file for part in Plan(small_comparison(), None).runs}
    assert before["gp seed 0"] != after["gp seed 0"]


def test_the_data_decides_too(tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_text("user_id,item_id,rating\n1,1,5\n")
    files = set()
    for text in ("a", "b"):
        path.write_text(text)
        files.add(Plan(small_comparison(), path).noise.file)
    assert len(files) == 2
