"""The picture of a table: what it shows is what the file says."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from recommenders.tasks.loss_table import LossTable
from studies.tabulation.pictures import effectiveness, known_values, map_of, map_picture

FILE = Path(__file__).parents[3] / "docs/results/every-loss-of-4-operators.parquet"


@pytest.fixture(scope="module")
def table():
    return LossTable.load(FILE)


def test_what_counts_is_convergence_where_there_is_any(table):
    rows = pd.read_parquet(FILE)
    trained = rows[rows["verdict"] == "trained"]
    columns = [f"validation_auc_converged_seed{seed}" for seed in (0, 1)]
    name, values = effectiveness(table)
    assert name == "validation auc at convergence"
    np.testing.assert_allclose(np.sort(values[np.isfinite(values)]), np.sort(trained[columns].mean(axis=1)), rtol=1e-6)


def test_without_trainings_to_convergence_it_is_the_most_epochs(table):
    settings = table.about["settings"]
    rows = {name: column for name, column in table.rows.items() if "converged" not in name}
    short = LossTable(table.path, {**table.about, "settings": settings | {"converged": 0}}, rows)
    name, values = effectiveness(short)
    last = settings["epochs"][-1]
    assert name == f"validation auc after {last} epochs"
    np.testing.assert_allclose(values, np.mean([short.scores(last, seed=seed) for seed in (0, 1)], axis=0))
    assert known_values(short)["BCE"] != known_values(table)["BCE"]


def test_every_trained_loss_is_a_dot_twice_and_known_ones_are_lines(table):
    left, right = map_of(table).axes
    assert [len(axes.lines[0].get_xdata()) for axes in (left, right)] == [342, 342]
    assert set(np.round(left.lines[0].get_xdata()).astype(int)) == {3, 4}
    known = known_values(table)
    assert list(known) == ["BCE", "MSE", "focal", "hinge"]
    assert [line.get_ydata()[0] for line in right.lines[1:]] == list(known.values())
    assert "Spearman's correlation -0.47" in right.get_xlabel().replace("\n", " ")


def test_the_same_table_gives_the_same_bytes(table):
    assert map_picture(table) == map_picture(table)


def test_where_all_losses_come_to_the_same_no_trait_tells_anything(table):
    same = {
        name: np.full_like(column, 0.5) if "converged_seed" in name else column for name, column in table.rows.items()
    }
    axes = map_of(LossTable(table.path, table.about, same)).axes[1]
    assert "+0.00" in axes.get_xlabel()
