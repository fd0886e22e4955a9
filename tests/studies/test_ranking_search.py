"""Studies of losses of rankings: from the command to files, from everywhere on, and what cannot be searched."""

import json
from html import escape

import pytest
import torch

from studies import compare, export, run
from studies.common.command import BAD_INPUT, exit_code
from studies.storage.checkpoints import pack, unpack
from studies.study.ranking import RankingSearchSettings
from studies.study.settings import StudySettings
from studies.study.study import Study
from tests.core.export.written import imported

LINE = "ranking:dataset=synthetic:max_epochs=2:every=1:tuning_settings=3:tuning_epochs=4:negatives=16"
SMALL = ["--task", "ranking", "--dataset", "synthetic", "--max-epochs", "2", "--every", "1", "--negatives", "16"]
SMALL += ["--tuning-settings", "3", "--tuning-epochs", "4", "--trainings", "4", "--repeats", "2"]
SMALL += ["--finalists", "1", "--simpler", "1", "--baseline", "SL", "--searcher", "random"]
NOWHERE = ["--tracking-uri", "none"]


def called(app, *words):
    return exit_code(lambda: app([*words], exit_on_error=False, print_error=False))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("ranking") / "out"
    assert called(run.app_of(SMALL), *SMALL, *NOWHERE, "--out", str(path)) == 0
    return path


def test_a_study_leaves_its_loss_in_every_form(folder, tmp_path):
    result = json.loads((folder / "result.json").read_text())
    assert {path.name for path in folder.iterdir()} >= {
        "result.json",
        "loss.py",
        "loss.tex",
        "loss.json",
        "report.html",
    }
    best = result["best"]
    assert json.loads((folder / "loss.json").read_text())["formula"] == best["loss"]
    assert set(best["test"]) == {"recall@20", "ndcg@20", "hitrate@20", "mrr", "auc"}
    assert len(best["push_to_pull"]) == 3
    assert sorted(result["settings"]["problem"].split(":")) == sorted(LINE.split(":"))
    loss = imported((folder / "loss.py").read_text(), tmp_path).Loss()
    p, n = torch.zeros(2, requires_grad=True), torch.linspace(-0.5, 0.5, 10).reshape(2, 5).requires_grad_()
    loss(p, n).backward()
    assert (p.grad <= 0).all()


def test_it_is_done_once(folder, capsys):
    before = (folder / "result.json").read_bytes()
    assert called(run.rankings, *SMALL, *NOWHERE, "--out", str(folder), "--resume") == 0
    assert "Finished before" in capsys.readouterr().out
    assert (folder / "result.json").read_bytes() == before


def test_it_is_exported_again(folder, capsys):
    for form, start in (("torch", '"""'), ("latex", "% "), ("json", "{")):
        assert called(export.app, "--run", str(folder), "--to", form) == 0
        assert capsys.readouterr().out.startswith(start)
    assert called(export.app, "--run", str(folder), "--to", "sympy") == BAD_INPUT
    assert "a loss of rankings leaves as torch, latex, json, got sympy" in capsys.readouterr().err
    assert called(export.app, "--loss", "BSL:exponent=1.5", "--to", "json") == 0
    assert json.loads(capsys.readouterr().out)["formula"] == "1.5*log_mean_exp(12.5*n) - 12.5*p"
    assert called(export.app, "--loss", "SL@K") == BAD_INPUT
    assert "one that needs quantile" in capsys.readouterr().err


def test_the_page_shows_the_loss_as_mathematics_and_as_curves(folder):
    page, best = (folder / "report.html").read_text(), json.loads((folder / "result.json").read_text())["best"]
    assert "searched by random with seed 0" in page
    assert "A loss for ranking on synthetic" in page
    assert page.count("<math") == 1
    for text in ("Push on a negative", "Pull on the positive", "Push by pull", escape(best["loss"])):
        assert text in page
    for words in ("--to torch --out loss.py", "--to latex --out loss.tex", "--to json --out loss.json"):
        assert words in page
    ratio = best["push_to_pull"][1]
    assert f'<td class="n">{"-" if ratio is None else f"{ratio:.3g}"}</td>' in page


def small_study(searcher):
    values = {"problem": LINE, "trainings": 4, "candidates_per_step": 2, "finalists": 1, "simpler": 1, "repeats": 2}
    return StudySettings.from_dict({**values, "searcher": searcher, "baseline": ("SL", "BPR")})


