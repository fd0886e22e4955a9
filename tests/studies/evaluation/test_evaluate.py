"""Whole evaluations."""

import csv
import json
import math
from dataclasses import replace
from statistics import fmean, stdev

import pytest

from core.common.errors import UserError
from core.losses.loss import ProgramLoss
from studies.evaluation.report import conclusion
from studies.evaluation.settings import EvaluatePlaces, command
from tests.studies.comparison.small import Diary
from tests.studies.conftest import database
from tests.studies.evaluation.small import judge, run_command, small_evaluation

DOUBLE = "(y_hat - y)^2 + (y_hat - y)^2"


def plain(outcome):
    return json.loads(json.dumps({name: outcome.to_dict()[name] for name in ("losses", "comparisons")}))


@pytest.fixture(scope="module")
def symmetric(tmp_path_factory):
    """A folder with a finished evaluation, and its outcome."""
    folder = tmp_path_factory.mktemp("symmetric")
    return folder, judge(folder)


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.nightly)])
def test_the_order_of_workers_changes_nothing_nor_does_going_on(symmetric, tmp_path, jobs):
    folder, outcome = symmetric
    parts = sorted((folder / "parts").iterdir())
    kept = tmp_path / "parts"
    kept.mkdir()
    for part in parts[::2]:  # as if it had been killed
        (kept / part.name).write_bytes(part.read_bytes())
    assert plain(judge(tmp_path, jobs)) == plain(outcome)
    assert sorted(part.name for part in kept.iterdir()) == [part.name for part in parts]


@pytest.mark.parametrize("protocol", ["symmetric", "paper"])
def test_one_more_loss_or_seed_costs_that_alone(tmp_path, protocol):
    options = {"protocol": protocol, "preset": "fast", "seeds": 1}
    outcome = judge(tmp_path, **options)
    more, seeds = Diary(), Diary()
    wider = judge(tmp_path, callbacks=[more], loss=("MaxR", "LogMin"), **options)
    assert more.new
    assert all(label.startswith("LogMin") for label in more.new)
    assert [one.runs for one in wider.losses if one.name != "LogMin"] == [one.runs for one in outcome.losses]
    judge(tmp_path, callbacks=[seeds], **options | {"seeds": 2})
    assert sorted(label.split(",")[0].split()[0] for label in seeds.new) == ["BCE", "MaxR"]
    assert all("training seed 1" in label for label in seeds.new)


def test_a_loss_and_its_double_get_the_same_trials_which_come_to_the_same(tmp_path):
    """The protocol is blind to scale, with everything that rounding leaves: a factor of 2 rounds nothing."""
    outcome = judge(tmp_path, loss=("(y_hat - y)^2", DOUBLE))
    one, double, _ = outcome.losses
    assert double.choice.sgd == replace(
        one.choice.sgd,
        learning_rate=one.choice.sgd.learning_rate / 2,
        weight_decay=2 * one.choice.sgd.weight_decay,
        clip=2 * one.choice.sgd.clip,
    )
    assert [tried.per_seed for tried in double.choice.tuner.tried] == [t.per_seed for t in one.choice.tuner.tried]
    named = [
        [{name: value for name, value in run.items() if name != "label"} for run in of.runs] for of in (double, one)
    ]
    assert named[0] == named[1]


def test_every_optimum_is_bracketed_and_no_test_part_chooses(symmetric):
    folder, outcome = symmetric
    for one in outcome.losses:
        assert len(one.choice.tuner.tried) >= 4
        assert one.choice.is_bracketed or one.choice.tuner.at_an_end
    trials = [json.loads(p.read_text()) for p in (folder / "parts").iterdir() if "trial" in p.name]
    assert trials
    assert all("test" not in trial and "validation" in trial for trial in trials)


