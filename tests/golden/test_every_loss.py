"""The table of every loss of four operators that is in the repository, and what the documents say of it."""

from pathlib import Path

import numpy as np
import pytest

from core.analysis.traits import TRAITS
from recommenders.tasks.loss_table import LossTable
from recommenders.tasks.table_problem import TableProblem
from tests.benchmarks.table_traits import cross_validated, straight_line

TABLE = Path(__file__).parents[2] / "docs" / "results" / "every-loss-of-4-operators.parquet"


@pytest.fixture(scope="module")
def table():
    return LossTable.load(TABLE)


@pytest.fixture(scope="module")
def converged(table):
    chosen = np.flatnonzero(table.is_trained)
    names = [name for name in table.rows if name.startswith("validation_auc_converged")]
    return table.traits(chosen), np.mean([table.rows[name][chosen] for name in names], axis=0)


def test_a_search_may_look_its_losses_up(table):
    problem = TableProblem(table)
    (best,) = [one for one in problem.known_names if "best" in one]
    assert problem.known(best).solution in table.space


def test_losses_do_not_just_work_or_not_work(converged):
    _, values = converged
    assert len(values) == 342
    works = np.abs(values - 0.5) > 0.05
    assert works.mean() > 0.9
    assert (values[works] < 0.7).mean() == pytest.approx(0.58, abs=0.01)


def test_traits_of_gradients_tell_effective_losses(converged):
    rows, values = converged
    assert cross_validated(straight_line, rows, values) > 0.7
    shuffled = np.random.default_rng(1).permutation(values)
    assert abs(cross_validated(straight_line, rows, shuffled)) < 0.2
    good = (rows[:, list(TRAITS).index("slope")] > 0.02) & (rows[:, list(TRAITS).index("imbalance")] <= 1.38)
    assert values[good].mean() - values[~good].mean() > 0.1
