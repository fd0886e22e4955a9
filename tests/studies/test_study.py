import json
import math

import pytest
import torch

from core.common.errors import UserError
from core.search.trial import Verdict
from recommenders.common.machine import pick_device
from studies.study.settings import StudySettings
from studies.study.study import Study
from studies.study.summary import conclusion
from tests.studies.small import run_small, small_settings


def without_time(result):
    return json.loads(json.dumps({**result.to_dict(), "seconds": None}))


@pytest.fixture(scope="module")
def result():
    return run_small()


@pytest.mark.parametrize("searcher", ["random", "rl"])
@pytest.mark.parametrize("environment", ["alternating", "from-scratch"])
def test_the_same_seed_gives_the_same_result_and_another_does_not(searcher, environment):
    changes = {"searcher": searcher, "environment": environment}
    first = without_time(run_small(**changes))
    assert first == without_time(run_small(**changes))
    other = without_time(run_small(**changes, seed=1))
    del first["settings"], other["settings"]
    assert first != other


def test_the_result_has_what_scripts_need(result):
    content = without_time(result)
    best = content["best"]
    assert best["formula"]
    assert best["complexity"] >= 1
    assert set(best["test"]) == set(best["validation"]) == {"auc", "f1", "accuracy"}
    assert len(best["per_seed"]) == 2
    assert set(content["baselines"]) == {"BCE", "MaxR"}
    assert content["baselines"]["MaxR"]["epsilon"] in (0.001, 0.1)
    assert content["baselines"]["BCE"]["epsilon"] is None
    assert content["settings"]["searcher"] == "random"
    assert content["dataset"]["train"] == 4_800


def test_means_are_over_seeds(result):
    best = result.to_dict()["best"]
    for part in ("validation", "test"):
        per_seed = [one[part]["auc"] for one in best["per_seed"]]
        assert best[part]["auc"] == pytest.approx(sum(per_seed) / 2)


def test_the_funnel_adds_up(result):
    funnel = result.to_dict()["funnel"]
    trained = funnel.pop("trained")
    sampled = funnel.pop("sampled")
    assert sampled == sum(funnel.values())
    assert trained == 8
    assert funnel["accepted"] + funnel["rejected"] <= trained <= sampled


def test_the_best_loss_leads_the_finalists_on_validation_with_the_first_seed(result):
    content = result.to_dict()
    first = [one["per_seed"][0]["validation"]["auc"] for one in content["finalists"]]
    assert content["finalists"][0] == content["best"]
    assert first[0] == max(first)


def test_candidate_epochs_count_what_was_trained():
    scratch = run_small(environment="from-scratch", epochs_per_candidate=2)
    assert scratch.search.candidate_epochs == 16
    assert run_small().search.candidate_epochs == 8


@pytest.mark.parametrize("check", ["before", "after", "strict"])
def test_with_the_check_before_training_no_trained_loss_fails_it(check):
    result = run_small(check=check, trainings=40)
    funnel = result.search.tally.funnel()
    if check != "after":
        assert funnel["wrong_direction"] > 0
        assert result.search.n_passed == len(result.search.tally.accepted)
    else:
        assert funnel["wrong_direction"] == 0
        assert result.search.n_passed < len(result.search.tally.accepted)


def test_where_nothing_passes_the_check_the_nearest_losses_are_shown_as_such():
    content = run_small(check="after", min_positive_rate=1.0, trainings=2, candidates_per_step=2, eta=1.0).to_dict()
    assert content["search"]["passed_validation_check"] == 0
    assert content["best"]["passed_validation_check"] is False


def test_where_nothing_is_accepted_there_is_no_best_loss(monkeypatch):
    monkeypatch.setattr("core.search.reward.RewardFilter.verdict", lambda self, reward: Verdict.REJECTED)
    result = run_small(trainings=2)
    content = result.to_dict()
    assert content["funnel"]["accepted"] == 0
    assert content["best"] is None
    assert content["comparison"] is None
    assert content["finalists"] == []
    assert set(content["baselines"]) == {"BCE", "MaxR"}
    assert "No loss was accepted" in conclusion(result)[0]


