"""The problem of crossed features from the command line: one's own table, what is left behind, and what is refused."""

import csv
import json
from html import escape
from pathlib import Path

import numpy as np
import pytest

from recommenders.data.fields import read_rows
from recommenders.tasks.crosses.export import from_json
from studies.common.command import BAD_INPUT, exit_code
from studies.run import app_of
from studies.study.summary import shortened

SHORT = ("--trainings", "6", "--candidates-per-step", "3", "--finalists", "2", "--simpler", "0")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def table():
    """Who buys: young people on weekends, others on weekdays; a line more for those of unknown age."""
    rng = np.random.default_rng(0)
    with Path("people.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["age", "day of week", "town", "bought"])
        for _ in range(800):
            age, day = int(rng.integers(18, 80)), rng.choice(["mon", "wed", "sat", "sun"])
            buys = rng.random() < (0.85 if (age < 40) == (day in ("sat", "sun")) else 0.15)
            rows.writerow(["" if rng.random() < 0.03 else age, day, f"t{rng.integers(9)}", "yes" if buys else "no"])
    return Path("people.csv")


def run(*words):
    return exit_code(lambda: app_of(words)([*words], exit_on_error=False, print_error=False))


def test_ones_own_table_is_searched_and_the_model_scores_it(table, capsys):
    line = "crosses:target=bought:most_crosses=2:levels=1"
    assert run("--problem", line, "--data", str(table), "--searcher", "gp", *SHORT, "--out", "there") == 0
    printed = capsys.readouterr()
    assert "1 column of numbers: age" in printed.err
    assert "its score as SQL" in printed.out
    result = json.loads(Path("there", "result.json").read_text())
    assert set(result["baselines"]) == {"lr", "autocross"}
    assert result["baselines"]["lr"]["test"]["auc"] < 0.7
    assert len(result["best"]["per_seed"]) == result["settings"]["repeats"] == 1
    assert "One seed decides nothing" in result["comparison"]["verdict"]
    autocross = result["baselines"]["autocross"]
    assert autocross["test"]["auc"] > 0.75
    assert autocross["simplified"]["complexity"] == autocross["simplified"]["formula"].count(";") + 1 > 0
    assert "= " + shortened(autocross["simplified"]["formula"])[:20] in printed.out
    assert result["baselines"]["lr"]["simplified"]["formula"] == "none"
    assert Path("there", "crosses.sql").read_text().count("CASE") > 2
    first = result["tables"][0]
    assert "Crosses of the set" in printed.out
    assert Path("there", "crosses.csv").read_text().splitlines()[0] == ",".join(first["columns"])
    page = Path("there", "report.html").read_text()
    assert all(table["title"] in page for table in result["tables"])
    whole = escape(autocross["simplified"]["formula"]).replace("&quot;", "&#34;")
    assert f"found <code>{whole}</code>" in page
    assert f"autocross found: {autocross['simplified']['formula']}\n" in printed.out
    model = from_json(Path("there", "crosses.json").read_text())
    chances = model.probabilities(read_rows(table, model.categorical))
    assert ((chances > 0) & (chances < 1)).all()


def test_the_same_seed_gives_the_same_result():
    found = []
    for name in ("one", "two"):
        assert run("--problem", "crosses:most_crosses=2", *SHORT, "--out", name) == 0
        result = json.loads(Path(name, "result.json").read_text())
        found.append((result["finalists"], result["baselines"]))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("crosses:dataset=adlut", "problem crosses: unknown table of fields 'adlut'"),
        ("crosses:dataset=adult", "problem crosses: data set adult: "),
        ("crosses:most_features=1", "problem crosses: most_features: expected 2 to 8, got 1"),
        ("crosses:most_crosses=0", "problem crosses: most_crosses: expected 1 to 100, got 0"),
        ("crosses:spacing=deciles", "problem crosses: spacing: expected both or width or quantiles"),
        ("crosses:decays=1,1", "problem crosses: decays: expected different numbers"),
        ("crosses:test_share=1", "problem crosses: test_share: expected a share above 0 and below 1"),
        ("crosses:target=bought", "problem crosses: data set planted: target is for tables of your own"),
    ],
)
def test_what_cannot_be_is_one_line_and_leaves_nothing(line, told, capsys):
    assert run("--problem", line, *SHORT, "--out", "there") == BAD_INPUT
    (said,) = capsys.readouterr().err.strip().splitlines()
    assert said.startswith(f"error: {told}")
    assert not Path("there", "result.json").exists()
