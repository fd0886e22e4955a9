"""The Python interface."""

import math
from contextlib import suppress
from decimal import Decimal
from inspect import signature

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch

import studies
from core.common.errors import UserError
from recommenders.data.synthetic import planted
from studies import load_result, search_loss
from studies.study.parts import flat
from studies.study.settings import PlaceSettings, StudySettings
from tests.core.export.written import imported

SMALL = {
    "searcher": "random",
    "trainings": 12,
    "finalists": 2,
    "repeats": 2,
    "max_epochs": 4,
    "baseline": ("BCE", "MaxR"),
}
SMALL |= {"candidates_per_step": 4, "progress": False, "epsilon": (0.001, 0.1)}


def ratings():
    """The planted data as somebody else would have it."""
    data = planted()
    parts = [
        pd.DataFrame({"userId": part.user + 1000, "asin": [f"i{i}" for i in part.item], "stars": 1 + 4 * part.label})
        for part in (data.train, data.validation, data.test)
    ]
    return pd.concat(parts, ignore_index=True)


FRAME = ratings()


class Own(torch.nn.Module):
    def __init__(self, n_users, n_items, size=4):
        super().__init__()
        self.user, self.item = torch.nn.Embedding(n_users, size), torch.nn.Embedding(n_items, size)

    def forward(self, user, item):
        return (self.user(user) * self.item(item)).sum(-1)


@pytest.fixture(scope="module")
def result():
    return search_loss(FRAME, **SMALL)


def test_the_loss_trains_a_model_of_ones_own(result):
    weight = torch.zeros(5, requires_grad=True)
    label = torch.tensor([1.0, 0.0, 1.0, 1.0, 0.0])
    result.loss(torch.sigmoid(weight), label).backward()
    assert weight.grad.isfinite().all()
    assert result.module(from_logits=True, reduction="none")(weight, label).shape == (5,)


def test_it_is_what_the_exported_file_holds(result, tmp_path):
    exported = imported(result.export("torch"), tmp_path).Loss()
    p, y = torch.rand(50), (torch.rand(50) > 0.5).float()
    assert torch.equal(exported(p, y), result.loss(p, y))
    assert result.formula in result.export("latex")


def test_tables(result):
    assert list(result.losses["kind"].unique()) == ["found", "baseline"]
    assert result.losses.iloc[0]["name"] == result.formula
    assert {"validation_auc", "test_auc", "complexity", "seeds"} <= set(result.losses.columns)
    assert result.front["complexity"].is_monotonic_increasing
    assert result.front["validation_auc"].is_monotonic_increasing
    assert len(result.candidates) == 12


def test_the_page_about_the_study_is_there(result):
    assert result.report().startswith("<!DOCTYPE html>")


def test_a_simpler_loss_can_be_picked(result):
    simplest = result.front.iloc[0]
    picked = result.module(f"complexity<={simplest.complexity}", simplified=True)
    assert str(picked.loss.program) == simplest.formula
    with pytest.raises(UserError, match="pick: expected best, complexity"):
        result.module("shortest")


def test_the_trained_recommender_scores_published_ids(result):
    users, items = FRAME["userId"][:4], FRAME["asin"][:4]
    y_hat = result.predict(users, items)
    assert y_hat.shape == (4,)
    assert ((y_hat > 0) & (y_hat < 1)).all()
    assert np.isnan(result.predict([1, 1000], ["i0", "nothing"])).all()
    assert result.recommender(torch.tensor([0]), torch.tensor([0])).shape == (1,)
    with pytest.raises(UserError, match="as many users as items, got 1 and 2"):
        result.predict([1], ["a", "b"])


def test_ids_are_the_same_however_they_are_held():
    frame = FRAME.assign(userId=FRAME["userId"] - 1_050, asin=FRAME["asin"].str[1:])  # some below zero; texts of digits
    result = search_loss(frame, **SMALL | {"trainings": 4})
    expected = result.predict([-40, 7], [3, 5])
    assert np.isfinite(expected).all()
    for users, items in (
        ([-40.0, 7.0], ["3", "5"]),
        (["-40", "7"], [3.0, 5.0]),
        (pd.Series([-40, 7]), np.array([3, 5])),
    ):
        assert result.predict(users, items) == pytest.approx(expected)


