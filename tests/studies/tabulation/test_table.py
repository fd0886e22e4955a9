"""A table of losses: what is in it is what trainings give, and the command as a user meets it."""

import json
import math
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from core.common.seeding import derive_seed
from core.losses.loss import ProgramLoss
from core.programs.operators import OPERATORS
from core.programs.program import LossProgram
from core.search.effectiveness import EarlyStopping
from recommenders.tasks.convergence import LossConvergence
from recommenders.tasks.loss_table import METADATA, ONE_SIDED, SAME, TRAINED, WRONG
from studies.common.command import BAD_INPUT, exit_code
from studies.execution.task import TaskFactory
from studies.study.study import Study
from studies.table import app
from studies.tabulation.report import TABLE
from studies.tabulation.settings import TableLosses, TableSettings
from studies.tabulation.table import BESIDE, Tabulation
from tests.studies.execution.small import small_runner
from tests.studies.tracking.dump import dump

SMALL = ["--size", "3", "--dataset", "synthetic", "--epochs", "1", "--epochs", "3", "--converged", "2"]
SMALL += ["--max-epochs", "4", "--executor", "inline", "--tracking-uri", "none"]


def table(*words):
    return exit_code(lambda: app([*words], exit_on_error=False, print_error=False))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("table")
    assert table(*SMALL, "--out", str(folder)) == 0
    return folder


def read(folder):
    found = pq.read_table(folder / TABLE)
    return found.to_pandas(), json.loads(found.schema.metadata[METADATA.encode()])


def test_there_is_a_row_for_each_loss(made):
    rows, about = read(made)
    losses = TableLosses.of(TableSettings(size=3))
    assert rows["formula"].tolist() == losses.formulas
    assert rows["operators"].value_counts().sort_index().tolist() == losses.counts() == [8, 72, 956]
    assert set(rows["verdict"]) == {TRAINED, SAME, WRONG, ONE_SIDED}
    assert about["settings"]["size"] == 3
    assert about["command"].startswith("python -m studies.table --size 3 --epochs 1")
    assert set(about["beside"]) == set(BESIDE)
    operators, inputs = about["space"]["operators"], tuple(about["space"]["inputs"])
    for formula, packed in zip(rows["formula"][::50], rows["lines"][::50], strict=True):
        lines = np.frombuffer(packed, dtype=np.int8).reshape(-1, 3)
        names = [(operators[o], tuple(s)) for o, *s in lines[lines[:, 0] >= 0].tolist()]
        program = LossProgram(tuple((name, slots[: OPERATORS[name].arity]) for name, slots in names), inputs)
        assert str(program) == formula


def test_only_what_was_trained_has_scores(made):
    rows, _ = read(made)
    is_trained = rows["verdict"] == TRAINED
    short = [name for name in rows if "_epochs" in name]
    assert len(short) == 2 * (2 + 2)  # epochs, seeds and smoothing terms
    first = [name for name in short if name.endswith(("_smoothing0.1", "_seed0"))]
    assert rows.loc[is_trained, first].notna().all(axis=None)
    assert rows.loc[~is_trained, short].isna().all(axis=None)
    # the better half, and those that have no smoothing term
    is_promising = rows["validation_auc_epochs3_seed1"].notna()
    assert rows.loc[is_promising, short].notna().all(axis=None)
    ranked = rows.loc[is_trained, "validation_auc_epochs3_smoothing0.1"].sort_values(ascending=False)
    assert set(rows.index[is_promising]) == set(ranked.index[: math.ceil(len(ranked) / 2)])
    assert rows.loc[is_trained & ~is_promising, "validation_auc_epochs3_seed1"].isna().all()
    converged = rows["test_auc_converged_seed1"].notna()
    assert converged.sum() == 4  # the best two, and two by lot
    assert set(rows.loc[converged, "decay"]) <= {9e-05, 3e-04, 3e-05}
    means = rows[["validation_auc_epochs3_seed0", "validation_auc_epochs3_seed1"]].mean(axis=1)  # of those there are
    assert set(means.nlargest(2).index) <= set(rows.index[converged])


def test_the_squared_error_is_the_named_one(made):
    """One is a program and the other one a closed form."""
    rows, about = read(made)
    (row,) = rows[rows["formula"] == "(y - y_hat)^2"].to_dict("records")
    for name, value in about["beside"]["MSE"].items():
        if value is not None and name != "decay":
            assert row[name] == pytest.approx(value, abs=1e-4)


def test_scores_are_those_of_trainings(made):
    rows, _ = read(made)
    settings = TableSettings(size=3).study
    study = Study(settings.from_dict(settings.to_dict() | {"dataset": "synthetic"}))
    text = "max(y_hat, y/(y_hat))"
    (row,) = rows[rows["formula"] == text].to_dict("records")
    sgd = TableSettings(size=3).descents[:1]
    for seed, epsilon in ((0, 1e-6), (0, 0.1), (1, row["smoothing"])):
        loss = study.losses.comparable(ProgramLoss(LossProgram.parse(text), study.losses.space, epsilon))
        whole, drawn = EarlyStopping(3, 3, 3), derive_seed("comparison", seed)
        (fitted,) = LossConvergence(study.losses.task, [loss], drawn, whole, sgd=sgd).run()
        for epochs in (1, 3):
            score = row[f"validation_auc_epochs{epochs}_" + (f"seed{seed}" if seed else f"smoothing{epsilon:g}")]
            assert score == pytest.approx(fitted.curve[epochs - 1], abs=1e-6)