def test_regression_is_scored_by_rmse_where_lower_is_better():
    content = run_small(task="regression", trainings=48, guess=("(y - y_hat)^2",)).to_dict()
    assert content["metric"] == "rmse"
    assert set(content["best"]["test"]) == {"rmse", "mae"}
    shown = [one["per_seed"][0]["validation"]["rmse"] for one in content["finalists"]]
    assert shown[0] == min(shown)
    gains = [
        theirs["test"]["rmse"] - ours["test"]["rmse"]
        for ours, theirs in zip(
            content["best"]["per_seed"],
            content["baselines"][content["comparison"]["baseline"]]["per_seed"],
            strict=True,
        )
    ]
    assert content["comparison"]["gains"] == pytest.approx(gains)


def test_json_has_no_number_that_json_cannot_write(result):
    assert "NaN" not in json.dumps(result.to_dict(), allow_nan=False)


@pytest.mark.parametrize("recommender", ["mf", "mlp"])
@pytest.mark.parametrize("proxy", ["parameters", "prediction"])
def test_every_recommender_and_proxy_goes_through(recommender, proxy):
    content = run_small(recommender=recommender, proxy=proxy, trainings=4).to_dict()
    assert content["funnel"]["trained"] == 4
    assert math.isfinite(content["baselines"]["BCE"]["test"]["auc"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"searcher": "rll"}, "unknown searcher 'rll'.*Did you mean 'rl'"),
        ({"dataset": "ml-100"}, "unknown data set.*Did you mean 'ml-100k'"),
        ({"recommender": "mff"}, "unknown recommender.*Did you mean 'mf'"),
        ({"clamp": "strong"}, "unknown clamp rule 'strong'"),
        ({"baseline": ("BCE", "max(y_hat, y")}, "malformed formula at position 12"),
        ({"trainings": 0}, "trainings: expected at least 1, got 0"),
        ({"minutes": 0.0}, "minutes: expected a number above 0"),
        ({"candidates_per_step": 0}, "candidates_per_step: expected at least 1"),
        ({"learning_rate": -1.0}, "learning_rate: expected a number above 0"),
        ({"weight_decay": -1.0}, "weight_decay"),
        ({"max_epochs": 0}, "max_epochs: expected 1 to 1,000,000, got 0"),
        ({"eta": -0.1}, "eta"),
        ({"proxy_delta": 0.0}, "proxy delta"),
        ({"proxy_size": 0}, "proxy batch of 1 to 4800"),
        ({"max_variables": 3}, "max_variables: expected 4 to 15"),
        ({"min_positive_rate": 1.5}, "min_positive_rate"),
        ({"init_std": -1.0}, "init_std"),
        ({"learning_rate": math.nan}, "--learning-rate: expected a finite number"),
        ({"minutes": math.inf}, "--minutes: expected a finite number, got inf"),
        ({"eta": math.inf}, "--eta: expected a finite number"),
    ],
)
def test_settings_that_cannot_work_are_refused_before_anything_runs(change, message):
    with pytest.raises(UserError, match=message):
        Study(small_settings(**change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": "ranking"}, "unknown task 'ranking'"),
        ({"metric": "rmse"}, "unknown metric of classification 'rmse'"),
        ({"environment": "fixed"}, "--environment: expected alternating or from-scratch, got 'fixed'"),
        ({"preset": "slow"}, "--preset: expected tuned or fast or paper"),
        ({"check": "never"}, "--check: expected before or after or strict"),
        ({"finalists": 0}, "--finalists: expected at least 1"),
        ({"epsilon": (2.0,)}, "--epsilon: expected numbers above 0"),
        ({"baseline": ()}, "--baseline: expected at least one"),
    ],
)
def test_choices_name_what_there_is(change, message):
    with pytest.raises(UserError, match=message):
        StudySettings.from_dict(change)