def test_the_chosen_settings_are_the_best_on_validation(symmetric):
    for one in symmetric[1].losses:
        tuner = one.choice.tuner
        assert tuner.best.value == max(tried.value for tried in tuner.tried)
        assert one.choice.epsilon == tuner.best.point.epsilon


def test_the_published_protocol_shares_one_sgd_setting_and_chooses_the_smoothing_term(tmp_path):
    outcome = judge(tmp_path, protocol="paper", preset="fast", loss=("MaxR", "MSE"))
    maxr, mse, bce = outcome.losses
    assert {one.choice.sgd for one in outcome.losses} == {outcome.settings.study.protocol.train.sgd}
    assert maxr.choice.epsilon == max(maxr.choice.grid, key=lambda pair: pair[1])[0]
    assert mse.choice.epsilon is bce.choice.epsilon is None
    assert outcome.settings.study.losses.threshold_from == "test"
    assert outcome.settings.study.protocol.train.weight_decay == 3e-4
    assert "best on the test part" in conclusion(outcome)[-1]


def test_regression_and_its_metrics(tmp_path):
    outcome = judge(tmp_path, task="regression", trials=2)
    assert [metric.name for metric in outcome.metrics] == ["rmse", "mae"]
    tuner = outcome.losses[0].choice.tuner
    assert tuner.best.value == min(tried.value for tried in tuner.tried)


def test_regression_as_published_says_nothing_of_thresholds(tmp_path):
    outcome = judge(tmp_path, task="regression", protocol="paper", preset="fast")
    assert "share the learning rate" in conclusion(outcome)[-1]


def test_a_loss_that_breaks_down_is_told_and_takes_nobody_with_it(tmp_path):
    outcome = judge(tmp_path, loss=("1/(1/(1/(y_hat*y)^2)^2)^2",), clamp="none", epsilon=(1e-6,))
    broken, bce = outcome.losses
    assert all(map(math.isfinite, bce.values("test", "auc")))
    assert len(broken.runs) == 2


