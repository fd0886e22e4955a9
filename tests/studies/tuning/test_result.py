import math
import shlex
from pathlib import Path

import pytest

from recommenders.data import DataFiles
from recommenders.tasks.metrics import METRICS
from studies.run import app as run_app
from studies.study.parts import flat
from studies.tuning.result import TuneResult, best_so_far, command_for
from studies.tuning.trials import Tried
from tests.studies.tuning.small import small_tuning


def tried(number, *values, pruned=False, epsilon=0.1):
    return Tried(number, {"epsilon": epsilon}, dict(enumerate(values)), pruned)


def result(best=(), present=(), **changes):
    trials = (tried(0, 0.5, 0.6), tried(1, 0.7, 0.8, epsilon=0.01))
    return TuneResult(small_tuning(**changes), trials, trials[1], {"epsilon": 0.1}, tuple(best), tuple(present))


EIGHT = [0.5 + i / 100 for i in range(8)]


def test_a_clear_difference_is_called_one_and_its_direction():
    better = result([value + 0.1 for value in EIGHT], EIGHT)
    assert better.gain == pytest.approx(0.1)
    assert better.p_value < 0.01
    assert better.verdict.startswith(
        "The tuned settings are better than the present ones: mean gain in validation auc +0.1000 "
    )
    assert "worse than the present ones" in result(EIGHT, [value + 0.1 for value in EIGHT]).verdict


def test_lower_is_better_for_errors():
    lower = result([value - 0.1 for value in EIGHT], EIGHT, task="regression")
    assert lower.gain == pytest.approx(0.1)
    assert "better than the present ones" in lower.verdict


def test_noise_is_not_called_a_difference():
    mixed = result([value + 0.001 * (-1) ** i for i, value in enumerate(EIGHT)], EIGHT)
    assert mixed.verdict.startswith("No difference to the present settings is shown")
    assert result(EIGHT, EIGHT).p_value == 1.0


def test_few_seeds_cannot_show_anything_and_none_say_so():
    assert "3 pairs cannot show one, at least 6 can" in result([0.9] * 3, [0.1, 0.2, 0.3]).verdict
    alone = result()
    assert (alone.gain, alone.p_value) == (None, None)
    assert "flatters it" in alone.verdict


def test_the_value_of_a_trial_is_the_mean_over_its_seeds():
    assert tried(0, 0.5, 0.7).value == pytest.approx(0.6)


def test_the_curve_of_the_best_leaves_out_trials_that_ended_early():
    trials = [tried(0, 0.5), tried(1, 0.9, pruned=True), tried(2, 0.7), tried(3, 0.6)]
    assert best_so_far(trials, METRICS["auc"]) == [0.5, 0.5, 0.7, 0.7]
    assert best_so_far(trials, METRICS["rmse"]) == [0.5, 0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    ("epsilon", "ends"), [(1e-8, ["epsilon"]), (2e-8, ["epsilon"]), (0.01, []), (0.9, ["epsilon"])]
)
def test_a_value_at_an_end_of_its_range_is_told(epsilon, ends):
    chosen = tried(0, 0.5, 0.6, epsilon=epsilon)
    assert TuneResult(small_tuning(), (chosen,), chosen, {"epsilon": 0.1}, (), ()).at_an_end == ends


def test_a_result_is_plain_data():
    content = result([0.6], [0.5]).to_dict()
    assert content["best"] == {"trial": 1, "params": {"epsilon": 0.01}, "value": 0.75}
    assert content["trials"][1]["per_seed"] == {"0": 0.7, "1": 0.8}
    assert content["settings"]["vary"] == ["epsilon=1e-08:1:log"]
    assert math.isclose(content["confirmed"]["gain"], 0.1)


RUN = "python -m studies.run --searcher"


@pytest.mark.parametrize(
    ("changes", "params", "expected"),
    [
        (
            {},
            {"epsilon": 0.012345678901},
            f"{RUN} rl --seed 0 --dataset synthetic --preset fast --epsilon 0.012345678901 --max-epochs 4 "
            "--baseline 'log(y_hat/(y))^2'",
        ),
        (
            {"loss": "-log(y_hat*y)", "dataset": "table", "user_col": "my user", "recommender": "mlp", "seed": 2},
            {"learning_rate": 0.5},
            f"{RUN} rl --seed 2 --user-col 'my user' --dataset table --recommender mlp --learning-rate 0.5 "
            "--preset fast --max-epochs 4 '--baseline=-log(y_hat*y)' --data 'my data.csv'",
        ),
        (
            {"loss": None, "searcher": "rl:objective=ppo"},
            {"eta": 0.5, "searcher.clip": 0.25},
            f"{RUN} rl:objective=ppo:clip=0.25 --seed 0 --dataset synthetic --max-epochs 4 --trainings 100 "
            "--preset fast --environment from-scratch --eta 0.5",
        ),
        (
            {"loss": None, "environment": "alternating", "trainings": 200, "max_epochs": None},
            {"proxy_size": 7},
            f"{RUN} rl --seed 0 --dataset synthetic --preset fast --proxy-size 7",
        ),
    ],
)
def test_the_command_that_uses_the_values_has_all_else_that_was_tuned_with(changes, params, expected):
    file = Path("my data.csv") if changes.get("dataset") == "table" else None
    said = command_for(small_tuning(**changes), params, DataFiles(data=file))
    assert sorted(shlex.split(said)) == sorted(shlex.split(expected))
    _, bound, _ = run_app.parse_args(shlex.split(said)[3:], exit_on_error=False, print_error=False)
    again = flat(bound.arguments["study"])
    for name, value in params.items():
        if "." not in name:
            assert again[name] == ((value,) if name == "epsilon" else value)
