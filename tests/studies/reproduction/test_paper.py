"""What the paper publishes, as data: it is whole, it parses, and the named losses are what it prints."""

import numpy as np
import pytest
import torch

from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from recommenders.tasks.losses import NAMED_LOSSES, make_loss
from recommenders.tasks.metrics import METRICS
from studies.reproduction.paper import (
    DATASETS,
    METRIC_NAMES,
    MODELS,
    TABLE_4,
    TABLE_5,
    TABLE_6,
    TABLE_7,
    TABLE_8,
    published,
)


@pytest.mark.parametrize("row", TABLE_8, ids=lambda row: row.formula)
def test_generated_losses_are_formulas(row):
    program = LossProgram.parse(row.formula)
    assert LossProgram.parse(str(program)).key == program.key


def test_generated_losses_are_twelve_and_distinct():
    assert len({LossProgram.parse(row.formula).key for row in TABLE_8}) == len(TABLE_8) == 12
    assert sum(row.auc > 0.7 for row in TABLE_8) == 4  # the bold ones


#: Written by hand from the page, with numpy alone, in the order of Table 8.
HAND_WRITTEN = (
    lambda p, y, e: np.maximum(p, y * np.maximum(p, 1 / (p + e))),
    lambda p, y, e: p + 1 / (y * p + e),
    lambda p, y, e: np.maximum(p, y) / (p + e),
    lambda p, y, e: (
        1
        + p
        + 1 / (np.minimum(p, y) + e)
        + np.maximum(1 / (np.minimum(p, y) + e), np.maximum(np.minimum(p, y), p + 1 / (np.minimum(p, y) + e)))
    ),
    lambda p, y, e: p + y + 1 / (np.minimum(y, p) ** 2 + e),
    lambda p, y, e: 1 / (np.minimum(y, p) + e) + np.maximum(p, y) + np.maximum(p, y) ** 2,
    lambda p, y, e: 1 + np.minimum(np.minimum(1, p + y), 1 / (y + p + e)),
    lambda p, y, e: np.maximum(y, p) + 1 / (np.maximum(p + 1, y) + e),
    lambda p, y, e: p + 1 / (np.minimum(p, y) + e),
    lambda p, y, e: np.minimum(1 / (y + p + e), np.maximum(y, p)) ** 2,
    lambda p, y, e: np.minimum(1 / (np.maximum(p, y + p**2) + e), np.maximum(y, (p**2) ** 2)),
    lambda p, y, e: p**2 + 1 / (np.minimum(y, p) + e),
)
FOUND = {
    "MaxR": lambda p, y, e: np.maximum((p + e) / (y + e), (y + e) / (p + e)),
    "SumR": lambda p, y, e: (p + y + e) / (p * y + e),
    "LogMin": lambda p, y, e: np.log((1 + e) / (np.minimum(p, y) + e)) * (p + y + np.minimum(p, y)),
    "MSE": lambda p, y, e: (p - y) ** 2,
}


def pairs():
    logit = torch.linspace(-4, 4, 81, dtype=torch.float64)
    z, y = (t.flatten() for t in torch.meshgrid(logit, torch.tensor([0.0, 1.0], dtype=torch.float64), indexing="ij"))
    return z, y, torch.sigmoid(z).numpy(), y.numpy()


@pytest.mark.parametrize(("row", "written"), list(zip(TABLE_8, HAND_WRITTEN, strict=True)))
@pytest.mark.parametrize("epsilon", [1e-3, 0.1])
def test_generated_losses_are_what_is_printed(row, written, epsilon):
    z, y, p, labels = pairs()
    ours = make_loss(row.formula, OperatorSpace(clamp="none"), epsilon).value(z, y)
    np.testing.assert_allclose(ours.numpy(), written(p, labels, epsilon), rtol=1e-9)


@pytest.mark.parametrize("name", FOUND)
@pytest.mark.parametrize("epsilon", [1e-6, 1e-3, 0.1, 1.0])
def test_named_losses_are_those_of_table_4(name, epsilon):
    z, y, p, labels = pairs()
    ours = make_loss(name, OperatorSpace(), epsilon).value(z, y)
    np.testing.assert_allclose(ours.numpy(), FOUND[name](p, labels, epsilon), rtol=1e-9, atol=1e-12)


def test_tables_speak_of_what_is_known_here():
    for model, dataset, _ in (*TABLE_4, *TABLE_5, *TABLE_6):
        assert model in MODELS
        assert dataset in DATASETS
    assert {*TABLE_4.values(), *(loss for row in (*TABLE_5.values(), *TABLE_6.values()) for loss in row)} <= set(
        NAMED_LOSSES
    )
    assert {metric for *_, metric in (*TABLE_5, *TABLE_6)} == set(METRICS) == set(METRIC_NAMES)
    for task, table in (("classification", TABLE_5), ("regression", TABLE_6)):
        assert {METRICS[metric].task for *_, metric in table} == {task}
    assert {task for *_, task in TABLE_4} == {"classification", "regression"}


def test_tables_are_whole():
    assert (len(TABLE_4), len(TABLE_5), len(TABLE_6), len(TABLE_7)) == (8, 4 * 3, 4 * 2, 2)
    assert [len(row) for row in TABLE_5.values()] == [7] * 12
    assert [len(row) for row in TABLE_6.values()] == [4] * 8
    assert published("mf", "ml-100k", "auc", "MaxR") == 0.8087
    assert published("mlp", "electronics", "mae", "MSE") == 0.3100
    assert published("mf", "ml-1m", "auc", "MaxR") is None
    assert round(TABLE_7["with"] / TABLE_7["without"]) == 29  # "about 30"