def test_the_smoothing_term_is_the_best_after_the_most_epochs(made):
    rows, _ = read(made)
    for row in rows[rows["validation_auc_epochs3_seed1"].notna()].to_dict("records"):
        of_each = {epsilon: row[f"validation_auc_epochs3_smoothing{epsilon:g}"] for epsilon in (0.1, 1e-6)}
        if not math.isnan(row["smoothing"]):
            assert of_each[row["smoothing"]] == max(of_each.values()) == row["validation_auc_epochs3_seed0"]
        else:
            assert len(set(of_each.values())) == 1


def test_what_is_there_is_not_done_again(made, capsys):
    before, _ = read(made)
    assert table(*SMALL, "--out", str(made)) == 0
    told = capsys.readouterr()
    assert "parts are there from before" in told.err
    assert ": done" not in told.err
    assert "Losses by number of operators" in told.out
    assert read(made)[0].equals(before)


def test_losses_are_enumerated_once(made, monkeypatch, capsys):
    """Where the file is damaged, they are again."""
    before, _ = read(made)
    (kept,) = (made / "parts").glob("losses-*.npz")
    with monkeypatch.context() as patch:
        patch.setattr("studies.tabulation.settings.enumerate_losses", None)
        assert table(*SMALL, "--out", str(made)) == 0
    assert "Losses of" not in capsys.readouterr().err
    assert read(made)[0].equals(before)
    kept.write_bytes(kept.read_bytes()[:-100])
    assert table(*SMALL, "--out", str(made)) == 0
    assert "Losses of 3 operators" in capsys.readouterr().err
    assert read(made)[0].equals(before)


def test_blocks_and_workers_change_nothing(made, tmp_path, monkeypatch):
    monkeypatch.setattr("studies.tabulation.table.AT_ONCE", 3)
    settings = TableSettings(size=3, epochs=(1, 3), converged=0)
    settings = TableSettings(**{**vars(settings), "data": type(settings.data)(dataset="synthetic")})
    losses = TableLosses.of(settings)
    with small_runner(tmp_path) as runner:
        metric = Study(settings.study).problem.metric
        found = Tabulation(settings, losses, metric, TaskFactory(None), runner).run()
    rows, _ = read(made)
    assert [row.number for row in found[: -len(BESIDE)]] == losses.trained
    for row in found[: -len(BESIDE)]:
        for seed in range(len(row.scores)):
            name = f"validation_auc_epochs3_seed{seed}"
            assert rows[name][row.number] == np.float32(row.scores[seed, -1])


def test_a_loss_that_breaks_down_is_no_trouble(tmp_path):
    words = ["--learning-rate", "1e30", "--decay", "0", "--out", str(tmp_path / "out")]
    assert table(*SMALL, *words) == 0
    rows, _ = read(tmp_path / "out")
    assert rows["validation_auc_epochs3_smoothing0.1"].isna().any()


def test_mlflow_has_the_file_and_the_losses_side_by_side(made, tmp_path, migrated, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("mlflow.db").write_bytes(migrated.read_bytes())
    for _ in range(2):  # done again, nothing is there twice
        assert table(*SMALL[:-2], "--out", str(made), "--tracking-uri", f"sqlite:///{tmp_path}/mlflow.db") == 0
    assert "mlflow ui" in capsys.readouterr().out
    runs = dump(tmp_path / "mlflow.db")["loss-search-tables"]["runs"]
    (root,) = [run for run in runs if run["name"] == "table of 3 operators"]
    assert set(root["artifacts"]) == {TABLE}
    rows, _ = read(made)
    names = {run["name"] for run in runs} - {root["name"]}
    assert names == {*BESIDE, *rows.loc[rows["test_auc_converged_seed0"].notna(), "formula"]}
    assert len(runs) == 1 + len(names)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--size", "6"], "--size: expected 1 to 5, got 6"),
        (["--size", "0"], "--size: expected 1 to 5, got 0"),
        (["--epochs", "3", "--epochs", "1"], "--epochs: expected rising numbers, got 3 1"),
        (["--epochs", "0"], "epochs: expected 1 to 1,000,000, got 0"),
        (["--seeds", "0"], "--seeds: expected 1 to 1,000,000, got 0"),
        (["--promising", "1.5"], "--promising: expected a share, 0 to 1, got 1.5"),
        (["--promising", "nan"], "--promising"),
        (["--converged", "-1"], "--converged: expected 0 to 1,000,000, got -1"),
        (["--weight-decay", "1e-4"], "--weight-decay: give it as --decay here"),
        (["--decay", "50"], "weight_decay: expected 0 to"),
        (["--operators", "+sin"], "unknown operator 'sin'"),
        (["--preset", "slow"], "--preset: expected tuned or fast or paper, got 'slow'"),
        (["--min-positive-rate", "2"], "expected a min_positive_rate in [0, 1]"),
        (["--dataset", "nobody"], "nobody"),
    ],
)
def test_bad_input_is_told_in_a_line_and_leaves_nothing(words, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert table(*words) == BAD_INPUT
    told = capsys.readouterr().err.replace("\n", " ")
    assert message in told
    assert "Traceback" not in told
    assert list(Path().iterdir()) == []
