import math

import pytest

from core.problems.validation import ValidationCheck
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from recommenders.tasks.convergence import TrainingResult
from recommenders.tasks.finals import baseline, searched, validation_score
from recommenders.tasks.losses import NAMED_LOSSES
from recommenders.tasks.metrics import find_metric
from recommenders.tasks.screening import check_directions, distinct, leading, screen
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
    task = Study(small_settings()).task
    idle = [LossProgram.parse(f"y_hat*y + {'1 + ' * i}1") for i in range(3)]
    pairs = [(p, None) for p in [*idle, MSE]]
    scores = screen(task, pairs, SPACE, seed=0)
    assert max(scores, key=scores.get) == MSE.key
    (best,), _ = leading(pairs, scores, SPACE, at_most=1, simpler=0)
    assert best == (MSE, None)


def test_the_best_of_those_that_are_simpler_go_on_too():
    formulas = ("log(y*y_hat) + 1/(y_hat*y)", "(y_hat - y)^2", "y*y_hat", "max(y_hat, y)", "log(y_hat)")
    pairs = [(LossProgram.parse(text), None) for text in formulas]
    scores = {p.key: score for (p, _), score in zip(pairs, (0.9, 0.8, 0.7, 0.6, math.nan), strict=True)}
    finalists, simpler = leading(pairs, scores, SPACE, at_most=1, simpler=5)
    assert [str(p) for p, _ in finalists] == ["log(y_hat*y) + 1/(y_hat*y)"]
    assert [str(p) for p, _ in simpler] == ["(y_hat - y)^2", "y_hat*y"], "the best first; none that is beaten"
    assert leading(pairs, scores, SPACE, at_most=1, simpler=1)[1] == simpler[:1]


@pytest.mark.parametrize("name", NAMED_LOSSES)
def test_smoothing_terms_are_tried_only_where_they_occur(name):
    contender = baseline(name.lower(), SPACE, (0.1, 0.01))
    assert contender.name == name
    expected = (None,) if NAMED_LOSSES[name].formula is None else (0.1, 0.01)
    assert tuple(epsilon for epsilon, _ in contender.choices) == expected


def test_a_formula_may_be_a_baseline():
    contender = baseline(" (y - y_hat)^2 ", SPACE, (0.1,))
    assert contender.name == "(y - y_hat)^2"
    assert [epsilon for epsilon, _ in contender.choices] == [None]


def test_a_searched_loss_carries_its_program_and_direction():
    direction = CHECK.direction(baseline("(y - y_hat)^2", SPACE, ()).choices[0][1].function)
    contender = searched(BCE_LIKE, direction, SPACE, (0.1, 0.01))
    assert contender.program == BCE_LIKE
    assert len(contender.choices) == 2


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