@pytest.mark.parametrize("recommender", ["mf", "mlp"])
def test_cores_and_memory_do_not_change_the_result(recommender):
    settings = small_settings(recommender=recommender, environment="alternating")
    one, many = Study(settings), Study(settings, threads=3, memory=1e-4)  # room for a copy or two
    assert without_time(many.run([])) == without_time(one.run([]))


def test_torch_has_the_cores_where_it_does_the_training():
    before = torch.get_num_threads()
    try:
        for backend, threads in (("auto", 1), ("torch", 2)):
            Study(small_settings(backend=backend), threads=2).problem.use_cores()
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("recommender", ["mf", "mlp"])
def test_a_study_runs_on_a_gpu(recommender):
    content = run_small(device="cuda", recommender=recommender).to_dict()
    assert content["device"] == "cuda"
    assert math.isfinite(content["baselines"]["BCE"]["test"]["auc"])


def test_devices():
    assert pick_device("cpu").type == "cpu"
    for name in ("tpu", "", "cuda:", "cuda:-1", "cuda:x", "cuda:01", "cuda:100", "cpu:1", " cuda", "cuda:1\n"):
        with pytest.raises(
            UserError, match="--device: expected auto, cpu, cuda or cuda:N for one of several GPUs, got"
        ):
            pick_device(name)


def test_one_of_several_gpus_is_picked_by_its_number(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert [pick_device(name) for name in ("auto", "cuda", "cuda:1")] == [
        torch.device("cuda"),
        torch.device("cuda"),
        torch.device("cuda", 1),
    ]
    with pytest.raises(UserError, match="--device cuda:2: torch finds cuda:0 to cuda:1 here"):
        pick_device("cuda:2")


def test_cuda_without_a_device_is_refused(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(UserError, match="finds no CUDA device"):
        pick_device("cuda")
    assert pick_device("auto").type == "cpu"


def test_the_front_ascends_and_holds_the_best(result):
    content = result.to_dict()
    front, metric = content["front"], "auc"
    assert [one["complexity"] for one in front] == sorted({one["complexity"] for one in front})
    scores = [one["validation"][metric] for one in front]
    assert scores == sorted(set(scores))
    first = [one["per_seed"][0]["validation"][metric] for one in content["finalists"]]
    assert scores[-1] == max(first)
    assert front[-1]["formula"] == content["best"]["simplified"]["formula"]


def test_a_simpler_loss_can_be_picked():
    whole = run_small(trainings=24).to_dict()
    shortest = whole["front"][0]["complexity"]
    assert shortest < whole["best"]["simplified"]["complexity"], "else this test shows nothing"
    content = run_small(trainings=24, pick=f"complexity<={shortest}").to_dict()
    assert content["best"]["simplified"]["complexity"] == shortest
    assert content["best"]["name"] == whole["front"][0]["name"]
    assert len(content["best"]["per_seed"]) == 2
    assert content["front"] == whole["front"]


def test_where_no_loss_is_as_simple_as_asked_the_best_one_is_shown_as_such():
    result = run_small(min_positive_rate=1.0, trainings=1, guess=("(y - y_hat)^2",), pick="complexity<=1")
    assert not result.is_as_simple_as_asked
    assert any("No loss found is as simple as --pick 'complexity<=1'" in told for told in conclusion(result))


@pytest.mark.parametrize("repeats", [1, 2])
def test_a_recommender_trained_by_the_found_loss_is_kept(repeats):
    result = run_small(repeats=repeats)
    validation, test = result.task.report(result.model, "validation")
    assert (validation, test) == (result.best.fitted[-1].validation, result.best.fitted[-1].test)


def test_more_simple_losses_are_trained_only_where_they_are_asked_for():
    assert len(run_small(trainings=24, simpler=0).finalists) == 2
    assert len(run_small(trainings=24, simpler=3).finalists) > 2
