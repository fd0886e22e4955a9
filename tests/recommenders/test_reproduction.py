"""The paper's Table 5 (MF, ML-100K), under the published protocol. Takes a quarter of an hour a seed on one core."""

import pytest
import torch

from core.programs.space import OperatorSpace
from recommenders import make_recommender
from recommenders.common.machine import Machine
from recommenders.data import load_dataset
from recommenders.tasks.losses import make_loss
from recommenders.tasks.metrics import find_metric
from recommenders.tasks.task import RecommendationTask
from studies.common.processes import usable_cores
from studies.study.settings_training import PRESETS
from tests.recommenders.problems import fit_losses

PUBLISHED = {"BCE": 0.788, "MaxR": 0.8087}


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("seed", range(3))
def test_published_auc_is_reached(seed, capsys):
    preset = PRESETS["paper"]
    task = RecommendationTask(
        make_recommender("mf"),
        load_dataset("ml-100k"),
        find_metric("classification", "auc"),
        preset.train,
        Machine(torch.device("cpu"), threads=usable_cores()),
    )
    losses = [make_loss(name, OperatorSpace()) for name in PUBLISHED]
    fitted = fit_losses(task, losses, seed, preset.early_stopping)
    with capsys.disabled():
        for name, one in zip(PUBLISHED, fitted, strict=True):
            print(f"\nseed {seed} {name}: test {one.test} validation {one.validation} best epoch {one.best_epoch}")
    for (name, published), one in zip(PUBLISHED.items(), fitted, strict=True):
        assert one.test["auc"] == pytest.approx(published, abs=0.002), name