def ended(settings, stored=None, on_checkpoint=lambda make: None):
    result = Study(settings).run([], stored=stored, on_checkpoint=on_checkpoint)
    return json.dumps({**result.to_dict(), "seconds": None})


@pytest.mark.parametrize(
    "searcher", ["gp", *(pytest.param(one, marks=pytest.mark.nightly) for one in ("random", "rl", "optuna"))]
)
def test_a_study_goes_on_from_everywhere_as_if_it_had_never_ended(searcher):
    kept, settings = [], small_study(searcher)
    expected = ended(settings, on_checkpoint=lambda make: kept.append(pack(make())))
    assert len(kept) >= 2 + 2 * 2
    for state in [*kept[:: 1 + len(kept) // 4], kept[-1]]:
        assert ended(settings, unpack(state)) == expected


def test_searchers_are_compared_on_it(tmp_path):
    words = [*SMALL[: SMALL.index("--repeats")], "--baseline", "SL", "--repeats", "1"]
    words += ["--searchers", "random,gp", "--seeds", "2", "--noise-seeds", "2", "--jobs", "1"]
    assert called(compare.app_of(words), *words, *NOWHERE, "--out", str(tmp_path / "out")) == 0
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert {one["searcher"] for one in result["runs"]} == {"random", "gp"}
    assert sorted(result["settings"]["problem"].split(":")) == sorted(LINE.split(":"))
    assert called(compare.rankings, "--task", "regression") == BAD_INPUT


def test_the_line_of_settings_is_read_back():
    settings = RankingSearchSettings(dataset="synthetic", sampler="uniform", negatives=8, search_users=50)
    assert settings.line() == "ranking:dataset=synthetic:sampler=uniform:negatives=8:search_users=50"
    assert RankingSearchSettings().line() == "ranking"
    assert Study(StudySettings.from_dict({"problem": settings.line(), "baseline": ("SL",)})).problem.device == "cpu"


def test_a_table_of_ones_own_is_searched_on(tmp_path):
    rows = [f"c{user},s{(user % 4) * 9 + item}" for user in range(40) for item in range(9)]
    table = tmp_path / "bought.csv"
    table.write_text("\n".join(["who,sku", *rows]), encoding="utf-8")
    words = [
        *SMALL[:2],
        *SMALL[4:],
        "--data",
        str(table),
        "--user-col",
        "who",
        "--item-col",
        "2",
        "--sampler",
        "uniform",
    ]
    words += ["--optimiser", "adam", "--schedule", "constant"]
    assert called(run.rankings, *words, *NOWHERE, "--out", str(tmp_path / "out")) == 0
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result["dataset"]["name"] == "bought"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--dataset", "nowhere"], "dataset"),
        (["--guess", "mean(relu(n - 0.5)) - p"], "with names for constants"),
        (["--guess", "mean(relu(n -"], "malformed formula"),
        (["--baseline", "nobody"], "unknown loss 'nobody'"),
        (["--baseline", "mean(n)"], "expected p, the positive"),
        (["--pushes", "9"], "pushes: expected 1 to 4, got 9"),
        (["--batch-size", "0"], "batch_size"),
        (["--validation-share", "0"], "chosen on validation"),
        (["--metric", "recall"], "expected recall@k"),
        (["--device", "cuda:99"], "expected auto or cpu or cuda"),
        (["--recommender", "mf:embedding_size=8"], "expected a name alone"),
        (["--sampler", "shared:negatives=8"], "expected a name alone, such as shared"),
        (["--optimiser", "nobody"], "nobody"),
        (["--schedule", "step"], "step"),
        (["--weight-decay", "-1"], "weight_decay"),
        (["--item-col", "what:ever"], "--item-col: expected letters, digits"),
        (["--test-share", "1"], "test_share"),
        (["--search-users", "0"], "expected at least 1, got 0"),
        (["--recommender", "nobody"], "nobody"),
        (["--data", "/nowhere/at/all"], "/nowhere/at/all"),
        (["--epsilon", "0.1"], "--epsilon"),
    ],
)
def test_what_cannot_be_searched_is_told_in_a_line(tmp_path, monkeypatch, capsys, changes, message):
    monkeypatch.chdir(tmp_path)
    assert called(run.rankings, *SMALL, *NOWHERE, *changes) == BAD_INPUT
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert message in line
    assert not list(tmp_path.iterdir())
