"""A table as a problem: its contract, look-ups that agree with the file, and hostile files."""

import json
import shutil

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from core.common.errors import UserError
from core.phases.problem import Optimum
from core.programs.program import LossProgram
from core.search.rounds import Rules
from core.search.search import Search, SearchBudget, StopReason
from core.search.trial import Verdict
from core.testing.study_problem import StudyProblemContract
from recommenders.tasks.loss_table import METADATA, LossTable
from recommenders.tasks.table_problem import TableProblem, TableSearchSettings
from searchers import make_searcher
from studies.common.command import BAD_INPUT, exit_code
from studies.compare import app as compare_app
from studies.run import app as run_app
from studies.table import app

SMALL = ["--size", "4", "--dataset", "synthetic", "--epochs", "1", "--epochs", "3", "--converged", "0"]
SMALL += ["--executor", "inline", "--tracking-uri", "none", "--epsilon", "0.01", "--raw"]
SMALL += ["--operators", "add,neg,square,mul,identity"]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("table")
    assert exit_code(lambda: app([*SMALL, "--out", str(folder)], exit_on_error=False, print_error=False)) == 0
    return folder / "table.parquet"


class TestTable(StudyProblemContract):
    starts_vary = False

    @pytest.fixture(autouse=True)
    def _take(self, file):
        self.file = file

    def make(self, seed):
        return TableProblem(LossTable.load(self.file), TableSearchSettings(epochs=3))

    def drawn(self, problem, seed=0):
        """Hardly any random loss is one that was trained: hence some of those too."""
        trained = [one for one in problem.compared.values() for _ in range(2)]
        table = LossTable.load(self.file)
        chosen = np.random.default_rng(seed).permutation(len(table.programs))[:6]
        there = [*super().drawn(problem, seed), *(table.programs[i] for i in chosen for _ in range(2)), *trained]
        return [one for one in there if one in problem.space]


@pytest.fixture
def problem(file):
    return TableProblem(LossTable.load(file))


def test_what_is_looked_up_is_what_the_file_says(file, problem):
    rows = pd.read_parquet(file)
    trained = rows[rows["verdict"] == "trained"].reset_index(drop=True)
    programs = [LossProgram.parse(text) for text in trained["formula"]]
    found = [one.score for one in problem.measure(programs, 0)]
    assert found == pytest.approx(trained["validation_auc_epochs3_smoothing0.01"].tolist(), nan_ok=True)
    assert problem.evaluate(programs, "validation", 7) == pytest.approx(
        trained["validation_auc_epochs3_seed0"].tolist(), nan_ok=True
    )
    others = trained["validation_auc_epochs3_seed1"].fillna(trained["validation_auc_epochs3_seed0"])
    assert problem.evaluate(programs, "test", 7) == pytest.approx(others.tolist(), nan_ok=True)
    assert {one.verdict for one in problem.examine(programs)} == {None}
    assert {one.verdict for one in problem.examine(programs)} == {Verdict.DUPLICATE}
    assert problem.n_entries == len(programs)


def test_a_loss_of_the_table_is_known_though_no_program_of_a_search_is_as_short(problem):
    text = "(y - y_hat + (y - y_hat))^2"
    with pytest.raises(UserError, match="at most"):
        problem.space.encode(problem.space.parse(text))
    known = problem.known(text)
    assert problem.trained({"name": known.name}) == known.solution
    with pytest.raises(UserError, match="unknown loss"):
        problem.known("(y_hat + y_hat + y_hat + y_hat)^2 + y_hat")


def test_the_optimum_is_of_what_a_search_sees(file, problem):
    seen = pd.read_parquet(file)["validation_auc_epochs3_smoothing0.01"].dropna().sort_values(ascending=False)
    assert problem.optimum == Optimum(pytest.approx(seen.iloc[0]), pytest.approx(seen.iloc[0]), 0.01, 3)
    assert len(seen) < 100  # else the best in a hundred are more than one


def test_without_the_proxy_test_repeats_are_looked_up_again(file):
    problem = TableProblem(LossTable.load(file), TableSearchSettings(without=("proxy",)))
    texts = ["(y - y_hat)^2", "(y_hat - y)^2", "(y - y_hat)^2", "y", "-(y - y_hat)^2"]
    findings = problem.examine([LossProgram.parse(text) for text in texts])
    assert [one.verdict for one in findings] == [
        *[None] * 3,
        Verdict.ZERO_GRADIENT,
        Verdict.WRONG_DIRECTION,
    ]
    assert [one.entry for one in findings[:3]] == [0, 1, 2]


