"""The trained recommender as a model of MLflow's."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from recommenders.data import table_dataset
from recommenders.data.dataset import Dataset
from recommenders.data.ids import id_text
from recommenders.data.synthetic import planted
from recommenders.modules.scoring import ScoringModule
from studies.exporting.model import MODEL, loader_source, model_name, save_model
from studies.exporting.served import Recommender
from studies.run import app
from studies.storage.ledger import LEDGER
from studies.storage.output import OutputFolder
from studies.study.study import Study
from tests.core.export.written import imported
from tests.studies.conftest import database, run_in
from tests.studies.small import OPTIONS, as_words, small_settings

pytestmark = pytest.mark.usefixtures("undrawn")

LOADER = """
import sys, json, warnings
sys.path = [path for path in sys.path if path not in ("", {here!r})]
import pandas as pd, mlflow, mlflow.pyfunc
mlflow.set_tracking_uri({uri!r})
model = mlflow.pyfunc.load_model({model!r})
rows = pd.DataFrame({rows!r})
print(json.dumps([None if value != value else value for value in model.predict(rows).tolist()]))
assert not {{"core", "recommenders", "studies"}} & set(sys.modules)
"""
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "0"}


def scored_elsewhere(model, rows, folder, uri="sqlite:///none.db"):
    """What a process says that has nothing of this project."""
    program = LOADER.format(uri=uri, model=str(model), rows=rows, here=str(Path.cwd()))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, cwd=folder, env=ENVIRONMENT
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def named_by_text():
    """The planted data with texts as ids."""
    data = planted()
    users, items = (np.array([f"{kind}-{i}" for i in range(n)], dtype=np.dtypes.StringDType()) for kind, n in
                    (("u", data.n_users), ("i", data.n_items)))  # fmt: skip
    return Dataset("texts", data.train, data.validation, data.test, users, items, data.split)


@pytest.mark.parametrize("recommender", ["mf", pytest.param("mlp", marks=pytest.mark.nightly)])
@pytest.mark.services
def test_another_process_scores_as_the_study_did(recommender, tmp_path):
    result = Study(small_settings(recommender=recommender), named_by_text()).run([])
    path = save_model(result, OutputFolder(tmp_path))
    assert path == tmp_path / MODEL
    assert sorted(one.name for one in tmp_path.iterdir()) == [LEDGER, MODEL]
    rows = {"user": ["u-3", "u-99", "nobody", "u-0"], "item": ["i-5", "i-0", "i-1", "i-79"]}
    got = scored_elsewhere(path, rows, tmp_path)
    pairs = torch.tensor([3, 99, 0]), torch.tensor([5, 0, 79])
    expected = ScoringModule(result.task.recommender, result.model)(*pairs).tolist()
    assert got == [pytest.approx(expected[0]), pytest.approx(expected[1]), None, pytest.approx(expected[2])]


@pytest.fixture(scope="module")
def study(tmp_path_factory, migrated):
    """The folder in which a study ran, with MLflow's database and the registered model."""
    return run_in(tmp_path_factory.mktemp("model"), migrated, *as_words(OPTIONS), "--out", "out")


@pytest.mark.services
def test_a_study_registers_its_model_and_keeps_its_files_with_its_run(study):
    from mlflow import MlflowClient

    client = MlflowClient(database(study))
    (version,) = client.search_model_versions("name = 'loss-search-synthetic-mf'")
    assert version.tags["searcher"] == "random"
    names = {file.path for file in client.list_artifacts(version.run_id)}
    assert {"result.json", "history.json", "loss.py", "loss.tex", "loss.json", "loss_sympy.py", MODEL} <= names
    rows = {"user": [1, 2], "item": [3, 4]}
    uri = database(study)
    registered = scored_elsewhere("models:/loss-search-synthetic-mf/1", rows, study, uri)
    assert registered == scored_elsewhere(study / "out" / MODEL, rows, study)


def test_sending_the_files_again_registers_nothing_twice(study, monkeypatch):
    from studies.study.history import History
    from studies.study.history_file import HistoryFile
    from studies.tracking.server import connect
    from studies.tracking.study import StudyTracker
    from studies.tracking.uploader import Uploader

    uri = database(study)
    client, experiment_id = connect(uri, "loss-search")
    (run,) = client.search_runs([experiment_id], "tags.child = 'none'")
    settings = json.loads((study / "out" / "result.json").read_text())["settings"]
    file = HistoryFile(OutputFolder(study / "again"), settings, print)
    file._head = replace(file._head, id=run.data.tags["journal"])
    uploader = Uploader(uri, "loss-search", print, connection=(client, experiment_id))
    with StudyTracker(uploader, History(None), file, settings, "auc", goes_on=True) as tracker:
        tracker.on_files({"loss.py": study / "out" / "loss.py"}, "loss-search-synthetic-mf")
    assert len(client.search_model_versions("name = 'loss-search-synthetic-mf'")) == 1