def test_it_is_shown_in_notebooks(result):
    assert repr(result).startswith(f"SearchResult: {result.formula}\n")
    assert "<table" in result._repr_html_()
    assert result.verdict in repr(result)


def test_the_same_seed_gives_the_same_result_as_the_command(result):
    again = search_loss(FRAME, **SMALL).to_dict() | {"seconds": None}
    assert again == result.to_dict() | {"seconds": None}
    assert again["settings"]["dataset"] == "table"


def test_a_class_of_ones_own_and_a_folder(tmp_path):
    result = search_loss(FRAME, recommender=Own, out=tmp_path / "out", **SMALL)
    stored = load_result(tmp_path / "out")
    assert stored.formula == result.formula
    assert (tmp_path / "out" / "loss.py").exists()
    assert stored.losses.equals(result.losses)
    assert len(stored.candidates) == 12
    rows = FRAME["userId"][:3], FRAME["asin"][:3]
    assert stored.predict(*rows) == pytest.approx(result.predict(*rows))
    assert np.isnan(stored.predict(["nobody"], ["i0"])).all()
    with pytest.raises(UserError, match="at hand only after search_loss"):
        _ = stored.recommender
    again = search_loss(FRAME, recommender=Own, out=tmp_path / "out", resume=True, **SMALL)
    assert again.formula == result.formula, "a finished study is not run again"


def test_parts_may_be_frames_of_their_own():
    train, validation, test = FRAME[:4000], FRAME[4000:5000], FRAME[5000:]
    result = search_loss(train, validation=validation, test=test, **SMALL | {"trainings": 4})
    assert result.to_dict()["dataset"]["train"] <= 4000


def test_frames_of_other_libraries_are_what_pandas_is(result):
    frames = [pa.Table.from_pandas(FRAME), pl.from_pandas(FRAME)]
    for frame in frames:
        assert search_loss(frame, **SMALL).to_dict() | {"seconds": None} == result.to_dict() | {"seconds": None}


def test_frames_and_files_may_stand_side_by_side(tmp_path):
    train, validation, test = FRAME[:4000], pl.from_pandas(FRAME[4000:5000]), tmp_path / "test.csv"
    FRAME[5000:].to_csv(test, index=False)
    result = search_loss(train, validation=validation, test=str(test), **SMALL | {"trainings": 4})
    assert result.to_dict()["dataset"]["train"] <= 4000


@pytest.mark.parametrize("given", [FRAME["userId"], pl.LazyFrame({"user": [1]}), {"user": [1]}, [(1, 2)], 3, b"x.csv"])
def test_what_is_no_table_is_refused_by_the_name_of_its_type(given):
    with pytest.raises(UserError, match=f"expected the path of a file, or a data frame .*{type(given).__name__}"):
        search_loss(given, **SMALL)
    with pytest.raises(UserError, match=f"expected the path of a file, or a data frame .*{type(given).__name__}"):
        search_loss(FRAME, validation=given, test=FRAME, **SMALL)


@pytest.mark.parametrize("users", [5, "u1", None, np.float64(5)])
def test_a_single_id_is_no_list_of_them(result, users):
    with pytest.raises(UserError, match="predict: expected a list of users, got"):
        result.predict(users, ["i0"])


SEVERAL = {
    "a frame": FRAME[["userId"]],
    "a frame of polars": pl.DataFrame({"u": [1000]}),
    "a table of Arrow's": pa.table({"u": [1000]}),
    "a matrix": np.array([[1000], [1001]]),
    "a tensor": torch.tensor([[1000]]),
    "lists": [[1000], [1001]],
    "pairs": [(1000, 1)],
    "lists of Arrow's": pa.array([[1000]]),
    "a series of lists": pd.Series([[1000]]),
    "a dictionary": {1000: 1},
    "a set": {1000},
}


