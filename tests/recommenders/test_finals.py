import math

import pytest

from core.phases.contender import TrainingResult, validation_score
from core.problems.validation import ValidationCheck
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from recommenders.tasks.contenders import baseline, searched
from recommenders.tasks.losses import NAMED_LOSSES
from recommenders.tasks.metrics import find_metric
from recommenders.tasks.screening import check_directions, distinct, screen
from studies.study.study import Study
from tests.studies.small import small_settings

SPACE, CHECK = OperatorSpace(), ValidationCheck(0.9)
MSE, BCE_LIKE, WRONG = (LossProgram.parse(t) for t in ("(y_hat - y)^2", "max(y, y_hat)/(y_hat)", "-(y_hat - y)^2"))


def test_the_check_keeps_what_passes():
    checked = check_directions([WRONG, MSE, BCE_LIKE], SPACE, CHECK, at_most=1)
    assert [p for p, _ in checked.passed] == [MSE, BCE_LIKE]
    assert checked.n_passed == 2


def test_where_nothing_passes_the_nearest_come_through_uncounted():
    sideways = LossProgram.parse("y_hat*y_hat")  # right for y = 0 only
    checked = check_directions([WRONG, sideways], SPACE, CHECK, at_most=1)
    assert [p for p, _ in checked.passed] == [sideways]
    assert checked.n_passed == 0


def test_of_losses_with_one_gradient_the_simplest_stays():
    longer = LossProgram.parse("(y_hat - y)^2 + y")
    other = LossProgram.parse("(y_hat - y)^2 + 1")
    assert distinct([longer, BCE_LIKE, MSE, other], SPACE) == [BCE_LIKE, MSE]
    assert check_directions([longer, MSE], SPACE, CHECK, 5).n_passed == 2


def test_screening_leaves_the_losses_that_learn():
    task = Study(small_settings()).losses.task
    idle = [LossProgram.parse(f"y_hat*y + {'1 + ' * i}1") for i in range(3)]
    pairs = [(p, None) for p in [*idle, MSE]]
    scores = screen(task, pairs, SPACE, seed=0)
    assert max(scores, key=scores.get) == MSE.key


@pytest.mark.parametrize("name", NAMED_LOSSES)
def test_smoothing_terms_are_tried_only_where_they_occur(name):
    contender = baseline(name.lower(), SPACE, (0.1, 0.01))
    assert contender.name == name
    expected = (None,) if NAMED_LOSSES[name].formula is None else (0.1, 0.01)
    assert tuple(one.constant for one in contender.variants) == expected


def test_a_formula_may_be_a_baseline():
    contender = baseline(" (y - y_hat)^2 ", SPACE, (0.1,))
    assert contender.name == "(y - y_hat)^2"
    assert [one.constant for one in contender.variants] == [None]


def test_a_searched_loss_carries_its_program_and_what_was_found_out_about_it():
    contender = searched(BCE_LIKE, {"positive_rate": 1.0}, SPACE, (0.1, 0.01))
    assert contender.solution == BCE_LIKE
    assert contender.is_searched
    assert contender.notes == {"positive_rate": 1.0}
    assert len(contender.variants) == 2


@pytest.mark.parametrize(
    ("task", "metrics", "score"),
    [
        ("classification", {"auc": 0.7}, 0.7),
        ("regression", {"rmse": 0.7}, -0.7),
        ("classification", {}, -math.inf),
        ("regression", {"rmse": math.nan}, -math.inf),
    ],
)
def test_validation_scores_are_higher_for_better(task, metrics, score):
    assert validation_score(find_metric(task, None), TrainingResult(1, 1, metrics, {})) == score
