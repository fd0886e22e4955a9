"""The page about an evaluation, of predictions and of rankings."""

import copy
import json
import re

import pytest

from core.common.errors import UserError
from studies.common.command import exit_code
from studies.evaluation.page import evaluation_page
from studies.evaluation.report import write_report
from studies.report import app
from studies.storage.output import OutputFolder
from studies.study.summary import mean_and_spread
from tests.studies.evaluation.small import judge
from tests.studies.evaluation.test_rankings import judge as judge_rankings
from tests.studies.pages import HOSTILE, Reader

BOTH = ["What was run", "Losses", "Pairs", "Tuning", "Settings", "How to reproduce it"]
OF_RANKINGS = [*BOTH[:3], "What is recommended", "Training to convergence", *BOTH[3:]]
ABOUT = {"command": "python -m studies.evaluate --loss x", "versions": {"torch": "2"}, "seconds": 61.0}
DATASET = {"name": "synthetic", "n_users": 30, "parts": {"train": {"rows": 400}, "test": {"rows": 50}}}


def written(outcome, folder):
    """What result.json holds."""
    about = {**ABOUT, "dataset": DATASET}
    files = write_report(outcome, about, OutputFolder(folder), lambda warning: pytest.fail(warning))
    assert [file.name for file in files] == ["result.json", "seeds.csv", "losses.png", "report.html"]
    return json.loads((folder / "result.json").read_text())


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    made = {
        "predictions": judge(tmp_path_factory.mktemp("a")),
        "rankings": judge_rankings(tmp_path_factory.mktemp("b")),
    }
    places = {task: tmp_path_factory.mktemp(task) for task in made}
    contents = {task: written(outcome, places[task]) for task, outcome in made.items()}
    return places, contents


@pytest.fixture(params=["predictions", "rankings"])
def result(request, folders):
    """Of each task: what result.json holds, and its page."""
    content = folders[1][request.param]
    return copy.deepcopy(content), (folders[0][request.param] / "report.html").read_text()


def words(page):
    return " ".join(Reader(page).text.split())


def test_the_page_tells_everything_in_order_and_needs_nothing_from_outside(result):
    content, page = result
    read = Reader(page)
    assert read.headings == (OF_RANKINGS if content["settings"]["task"] == "ranking" else BOTH)
    assert len(read.ids) == len(set(read.ids))
    assert read.tags.isdisjoint({"script", "link", "iframe", "object", "img", "image"})
    assert {address.removeprefix("#") for address in read.addresses} <= set(read.ids)
    assert "http" not in page
    pictures = re.findall(r"<svg[^>]*>", page)
    assert len(pictures) == (3 if content["settings"]["task"] == "ranking" else 2)
    assert all('role="img"' in one and 'aria-label="' in one for one in pictures)
    text = words(page)
    for told in (ABOUT["command"], "1 min 1 s", "torch 2", "Noise floor", "seed to seed", "selected on validation"):
        assert told in text
    assert f"Every loss had the same number of trials on validation: {content['settings']['trials']}." in text
    assert "is not shown to differ from" in text
    assert evaluation_page(content, "x") == page


def test_short_trials_are_told_beside_those_that_decided(folders):
    content = copy.deepcopy(folders[1]["rankings"])
    content["settings"] |= {"trial_epochs": 2, "trials": 3, "max_epochs": 50}
    text = words(evaluation_page(content, "x"))
    assert "on validation: 3, of 2 epochs each; the best 1 were tried again for 50." in text
    assert "of every trial, after 2 epochs, as a dot" in text


def table(page, content, column):
    """The table with this column: a row for each loss, in order."""
    rows = Reader(page).rows
    (head,) = [row for row in rows if row[0] == "loss" and column in row]
    below = rows[rows.index(head) + 1 :][: len(content["losses"])]
    named = [max((one for one in content["losses"] if row[0].startswith(one)), key=len) for row in below]
    return {name: dict(zip(head, row, strict=True)) for name, row in zip(named, below, strict=True)}