def test_without_the_check_what_points_the_wrong_way_is_the_worst(file):
    problem = TableProblem(LossTable.load(file), TableSearchSettings(without=("check",)))
    programs = [LossProgram.parse(text) for text in ("-(y - y_hat)^2", "-(y - y_hat)*(y - y_hat)", "y", "y_hat^2")]
    findings = problem.examine(programs)
    assert [one.verdict for one in findings] == [None, Verdict.DUPLICATE, Verdict.ZERO_GRADIENT, None]
    assert [one.entry for one in findings] == [0, 0, None, 1]
    assert [one.score for one in problem.measure(programs[:1], 0)] == [problem.score()]
    assert problem.space.viable(problem.space.encode(programs[0])[None]).all()


def test_without_both_everything_costs_a_training(file):
    problem = TableProblem(LossTable.load(file), TableSearchSettings(without=("proxy", "check")))
    findings = problem.examine([LossProgram.parse(text) for text in ("y", "y", "-(y - y_hat)^2", "(y - y_hat)^2")])
    assert [one.entry for one in findings] == [0, 1, 2, 3]


def test_without_one_scale_multiples_are_other_losses_and_train_as_large_as_they_are(file):
    rows = pd.read_parquet(file).set_index("formula")
    normalised, raw = (f"validation_auc_epochs3_{kind}" for kind in ("smoothing0.01", "raw"))
    assert (rows[raw].notna() == rows["verdict"].isin(["trained", "same direction"])).all()
    multiples = rows[rows["verdict"] == "same direction"]
    texts = [multiples.index[0], rows[rows["number"] == multiples["same_direction"].iloc[0]].index[0]]
    problem = TableProblem(LossTable.load(file), TableSearchSettings(without=("scale",)))
    programs = [LossProgram.parse(text) for text in texts]
    assert [one.entry for one in problem.examine([*programs, programs[0]])] == [0, 1, 0]
    found = [one.score for one in problem.measure(programs, 0)]
    assert found == rows.loc[texts, raw].tolist()
    assert problem.optimum.best == rows[raw].max()
    assert problem.evaluate(programs, "validation", 0) == [rows["validation_auc_epochs3_seed0"][texts[1]]] * 2
    firsts = rows.reset_index().set_index("number").loc[multiples["same_direction"]]
    assert (multiples[raw].to_numpy() != firsts[raw].to_numpy()).any()
    assert (rows[raw] != rows[normalised])[rows[normalised].notna()].any()
    both = TableProblem(LossTable.load(file), TableSearchSettings(without=("scale", "check")))
    wrong = [LossProgram.parse(text) for text in ("-(y - y_hat)^2", "-(y - y_hat)^2 - (y - y_hat)^2")]
    assert [one.entry for one in both.examine([*wrong, wrong[0]])] == [0, 1, 0]


