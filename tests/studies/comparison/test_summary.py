import io

import numpy as np
import pytest
from rich.console import Console

from core.phases.problem import Optimum
from core.search.search import StopReason
from studies.comparison.statistics import analyse
from studies.comparison.summary import conclusion, p_value, print_summary, rows_of
from studies.study.summary import mean_and_spread
from tests.studies.comparison.outcomes import NAN, lively, matrix, outcome, run, scored


def told(made):
    return " ".join(conclusion(analyse(made)))


def printed(made, width=160):
    console = Console(file=io.StringIO(), width=width)
    print_summary(made, analyse(made), console)
    return console.file.getvalue()


def test_a_row_has_the_numbers_of_its_runs():
    runs = [
        run("a", 0, [0.5, 0.6], (0.7, 0.9)),
        run("a", 1, [0.8], (0.6,), stop=StopReason.EXHAUSTED.value),
        run("a", 2, [NAN], None, stop=StopReason.TIME.value),
    ]
    (row,) = rows_of(outcome(runs), analyse(outcome(runs)))
    assert row.final == pytest.approx((NAN, 0.6, 0.7), nan_ok=True)
    assert row.converged == pytest.approx((0.8, 0.6))
    assert (row.trained, row.sampled, row.searcher_seconds, row.training_seconds) == (10, 1000, 1.0, 8.0)
    assert (row.early, row.runs) == (2, 3)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (matrix([[0.5]] * 9), "one searcher, so there is nothing to compare"),
        (matrix([[0.5, 0.6]]), "fewer than two seeds"),
        (matrix([[0.8, 0.7, 0.6]] * 5), "too few seeds for it to find any difference, so Nemenyi's test decides alone"),
        (matrix([[0.8, 0.7, 0.6]] * 5), "below 0.062, and Holm's correction for 3 pairs makes that 0.19"),
        (matrix([[0.8, 0.7, 0.6]] * 5), "needs 7 or more"),
        (matrix([[0.8, 0.7]] * 5), "so nothing can be decided. It needs 6 or more"),
        (matrix([[0.8, 0.7]] * 6), "enough for it to find"),
        (matrix([[0.8, 0.7]] * 6), "The noise floor"),
        (matrix([[0.8, 0.8, 0.8]] * 9), "No difference between searchers in test auc after convergence is shown"),
        (matrix([[0.8, 0.8, 0.8]] * 9), "(Friedman p = 1)"),
        (matrix([[0.7, 0.7]] * 9, search=()), "(standard deviation): unknown in the search"),
        (scored({"a": np.linspace(0.8, 0.9, 9), "b": [NAN] * 9}), "a beats b (which mostly found nothing)"),
    ],
)
def test_the_conclusion_claims_no_more_than_was_shown(made, words):
    assert words in told(made)


def test_the_conclusion_names_winners_and_leaves_the_rest_open():
    found = told(matrix([[0.9 + 0.01 * i, 0.7 + 0.01 * (i % 2), 0.7 + 0.01 * (i % 3)] for i in range(12)]))
    assert "a beats b (by 0.2500), c (by 0.2450)." in found
    assert "The other 1 of 3 pairs are not shown to differ, nor shown to be equal." in found


def test_the_summary_has_a_line_for_each_searcher_the_best_first():
    told_all = printed(matrix([[0.6, 0.7, 0.8]] * 3))
    words = [line.split() for line in told_all.splitlines()]
    assert [line[0] for line in words if line and line[0] in ("a", "b", "c")] == ["c", "b", "a"]
    assert "0.8000-0.8000" in told_all
    assert "too few seeds" in " ".join(told_all.split())


def test_the_summary_fits_eighty_columns():
    shown = printed(lively(n_points=5), width=80)
    assert max(map(len, shown.splitlines())) <= 80
    assert shown.count("0/5") == 4
    assert shown.count("1/5") == 1


def test_regrets_are_told_the_least_first_where_the_best_is_known():
    made = lively(n_points=60, optimum=Optimum(0.85, 0.789, 0.01, 1))
    shown = printed(made, width=80)
    assert max(map(len, shown.splitlines())) <= 80
    told_regrets = shown[shown.index("Median regret") :]
    assert "the best loss of all, which a search sees with 0.8500" in " ".join(told_regrets.split())
    starts = [line.split()[0] for line in told_regrets.splitlines() if line.startswith((" rl", " gp", " random"))]
    assert starts == ["rl", "gp", "random"]
    assert "Median regret" not in printed(lively(n_points=5))


@pytest.mark.parametrize("made", [lively(("rl",), 1, 3), scored({"[bold]x[/nope]": [NAN], "b": [0.5]})])
def test_little_data_and_names_like_markup_can_be_printed(made):
    assert made.searchers[0] in printed(made)
    assert "nan" not in printed(made)


def test_where_seeds_move_nothing_there_is_no_floor():
    still = matrix([[0.6, 0.7, 0.8]] * 3, search=(0.5, 0.5), converged=(0.5, 0.5))
    assert "there is no noise floor" in told(still)


def test_numbers_for_a_person():
    assert mean_and_spread(()) == mean_and_spread((0.5, NAN)) == "-"
    assert mean_and_spread((0.5,)) == "0.5000"
    assert mean_and_spread((0.4, 0.6)) == "0.5000 ±0.1414"
    assert [p_value(p) for p in (1.0, 0.0314, 1e-9, NAN)] == ["1", "0.031", "<.0001", "-"]
