"""The examples run, as a reader would run them."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from recommenders.modules.building import ModuleClass
from recommenders.modules.module import ModuleRecommender
from recommenders.testing.recommender import N_ITEMS, N_USERS, RecommenderContract

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"


def run(folder, example, *words):
    """What an example prints in a folder of its own."""
    command = [sys.executable, "-W", "error", str(EXAMPLES / example), *map(str, words)]
    environment = {"PATH": "", "PYTHONPATH": str(ROOT), "HOME": str(folder)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def loaded(example):
    spec = importlib.util.spec_from_file_location(example, EXAMPLES / f"{example}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_is_a_test_for_every_example():
    tested = {"search_a_loss.py", "train_with_a_found_loss.py"}
    tested |= {
        "recbole_found_loss.py",
        "recbole_found_ranking_loss.py",
    }  # by tests/test_use_a_found_loss.py, as far as that goes without RecBole
    tested |= {"mlp_normalised_output.py"}
    tested |= {"bits.py"}  # by tests/studies/test_own_problem.py and test_study_problems.py
    assert {path.name for path in EXAMPLES.glob("*.py")} == tested


@pytest.mark.services
def test_a_loss_is_searched_written_and_trains_a_model_elsewhere(tmp_path):
    loaded("search_a_loss").made_up().to_csv(tmp_path / "ratings.csv", index=False)
    printed = run(tmp_path, "search_a_loss.py")
    assert "SearchResult: " in printed
    assert "The best loss for each number of operators:" in printed
    trained = run(tmp_path, "train_with_a_found_loss.py", "found_loss.py", "ratings.csv", "customer_id", "sku", "stars")
    lines = trained.strip().splitlines()
    assert [line.split()[0] for line in lines] == ["BCE", "found"]
    assert float(lines[0].split("test AUC ")[1].split(",")[0]) > 0.75, "there is something to learn"


class TestMLPWithANormalisedOutput(RecommenderContract):
    def make(self):
        kind = loaded("mlp_normalised_output").MLP
        return ModuleRecommender(ModuleClass(kind, "MLP"), (("embedding_size", 3),), N_USERS, N_ITEMS)


def test_the_normalised_output_is_normalised():
    torch.manual_seed(0)
    model = loaded("mlp_normalised_output").MLP(20, 30)
    logits = model(torch.arange(16), torch.arange(16)).detach()
    assert logits.shape == (16,)
    assert float(logits.mean()) == pytest.approx(0, abs=1e-5)
    assert float(logits.std(correction=0)) == pytest.approx(1, abs=0.01)