def test_a_registered_model_of_somebody_elses_is_left_alone(tmp_path, migrated, capsys):
    from mlflow import MlflowClient

    (tmp_path / "mlflow.db").write_bytes(migrated.read_bytes())
    client = MlflowClient(database(tmp_path))
    client.create_registered_model("loss-search-synthetic-mf", {"team": "theirs"}, "theirs")
    run_in(tmp_path, tmp_path / "mlflow.db", *as_words(OPTIONS), "--out", "out")
    assert "the model loss-search-synthetic-mf is somebody else's" in capsys.readouterr().err
    model = client.get_registered_model("loss-search-synthetic-mf")
    assert (model.description, dict(model.tags), model.latest_versions) == ("theirs", {"team": "theirs"}, [])
    (run,) = client.search_runs([client.get_experiment_by_name("loss-search").experiment_id], "tags.child = 'none'")
    assert MODEL in {file.path for file in client.list_artifacts(run.info.run_id)}


def test_a_model_that_cannot_be_kept_costs_a_warning(tmp_path, monkeypatch, capsys):
    def broken(*args, **kwargs):
        raise RuntimeError("no graph\nof this")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("torch.export.export", broken)
    app([*as_words(OPTIONS), "--out", "out", "--tracking-uri", "none"], exit_on_error=False, print_error=False)
    captured = capsys.readouterr()
    assert "warning: out/model: cannot keep the trained recommender: no graph" in captured.err
    assert "Written to out/result.json" in captured.out
    assert not (tmp_path / "out" / MODEL).exists()


def test_a_model_from_before_does_not_stay_beside_another_study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out" / MODEL).mkdir(parents=True)
    words = [*as_words(OPTIONS), "--out", "out", "--tracking-uri", "none", "--no-model"]
    app(words, exit_on_error=False, print_error=False)
    assert not (tmp_path / "out" / MODEL).exists()