def test_the_command_writes_all_that_a_reader_needs(tmp_path, migrated, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlflow.db").write_bytes(migrated.read_bytes())
    words = ("--out", "out", "--tracking-uri", database(tmp_path), "--loss", DOUBLE)
    assert run_command(*words) == 0
    told = capsys.readouterr().out
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert list(result["losses"]) == ["MaxR", DOUBLE, "BCE"]
    for one in result["losses"].values():
        assert {"epsilon", "learning_rate", "weight_decay", "validation", "test"} <= set(one)
        for part in ("validation", "test"):
            for metric in ("auc", "f1", "accuracy"):
                described = one[part][metric]
                assert len(described["per_seed"]) == 2
                assert described["mean"] == fmean(described["per_seed"])
                assert described["std"] == stdev(described["per_seed"])
    assert {(one["loss"], one["baseline"]) for one in result["comparisons"]} == {("MaxR", "BCE"), (DOUBLE, "BCE")}
    assert result["command"].startswith("python -m studies.evaluate --loss MaxR")
    with (tmp_path / "out" / "seeds.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    assert float(rows[0]["test_auc"]) == result["losses"]["MaxR"]["test"]["auc"]["per_seed"][0]
    assert (tmp_path / "out" / "losses.png").read_bytes().startswith(b"\x89PNG")
    assert "no difference between MaxR and BCE is shown" in told
    assert "so few seeds can show none" in told
    assert "the report, for a browser: out/report.html" in told
    _check_mlflow(tmp_path)
    assert run_command(*words, seeds=3) == 0  # more of the same takes the place of what was written
    _check_mlflow(tmp_path)


def _check_mlflow(folder):
    from mlflow import MlflowClient

    client = MlflowClient(database(folder))
    experiment = client.get_experiment_by_name("loss-search-evaluation")
    runs = client.search_runs([experiment.experiment_id])
    by_role = {role: [run for run in runs if run.data.tags["role"] == role] for role in ("evaluation", "loss")}
    (whole,) = by_role["evaluation"]
    assert "report.html" in {file.path for file in client.list_artifacts(whole.info.run_id)}
    assert {run.info.run_name for run in by_role["loss"]} == {"MaxR", DOUBLE, "BCE"}
    assert len(by_role["loss"]) == 3
    by_time = sorted(by_role["loss"], key=lambda run: run.info.start_time, reverse=True)  # as MLflow's table has them
    means = [run.data.metrics["valid_auc"] for run in by_time]
    assert means == sorted(means, reverse=True)
    assert {run.info.status for run in runs} == {"FINISHED"}
    for run in by_role["loss"]:
        assert {"valid_auc", "test_auc", "test_auc_std", "test_f1"} <= set(run.data.metrics)
        assert {"learning_rate", "weight_decay", "epsilon"} <= set(run.data.params)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": ()}, "--loss: expected at least one loss to judge"),
        ({"loss": ("BEC",)}, "BEC"),
        ({"loss": ("BSL:temperature=.1",)}, "loss BSL:temperature=.1: it is one of rankings, not of predictions"),
        ({"task": "rankin"}, "--task: expected classification or regression or ranking, got 'rankin'"),
        ({"max_epochs": 10**30}, "max_epochs: expected 1 to 1,000,000"),
        ({"loss": ("max(y_hat",)}, "expected"),
        ({"protocol": "fair"}, "--protocol: expected symmetric or paper, got 'fair'"),
        ({"preset": "slow"}, "--preset: expected tuned or fast or paper, got 'slow'"),
        ({"seeds": 0}, "--seeds: expected 1 to 50,000, got 0"),
        ({"trials": 0}, "--trials: expected 1 to 50,000, got 0"),
        ({"tuning_seeds": 0}, "--tuning-seeds: expected 1 to 50,000, got 0"),
        ({"epsilon": (2.0,)}, "--epsilon: expected numbers above 0 and up to 1"),
        ({"learning_rate": 0.1}, "--learning-rate: the symmetric protocol tunes it for every loss"),
        ({"weight_decay": 0.1}, "--weight-decay: the symmetric protocol tunes it"),
        ({"task": "clustering"}, "clustering"),
    ],
)
def test_what_cannot_be_judged_is_told_in_a_line(changes, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_command("--tracking-uri", "none", **changes) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.startswith("error: ")
    assert len(told.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_loss_that_is_named_twice_stands_once():
    settings = small_evaluation(loss=("bce", "BCE", "MaxR"), baseline=("BCE", "MSE"))
    assert [one.name for one in settings.contenders] == ["BCE", "MaxR", "MSE"]
    assert settings.baselines == ["BCE", "MSE"]


def test_seeds_that_choose_are_never_shown():
    many = small_evaluation(seeds=50_000, tuning_seeds=50_000)
    other = small_evaluation(seed=1, seeds=50_000, tuning_seeds=50_000)
    groups = [many.repeats(False), many.repeats(True), other.repeats(False), other.repeats(True)]
    assert len({seed for group in groups for seed in group}) == 200_000


def test_the_command_is_what_was_typed():
    settings = small_evaluation()
    told = command(settings, EvaluatePlaces())
    assert told.startswith("python -m studies.evaluate --loss MaxR --baseline BCE")
    assert "--protocol" not in told


def test_what_is_trained_for_the_scale_is_what_is_judged(symmetric):
    """The factor is that of the loss with its own smoothing term."""
    maxr = symmetric[1].losses[0]
    of_one = {one.constant: one.trained for one in small_evaluation().contenders[0].variants}
    assert isinstance(of_one[maxr.choice.epsilon], ProgramLoss)
    rate = maxr.choice.tuner.best.point.learning_rate
    assert maxr.choice.sgd.learning_rate == pytest.approx(rate * maxr.choice.tuner.factors[maxr.choice.epsilon])
    with pytest.raises(UserError):
        small_evaluation(loss=("y_hat +",))