@pytest.mark.parametrize("users", SEVERAL.values(), ids=SEVERAL)
def test_several_columns_are_no_list_of_ids(result, users):
    message = "predict: expected a list of {}s, got an? .* of several columns or without order; give one column"
    with pytest.raises(UserError, match=message.format("user")):
        result.predict(users, ["i0"] * len(users))
    with pytest.raises(UserError, match=message.format("item")):
        result.predict([1000] * len(users), users)


def test_ids_that_pandas_made_floats_of_are_found_in_every_form(tmp_path):
    frame = FRAME.assign(userId=FRAME["userId"].astype(float))
    frame.to_csv(tmp_path / "ratings.csv", index=False)
    assert ".0," in (tmp_path / "ratings.csv").read_text()
    result = search_loss(tmp_path / "ratings.csv", out=tmp_path / "out", **SMALL | {"trainings": 4})
    user = int(FRAME["userId"][0])
    for asked in (result, load_result(tmp_path / "out")):
        for one in (user, float(user), str(user), f"{user}.0", np.int64(user), np.float32(user), Decimal(user)):
            assert np.isfinite(asked.predict([one], [FRAME["asin"][0]])).all()


def test_it_tells_how_far_it_is_unless_told_not_to(capsys):
    for progress in (True, False):
        search_loss(dataset="synthetic", **SMALL | {"progress": progress, "trainings": 4})
        shown = capsys.readouterr()
        assert ("Phase I" in shown.err) == progress
        assert shown.out == ""
    assert shown.err == ""


def test_torch_keeps_its_threads():
    before = torch.get_num_threads()
    search_loss(dataset="synthetic", threads=2, backend="torch", **SMALL | {"trainings": 4})
    assert torch.get_num_threads() == before


def test_every_option_of_the_command_is_an_argument(monkeypatch, tmp_path):
    """The file of a part has another name, as it may be a frame; two are taken without being in the signature."""
    options = {name for kind in (StudySettings, PlaceSettings) for name in flat(kind())}
    known = {*signature(search_loss).parameters, *flat(StudySettings())}
    assert options - known == {"validation_data", "test_data", "no_model", "checkpoint_every"}
    monkeypatch.setattr("studies.api.searching._in_folder", lambda ready, places, out, bars: places)
    places = search_loss(FRAME, out=tmp_path, no_model=True, checkpoint_every=np.float64(0), threads=np.int64(1))
    assert (places.no_model, places.checkpoint_every, places.threads) == (True, 0, 1)
    with pytest.raises(UserError, match=r"^checkpoint_every: expected seconds, at least 0, got -1"):
        search_loss(FRAME, checkpoint_every=-1)


def test_numbers_of_numpy_and_values_alone_are_those_of_python(monkeypatch):
    monkeypatch.setattr("studies.api.searching._in_memory", lambda ready, bars: ready.settings)
    of_numpy = {"positive_at": FRAME["stars"].median(), "seed": np.int64(1), "trainings": np.int64(2)}
    given = search_loss(FRAME, **of_numpy, epsilon=np.array([0.001]), baseline="BCE", progress=False)
    median = float(FRAME["stars"].median())
    assert given == search_loss(
        FRAME, positive_at=median, seed=1, trainings=2, epsilon=(0.001,), baseline=("BCE",), progress=False
    )


HOSTILE = [
    None,
    10**400,
    math.nan,
    math.inf,
    np.array([[1.0]]),
    {1},
    {},
    object,
    "",
    "-x",
    [[]],
    (None,),
    True,
    b"x",
    1j,
]


@pytest.mark.parametrize("name", list(flat(StudySettings())))
def test_whatever_is_given_for_a_setting_it_is_taken_or_told(name):
    for value in HOSTILE:
        with suppress(UserError):
            StudySettings.from_dict({name: value})


