"""`train_recommender`: from a table to recommendations, and to a model that another process serves."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from core.common.errors import UserError
from recommenders.data.implicit import load_implicit
from recommenders.tasks.ranking import VectorScores, find_ranking_metric, rank_items
from studies import train_recommender

SMALL = {"max_epochs": 8, "batch_size": 128, "recommender": "mf:embedding_size=8"}


def frame():
    """Who chose what of the planted set, by names."""
    data = load_implicit("synthetic")
    parts = [getattr(data, part) for part in ("train", "validation", "test")]
    user, item = (np.concatenate(columns) for columns in zip(*((one.users(), one.items) for one in parts), strict=True))
    return pd.DataFrame({"user_id": [f"u{one}" for one in user], "item_id": item})


FRAME = frame()


@pytest.fixture(scope="module")
def trained():
    return train_recommender(FRAME, "SL:temperature=.2", **SMALL)


def test_the_best_items_of_a_user_are_recommended(trained):
    own = set(FRAME[FRAME.user_id == "u7"].item_id)
    items, scores = zip(*trained.recommend("u7", 5), strict=True)
    assert len(set(items)) == 5
    assert not own & set(items)
    assert list(scores) == sorted(scores, reverse=True)
    every = trained.recommend("u7", 10_000, known=True)
    assert {item for item, _ in every} == set(FRAME.item_id)
    assert len(trained.recommend("u7", 10_000)) == FRAME.item_id.nunique() - len(own)
    assert trained.recommend("nobody") == []


@pytest.mark.parametrize("k", [0, -1, 1.5, True, "3"])
def test_k_is_a_whole_number(trained, k):
    with pytest.raises(ValueError, match="k: expected a whole number from 1"):
        trained.recommend("u7", k)


def test_it_is_shown_in_two_lines(trained):
    first, second = repr(trained).splitlines()
    assert first.startswith("TrainedRecommender: SL:temperature=0.2 on ")
    assert second.startswith("test recall@20 0.")
    assert len(repr(trained.data)) < 200


def test_more_negatives_than_items_get_a_warning():
    with pytest.warns(UserWarning, match="100,000 negatives of 200 items"):
        train_recommender(dataset="synthetic", **SMALL | {"max_epochs": 1, "sampler": "shared:negatives=100000"})


def test_metrics_are_those_of_its_vectors(trained):
    arrays = trained.ranker._arrays
    ranks = rank_items(VectorScores(arrays["users"], arrays["items"]), trained.data, "test")
    assert trained.metrics["recall@20"] == pytest.approx(find_ranking_metric("recall@20").mean(ranks), abs=1e-6)
    assert trained.metrics["recall@20"] > 0.3
    assert trained.loss == "SL:temperature=0.2"
    assert set(trained.validation) == set(trained.metrics)


def test_the_same_seed_gives_the_same(trained):
    again = train_recommender(FRAME, "SL:temperature=.2", threads=1, **SMALL)
    assert again.recommend("u3") == trained.recommend("u3")
    assert train_recommender(FRAME, "SL:temperature=.2", seed=1, **SMALL).recommend("u3") != trained.recommend("u3")


def test_named_data_and_other_models(tmp_path):
    found = train_recommender(
        dataset="synthetic", loss="BPR:temperature=.3", recommender="lightgcn:embedding_size=4:layers=1", max_epochs=1
    )
    assert len(found.recommend(3, k=4)) == 4


def test_mlflow_serves_it_without_this_project(trained, tmp_path):
    model = trained.save(tmp_path / "models" / "ranker")
    assert [one.name for one in (tmp_path / "models").iterdir()] == ["ranker"]  # nothing else is left there
    code = (
        "import sys, json, mlflow; model = mlflow.pyfunc.load_model(sys.argv[1])\n"
        "print(json.dumps([model.predict({'user': ['u7', 'nobody']}), model.predict({'user': ['u7']}, {'k': 2})]))\n"
        "assert not any(name.split('.')[0] in ('studies', 'recommenders', 'core') for name in sys.modules)"
    )
    words = [sys.executable, "-P", "-c", code, str(model)]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    expected = [item for item, _ in trained.recommend("u7")]
    assert json.loads(done.stdout.splitlines()[-1]) == [[expected, []], [expected[:2]]]
    with pytest.raises(UserError, match="expected a folder that is not there yet"):
        trained.save(model)


@pytest.mark.parametrize(
    ("data", "changes", "message"),
    [
        (FRAME, {"loss": "BSLL"}, "unknown loss"),
        (FRAME, {"loss": 3}, "loss: expected a name, got 3"),
        (FRAME, {"recommender": "mf:size=1"}, "size"),
        (FRAME, {"trials": 3}, "trials is for evaluations"),
        (FRAME, {"epochs": 3}, "^unknown setting 'epochs': expected one of (?!.*(anchor|baseline|trials|split))"),
        (FRAME, {"split": "random"}, "^split: implicit data take"),
        (FRAME, {"max_epochs": "many"}, "max_epochs: expected a whole number, got 'many'"),
        (FRAME, {"learning_rate": 1e300}, "^learning_rate: expected a number above 0 and below 1e6"),
        (FRAME, {"loss": "MaxR"}, "loss MaxR: it is one of predictions"),
        (FRAME, {"loss": "DirectAU", "backend": "compiled"}, "^backend compiled: it trains mf"),
        (FRAME, {"device": "cuda:99"}, "^device cuda:99: torch finds"),
        (FRAME, {"dataset": "gowalla"}, "either a data frame or dataset='gowalla'"),
        (FRAME, {"max_epochs": 0}, "^max_epochs: expected 1 to 1,000,000, got 0"),
        (FRAME.iloc[:0], {}, "rows|empty|expected"),
        ("no/such.csv", {}, "no/such.csv"),
        ("http://127.0.0.1/x.csv", {}, "expected a file, got the URL"),
    ],
)
def test_what_cannot_be_trained_is_told_in_a_line(data, changes, message):
    with pytest.raises(UserError, match=message) as told:
        train_recommender(data, **{**SMALL, **changes})
    assert len(str(told.value).splitlines()) == 1