def test_a_model_that_is_there_stays_until_another_one_is_whole(tmp_path, monkeypatch):
    result = Study(small_settings()).run([])
    (tmp_path / MODEL).mkdir()
    monkeypatch.setattr("studies.exporting.model._save", lambda *args: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(UserError, match="cannot keep the trained recommender"):
        save_model(result, OutputFolder(tmp_path))
    assert [one.name for one in tmp_path.iterdir()] == [MODEL]


def test_names_in_the_registry_are_plain():
    assert model_name("my data:1", "own.models:NeuMF") == "loss-search-my-data-1-own.models-NeuMF"
    assert len(model_name("x" * 900, "y" * 900)) < 256


#: One user, as different programs hold the same id.
WRITTEN = [51, 51.0, "51", "51.0", "51.00", " 51", np.int32(51), np.float32(51), Decimal("51.0"), np.str_("51.0")]


@pytest.mark.parametrize("kept", ["51", "51.0", 51, np.int64(51)])
@given(
    one=st.sampled_from(WRITTEN), other=st.sampled_from(["x", 7, 51.5, None, float("nan"), pd.NA, "051", "5e1", b"51"])
)
def test_an_id_is_found_however_it_is_written_and_no_other_one_is(kept, one, other):
    served = Recommender({"user": [kept], "item": ["x", 3]}, lambda user, item: (item + 1.0) / 4)
    assert served.predict({"user": [one], "item": [3.0]}).tolist() == [0.5]
    assert np.isnan(served.predict({"user": [other], "item": [3]})).all()


@pytest.mark.parametrize(
    "users",
    [
        [51, 9], [51.0, 9.0], ["51", "9"], ("51.0", 9), np.array([51, 9]), np.array(["51", "9"]), range(51, 53),
        pd.Series([51.0, None]), pd.Series([51, 9], dtype="category"), torch.tensor([51, 9]), pa.array([51, 9]),
        pa.chunked_array([["51"], ["9"]]), {51: 0, 9: 0}.keys(),
    ],
    ids=lambda users: type(users).__name__,
)  # fmt: skip
def test_ids_may_stand_in_any_sequence(users):
    served = Recommender({"user": ["51"], "item": ["x"]}, lambda user, item: item + 0.5)
    y_hat = served.predict({"user": users, "item": ["x", "x"]})
    assert y_hat[0] == 0.5
    assert np.isnan(y_hat[1])


SHORT = {
    "an array": lambda cells: cells,
    "its scalars": list,
    "a series": pd.Series,
    "an index": pd.Index,
    "categories": lambda cells: pd.Series(cells).astype("category"),
    "a categorical": pd.Categorical,
    "a nullable series": lambda cells: pd.Series(cells, dtype="Float32"),
    "objects": lambda cells: pd.Series(list(cells), dtype=object),
    "Arrow's in pandas": lambda cells: pd.Series(pa.array(cells), dtype=pd.ArrowDtype(pa.array(cells).type)),
    "Arrow's": pa.array,
    "a dictionary of Arrow's": lambda cells: pa.array(cells).dictionary_encode(),
    "polars'": lambda cells: pl.Series(cells, dtype=pl.Float32),
    "torch's": torch.from_numpy,
    "the other order of bytes": lambda cells: cells.astype(">f4"),
}
#: What these libraries have no floats of 16 bits for.
NO_HALVES = ("an index", "categories", "a categorical", "a nullable series", "a dictionary of Arrow's", "polars'")


@pytest.mark.parametrize("kind", [np.float32, np.float16])
@pytest.mark.parametrize("held", SHORT)
def test_floats_of_few_bits_are_found_as_they_were_read(held, kind):
    if kind == np.float16 and held in (*NO_HALVES, "the other order of bytes"):
        return
    cells = np.array([0.1, 1.7, 51, 1234.5], kind)
    read = table_dataset(pd.DataFrame({"user": cells, "item": 1, "rating": [5, 1, 5, 1]}))
    served = Recommender({"user": read.user_ids.tolist(), "item": [1]}, lambda user, item: user + 0.5)
    y_hat = served.predict({"user": SHORT[held](cells), "item": [1] * 4})
    assert [read.user_ids[int(one)] for one in y_hat] == [id_text(one) for one in cells]


@pytest.mark.parametrize("rows", [{"user": [1]}, [[1, 2]], {"user": "51", "item": ["x"]}, {"user": 5, "item": [3]}])
def test_rows_without_users_and_items_are_refused(rows):
    served = Recommender({"user": ["51"], "item": ["x"]}, lambda user, item: item)
    with pytest.raises(ValueError, match=r"expected (rows with the columns user and item|a list of users)"):
        served.predict(rows)


def test_large_numbers_beside_floats_keep_their_digits():
    served = Recommender({"user": [2**53 + 1, 2**53], "item": [1]}, lambda user, item: user / 2.0)
    assert served.predict({"user": [2**53 + 1, 2.0, 2**53], "item": [1, 1, 1]})[[0, 2]].tolist() == [0, 0.5]


def test_the_copy_of_a_model_has_the_law_of_ids_in_it(tmp_path):
    source = loader_source()
    assert not re.search(r"^(from|import) (core|recommenders|studies)", source, re.MULTILINE)
    module = imported(source, tmp_path)
    for one in (*WRITTEN, "007", "-0", None, 1e17, "x"):
        assert module.id_text(one) == id_text(one)


@pytest.mark.parametrize("users", [[5], [5.0], ["5"], ["5.0"], [5, "nobody"]])
def test_mlflow_takes_ids_of_every_kind(users, tmp_path_factory, kept_model):
    from mlflow.pyfunc import load_model

    rows = pd.DataFrame({"user": users, "item": [7.0] * len(users)})
    assert load_model(str(kept_model)).predict(rows)[0] > 0


def test_mlflow_leaves_ids_as_they_are_held(tmp_path):
    from mlflow.pyfunc import load_model

    data = planted()
    large = np.array([2**53 + 1 + i for i in range(data.n_items)])
    tenths = np.array([str(i / 10) for i in range(data.n_users)], dtype=np.dtypes.StringDType())
    data = Dataset("tenths", data.train, data.validation, data.test, tenths, large, data.split)
    model = load_model(str(save_model(Study(small_settings(), data).run([]), OutputFolder(tmp_path))))
    rows = pd.DataFrame({"user": np.array([0.1, 0.3], np.float32), "item": pd.Series([2**53 + 1, None], dtype=object)})
    expected = model.predict(pd.DataFrame({"user": ["0.1"], "item": [str(2**53 + 1)]}))
    assert model.predict(rows)[0] == expected[0] > 0
    assert model.predict(rows.astype({"user": np.float16}))[0] == expected[0]


@pytest.fixture(scope="module")
def kept_model(tmp_path_factory):
    return save_model(Study(small_settings()).run([]), OutputFolder(tmp_path_factory.mktemp("kept")))
