import pytest

from core.losses.closed_forms import BCE
from core.phases.baseline_comparison import compare
from core.phases.contender import Contender, Finished, TrainingResult, Variant
from recommenders.tasks.metrics import find_metric
from studies.study.settings import StudySettings
from studies.study.summary import caveats

AUC, RMSE = find_metric("classification", "auc"), find_metric("regression", "rmse")


def finished(name, validation, tests, metric="auc"):
    runs = tuple(TrainingResult(10, 5, {metric: validation}, {metric: test}) for test in tests)
    return Finished(Contender(name, None, ()), Variant(BCE), None, runs, runs[:1])


@pytest.mark.parametrize(
    ("ours", "theirs", "outcome", "words"),
    [
        ((0.81, 0.82), (0.80, 0.81), "ahead", "is ahead of BCE"),
        ((0.79, 0.80), (0.80, 0.81), "behind", "does not beat BCE"),
        ((0.81, 0.80), (0.80, 0.81), "undecided", "Not decided"),
        ((0.80, 0.82), (0.80, 0.81), "undecided", "Not decided"),
        ((0.90,), (0.50,), "undecided", "One seed decides nothing"),
        ((0.81, float("nan")), (0.80, 0.81), "undecided", "no finite predictions"),
    ],
)
def test_only_a_lead_with_every_seed_is_a_lead(ours, theirs, outcome, words):
    comparison = compare(finished("f", 0.8, ours), [finished("BCE", 0.8, theirs)], AUC)
    assert comparison.outcome == outcome
    assert words in comparison.verdict


def test_the_baseline_is_chosen_on_validation_not_on_test():
    baselines = [finished("lucky", 0.70, (0.99,)), finished("sound", 0.80, (0.75,))]
    assert compare(finished("f", 0.8, (0.8,)), baselines, AUC).baseline == "sound"


def test_where_lower_is_better_a_lower_error_is_a_gain():
    comparison = compare(finished("f", 0.5, (0.40, 0.41), "rmse"), [finished("MSE", 0.5, (0.42, 0.42), "rmse")], RMSE)
    assert comparison.outcome == "ahead"
    assert comparison.gain == pytest.approx(0.015)


def test_the_caveats_name_the_shared_decay_and_the_seeds():
    settings = StudySettings.from_dict({"preset": "fast", "repeats": 3})
    told = " ".join(caveats(settings, passed=True))
    assert "weight decay 0.0003" in told
    assert "scale alone" in told
    assert "3 seeds" in told
    assert "passed the validation check" not in told
    assert "No accepted loss passed" in caveats(settings, passed=False)[0]


def test_the_caveats_of_other_problems_say_nothing_of_losses():
    told = " ".join(caveats(StudySettings.from_dict({"problem": "bits:Bits", "repeats": 3}), passed=True))
    assert told == "The 3 seeds vary what is drawn, not the data: no test of significance."