def test_another_kind_of_question_to_a_result_is_told(result):
    for ask in (lambda: result.module(5), lambda: result.export(5), lambda: result.export(["torch"])):
        with pytest.raises(UserError, match="expected"):
            ask()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"searchers": "gp"}, "unknown setting 'searchers': expected one of .* Did you mean 'searcher'"),
        ({"searcher": "nobody"}, "unknown searcher 'nobody'"),
        ({"trainings": "many"}, "setting trainings: expected a whole number, got 'many'"),
        ({"trainings": -1}, "trainings"),
        ({"recommender": Own(3, 4)}, "recommender: expected a name or a class of torch modules, got Own"),
        ({"recommender": dict}, "expected a class derived from torch.nn.Module, got dict"),
        ({"recommender": "deepfm"}, "unknown recommender 'deepfm'"),
        ({"resume": True}, "expected out, the folder of the study"),
        ({"tracking_uri": "sqlite:///mlflow.db"}, "expected out, the folder of the study"),
        ({"threads": "2"}, "setting threads: expected a whole number, got '2'"),
        ({"threads": 0}, "^threads: expected at least 1, got 0"),
        ({"memory": "much"}, "setting memory: expected a number or None, got 'much'"),
        ({"resume": "yes"}, "setting resume: expected True or False, got 'yes'"),
        ({"tracking_uri": 5}, "setting tracking_uri: expected a text, got 5"),
        ({"experiment": None}, "setting experiment: expected a text, got None"),
        ({"out": 3}, "out: expected a path, got 3"),
        ({"out": b"x"}, "out: expected a path, got b'x'"),
        ({"out": ""}, "out: expected a path, got ''"),
        ({"dataset": "synthetic"}, "expected either a data frame or dataset='synthetic', got both; leave out one"),
        ({"dataset": "ml-100k"}, "expected either a data frame or dataset='ml-100k', got both; leave out one"),
        ({"out": "x" * 300}, "^out x+.*: cannot write there: File name too long"),
        ({"out": "a\0b"}, "cannot write there"),
        ({"user_col": "nobody"}, "nobody"),
        ({"data": "https://h/a.csv"}, "search_loss data: expected a file, got the URL https://h/a.csv; fetch it"),
        (
            {"data": "s3://bucket/x.parquet"},
            "search_loss data: expected a file, got the URL s3://bucket/x.parquet; fetch",
        ),
        ({"positive_at": 99}, "positive"),
        ({"test": "test.csv", "validation": "validation.csv"}, "validation.csv: could not read it"),
        ({"test": FRAME}, "got two; give all three"),
        ({"data": None, "test": FRAME, "validation": FRAME}, "expected data, the training part"),
    ],
)
def test_bad_input_is_told_in_a_line(given, message):
    with pytest.raises(UserError, match=message):
        search_loss(**{"data": FRAME} | SMALL | given)


def test_a_frame_without_ratings_of_both_kinds_is_refused():
    with pytest.raises(UserError):
        search_loss(FRAME.assign(stars=5.0), **SMALL | {"negatives": 0})
    with pytest.raises(UserError):
        search_loss(FRAME[:0], **SMALL)


def test_a_study_that_found_nothing_says_so(monkeypatch):
    from core.search.trial import Verdict

    monkeypatch.setattr("core.search.reward.RewardFilter.verdict", lambda self, reward: Verdict.REJECTED)
    result = search_loss(dataset="synthetic", **SMALL | {"trainings": 2})
    assert repr(result) == "SearchResult: no loss was found"
    with pytest.raises(UserError, match="found no loss"):
        _ = result.loss
    with pytest.raises(UserError, match="no recommender is at hand"):
        result.predict([1], [1])
    assert len(result.front) == 0
    assert "<table" in result._repr_html_()


def test_nothing_is_loaded_before_it_is_asked_for():
    with pytest.raises(AttributeError, match="has no attribute 'search_losses'"):
        _ = studies.search_losses
    assert studies.search_loss is search_loss


def test_a_study_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UserError, match="expected the folder of a study"):
        load_result(tmp_path / "nothing")
    with pytest.raises(UserError, match="run: expected a path, got 3"):
        load_result(3)