def test_with_halving_only_the_best_are_looked_up_after_more_epochs(file):
    rows = pd.read_parquet(file)
    rows = rows[rows["verdict"] == "trained"].dropna(subset=["validation_auc_epochs1_smoothing0.01"])[:9]
    problem = TableProblem(LossTable.load(file), TableSearchSettings(epochs=3, fidelity=3))
    short, whole = (rows[f"validation_auc_epochs{n}_smoothing0.01"].to_numpy() for n in (1, 3))
    found = problem.measure([LossProgram.parse(text) for text in rows["formula"]], 0)
    went_on = np.argsort(-short, kind="stable")[: -(-len(rows) // 3)]
    for i, one in enumerate(found):
        assert (one.score, one.cost) == ((whole[i], 3) if i in went_on else (short[i], 1))


def test_multiples_are_the_same_loss_and_what_was_not_trained_is_refused(problem):
    texts = ["(y - y_hat)^2", "(y - y_hat)^2 + (y - y_hat)^2", "-(y - y_hat)^2", "y", "-(y_hat*y_hat)"]
    refused = [Verdict.WRONG_DIRECTION, Verdict.ZERO_GRADIENT, Verdict.WRONG_DIRECTION]
    findings = problem.examine([LossProgram.parse(text) for text in texts])
    assert [one.verdict for one in findings] == [None, Verdict.DUPLICATE, *refused]
    assert findings[1].entry == findings[0].entry == 0


def test_however_it_is_written_a_loss_is_found(file):
    one, other = (LossProgram.parse(text) for text in ("(y - y_hat)^2", "(y - y_hat)*(y - y_hat)"))
    table = LossTable.load(file)
    assert table.places(table.gradients([one])) == table.places(table.gradients([other])) != [None]


def test_the_best_of_the_table_is_what_it_says(file, problem):
    rows = pd.read_parquet(file)
    scores = rows["validation_auc_epochs3_seed0"]
    best, median = problem.compared.values()
    assert problem.evaluate([best], "validation", 0) == [pytest.approx(scores.max())]
    assert scores.min() < problem.evaluate([median], "validation", 0)[0] < scores.max()
    assert problem.score() == pytest.approx(rows["validation_auc_epochs3_smoothing0.01"].min())


@pytest.mark.parametrize("verdict", ["one-sided", "wrong direction"])
def test_what_a_search_would_not_train_is_not_looked_up(file, problem, verdict):
    rows = pd.read_parquet(file)
    programs = [LossProgram.parse(text) for text in rows.loc[rows["verdict"] == verdict, "formula"][:40]]
    assert {one.verdict for one in problem.examine(programs)} == {Verdict.WRONG_DIRECTION}


def test_whoever_looks_at_every_loss_has_no_regret(file, problem):
    """Exhaustive search, by scores of as many epochs and as many smoothing terms, ends with the best loss."""
    rows = pd.read_parquet(file)
    programs = [LossProgram.parse(text) for text in rows.loc[rows["verdict"] == "trained", "formula"]]
    measured = [one.score for one in problem.measure(programs, 0)]
    best = programs[int(np.nanargmax(measured))]
    gap = np.subtract(
        *(problem.evaluate([one], "validation", 0)[0] for one in (problem.compared["best of the table"], best))
    )
    assert gap == pytest.approx(0, abs=1e-9)


def test_a_study_searches_it(file, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = [
        "--problem",
        "table:epochs=1",
        "--data",
        str(file),
        "--searcher",
        "gp",
        "--trainings",
        "5",
        "--repeats",
        "2",
    ]
    words += ["--samples-per-training", "3000", "--tracking-uri", "none", "--out", "out", "--no-model"]
    assert exit_code(lambda: run_app(words, exit_on_error=False, print_error=False)) == 0
    assert "best of the table" in capsys.readouterr().out
    assert (tmp_path / "out/report.html").exists()


def test_a_search_ends_when_everything_was_looked_up(file):
    problem = TableProblem(LossTable.load(file))
    programs = [problem.space.decode(problem.space.sample(1, np.random.default_rng(0)))[0]]
    rows = pd.read_parquet(file)
    programs += [LossProgram.parse(text) for text in rows.loc[rows["verdict"] == "trained", "formula"]]
    problem.examine(programs[:-1])
    assert not problem.is_exhausted
    problem.examine(programs)
    assert problem.is_exhausted
    search = Search(make_searcher("random", problem.space, 0), problem, Rules(), SearchBudget(), 0)
    assert [len(step.trials) for step in search] == [0]
    assert search.stop is StopReason.EXHAUSTED


HERE = __file__


def compared(*words):
    words = [*words, "--seeds", "2", "--searchers", "gp", "--trainings", "3", "--samples-per-training", "3000"]
    words += ["--executor", "inline", "--tracking-uri", "none", "--noise-seeds", "2", "--out", "out"]
    return exit_code(lambda: compare_app(words, exit_on_error=False, print_error=False))


def test_searchers_are_compared_on_it(file, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert compared("--table", str(file)) == 0
    printed = " ".join(capsys.readouterr().out.split())
    best = TableProblem(LossTable.load(file)).optimum.best
    assert f"the best loss of all, which a search sees with {best:.4f}" in printed
    result = json.loads((tmp_path / "out/result.json").read_text())
    assert result["optimum"]["best"] == best
    assert result["settings"]["noise_loss"] == result["noise"]["loss"] == "best of the table"
    assert "--problem table " in result["command"]
    assert f"--data {file} " in result["command"]
    assert (tmp_path / "out/regret.png").exists()
    before = result["runs"]
    assert compared("--problem", "table:epochs=1", "--table", str(file)) == 0
    result = json.loads((tmp_path / "out/result.json").read_text())
    assert result["optimum"]["cost"] == 1
    assert result["runs"] != before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--table", "no.parquet"], "--table no.parquet: expected a file that python -m studies.table wrote"),
        (["--table", HERE, "--data", "b.parquet"], "--table: expected it alone, got --data as well"),
        (["--table", HERE, "--problem", "a.b:C"], "expected it alone or with --problem table:..., got"),
        (["--table", HERE], "expected the table.parquet of python -m studies.table"),
    ],
)
def test_what_no_table_can_be_searched_with_is_told_in_a_line(words, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert compared(*words) == BAD_INPUT
    assert message in capsys.readouterr().err.replace("\n", " ")
    assert not list(tmp_path.iterdir())


def rewritten(file, tmp_path, change):
    table = pq.read_table(file)
    about = json.loads(table.schema.metadata[METADATA.encode()])
    table, about = change(table, about)
    other = tmp_path / "other.parquet"
    pq.write_table(table.replace_schema_metadata({METADATA: json.dumps(about)}), other)
    return other


def without_raw(table, about):
    return table, about | {"settings": about["settings"] | {"raw": False}}


@pytest.mark.parametrize(
    "change",
    [
        lambda table, about: (table.drop_columns(["lines"]), about),
        lambda table, about: (table.drop_columns(["verdict"]), about),
        lambda table, about: (table.drop_columns(["same_direction"]), about),
        lambda table, about: (table.slice(0, 0), about),
        lambda table, about: (table.filter(pc.equal(table["verdict"], "wrong direction")), about),
        lambda table, about: (table, {}),
        lambda table, about: (table, []),
        lambda table, about: (table, about | {"space": {"inputs": ["y_hat"], "operators": ["rm"]}}),
        lambda table, about: (table, about | {"settings": about["settings"] | {"size": 10**9}}),
        lambda table, about: (table, about | {"settings": about["settings"] | {"epochs": []}}),
        lambda table, about: (table, about | {"metric": "nobody"}),
        *(
            lambda table, about, line=line: (
                table.set_column(table.column_names.index("lines"), "lines", pa.array([line * 4] * len(table))),
                about,
            )
            for line in (b"\x63\x63\x63", b"\x00\x00\x63", b"\x00\x00\x05", b"\x00\xff\x00", b"\xff\xff\xff", b"\x00")
        ),
    ],
)
def test_a_file_that_was_tampered_with_is_refused_in_a_line(file, tmp_path, change):
    with pytest.raises(UserError):
        TableProblem(LossTable.load(rewritten(file, tmp_path, change)))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--problem", "table"], "--problem table: expected --data FILE, the table.parquet of"),
        (["--problem", "table", "--data", "no.parquet"], "no.parquet"),
        (["--problem", "table", "--data", "text.csv"], "expected the table.parquet of python -m studies.table"),
        (
            ["--problem", "table", "--data", "plain.parquet"],
            "table.parquet of python -m studies.table, got another file",
        ),
        (
            ["--problem", "table:epochs=2", "--data", "table.parquet"],
            "error: table: epochs: expected epochs out of those of the table, 1, 3, got 2",
        ),
        (["--problem", "table:depth=2", "--data", "table.parquet"], "depth"),
        (["--problem", "table:epochs=0", "--data", "table.parquet"], "table: epochs: expected at least 1, got 0"),
        (["--problem", "table:without=proxy,proxy", "--data", "table.parquet"], "expected some of proxy,check,scale"),
        (
            ["--problem", "table:without=seed", "--data", "table.parquet"],
            "expected some of proxy,check,scale, got 'seed'",
        ),
        (
            ["--problem", "table:without=scale", "--data", "normalised.parquet"],
            "scale: expected a table made with --raw",
        ),
        (["--problem", "table:fidelity=0", "--data", "table.parquet"], "fidelity: expected at least 1, got 0"),
        (["--problem", "table", "--data", "table.parquet", "--preset", "paper"], "has no use for it"),
    ],
)
def test_bad_input_is_told_in_a_line(words, message, file, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(file, "table.parquet")
    (tmp_path / "text.csv").write_text("a,b\n1,2\n")
    pq.write_table(pa.table({"a": [1]}), "plain.parquet")
    rewritten(file, tmp_path, without_raw).rename("normalised.parquet")
    there = sorted(tmp_path.iterdir())
    assert (
        exit_code(lambda: run_app([*words, "--tracking-uri", "none"], exit_on_error=False, print_error=False))
        == BAD_INPUT
    )
    told = capsys.readouterr().err.replace("\n", " ")
    assert message in told
    assert "Traceback" not in told
    assert sorted(tmp_path.iterdir()) == there