def test_all_numbers_of_the_tables_are_those_of_the_result(result):
    content, page = result
    decides, losses = content["metric"], table(page, content, "epochs")
    assert set(losses) == set(content["losses"])
    for name, one in content["losses"].items():
        for metric in one["test"]:
            assert losses[name][f"test {metric}"] == mean_and_spread(one["test"][metric]["per_seed"])
        assert losses[name][f"validation {decides}"] == mean_and_spread(one["validation"][decides]["per_seed"])
        rate = one["learning_rate"]
        assert losses[name]["learning rate"] == ("" if rate is None else f"{rate:.4g}")
        for measure, described in one.get("exposure", {}).items():
            assert table(page, content, measure)[name][measure] == mean_and_spread(described["per_seed"])
    pairs = [*content["comparisons"], *content.get("by_user", [])]
    told = [row for row in Reader(page).rows if len(row) > 2 and row[1] in content["losses"]]
    expected = [[p["loss"], p["baseline"], f"{p['gain']:+.4f}", f"{p['p_holm']:.2g}", p["verdict"]] for p in pairs]
    assert sorted([*row[:3], *row[-2:]] for row in told) == sorted(expected)


def test_the_best_comes_first_and_everybody_is_marked(result):
    content, page = result
    values = [
        content["losses"][name]["validation"][content["metric"]]["mean"] for name in table(page, content, "epochs")
    ]
    assert values == sorted(values, reverse=True)
    assert page.count('<span class="mark">') == len(values) - 1  # all but the one that is judged
    assert page.count('<span class="mark">anchor') == (content["settings"]["task"] == "ranking")


def test_hostile_names_stay_text(result):
    content, _ = result
    text = (
        json.dumps(content).replace("MaxR", "LOSS").replace("SL", "LOSS").replace("BCE", "BASE").replace("BPR", "BASE")
    )
    quoted = json.dumps(f"{HOSTILE} $x$ \x00")[1:-1]
    hostile = json.loads(text.replace("LOSS", quoted).replace("synthetic", quoted).replace("mf:", quoted))
    hostile["versions"] = hostile["dataset"] = {HOSTILE: HOSTILE}
    hostile["conclusion"] = hostile["command"] = HOSTILE
    hostile["conclusion"] = [HOSTILE]
    page = evaluation_page(hostile, "x")
    read = Reader(page)
    assert "script" not in read.tags
    assert "onload" not in read.attributes
    assert HOSTILE in read.text
    assert "\x00" not in page


def test_a_training_that_broke_down_is_told(result):
    content, _ = result
    name, one = next(iter(content["losses"].items()))
    for part in ("validation", "test"):
        for described in one[part].values():
            described |= {"mean": None, "std": None, "per_seed": [None, None]}
    one.pop("exposure", None)
    one.pop("curve", None)
    for pair in content["comparisons"]:
        pair |= {"gains": [None, None], "gain": None, "p_value": None, "p_holm": None}
    page = evaluation_page(content | {"by_user": []}, "x")
    text = words(page)
    assert f"{name}: training broke down with 2 of 2 seeds" in text
    assert f"{name} cannot be compared with" in text
    assert not re.search(r"\b(nan|inf|None)\b", text)
    assert list(table(page, content, "epochs"))[-1] == name


def test_what_was_selected_on_test_is_said_aloud(tmp_path):
    outcome = judge_rankings(tmp_path / "a", protocol="paper", baseline=())
    written(outcome, tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert page.count("elected on test") == 2
    text = words(page)
    assert "The best epoch is chosen on the test part" in text
    assert "Nothing was tuned" in text
    assert "validation recall@20" not in text


def test_results_of_earlier_versions_make_a_page_too(result):
    content, _ = result
    for name in ("dataset", "versions", "seconds"):
        del content[name]
    assert "does not say how large the data are" in words(evaluation_page(content, "x"))


@pytest.mark.parametrize(
    "change",
    [
        {"losses": {}},
        {"losses": {"x": {}}},
        {"settings": {}},
        {"metric": "height"},
        {"conclusion": None},
        {"comparisons": [3]},
        {"command": 3},
        {"dataset": []},
    ],
)
def test_what_is_no_result_is_told_in_a_line(result, change):
    with pytest.raises(UserError, match=r"^x: expected the result\.json of an evaluation: [^\n]*$"):
        evaluation_page(result[0] | change, "x")


def test_the_command_draws_the_same_and_refuses_others_in_a_line(folders, tmp_path, capsys):
    places, contents = folders
    for place in places.values():
        before = (place / "report.html").read_bytes()
        assert exit_code(lambda: app(["--run", str(place)], exit_on_error=False, print_error=False)) == 0  # noqa: B023
        assert (place / "report.html").read_bytes() == before
    capsys.readouterr()
    (tmp_path / "result.json").write_text(json.dumps(contents["rankings"] | {"losses": 3}))
    assert exit_code(lambda: app(["--run", str(tmp_path)], exit_on_error=False, print_error=False)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "expected the result.json of an evaluation" in line
