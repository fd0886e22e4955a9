"""The tables of times of AutoCross: what is published, and their shape. Times themselves are results."""

from pathlib import Path

import pytest

from recommenders.tasks.crosses.rivals import tuned
from studies.common.command import BAD_INPUT, exit_code
from studies.common.processes import cpu_name
from studies.reproduce import app_of
from studies.reproduction.raw import read_csv
from studies.reproduction.registry import REPRODUCTIONS
from studies.reproduction.slides.autocross_time import LATENCY_MS, SEARCH_HOURS
from tests.missing import uninstall
from tests.studies.reproduction.frames import made_up

TIME, LATENCY = "autocross-time", "autocross-latency"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def reproduce(*words):
    return exit_code(lambda: app_of(words)([*words], exit_on_error=False, print_error=False))


def cells(name, raw):
    (table,) = REPRODUCTIONS[name].tables(raw)
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def test_published_hours_are_seconds_beside_ours():
    assert {data: round(3_600 * hours) for data, hours in SEARCH_HOURS.items()} == {"bank": 96, "adult": 129}
    exact, race = cells(TIME, made_up(TIME))
    assert (exact["candidates"], race["candidates"]) == ("exact", "race")
    assert (exact["seconds, paper"], exact["seconds, ours"], exact["from, to"]) == ("129", "2.50", "2.00, 3.00")
    assert (exact["times as fast"], exact["machine"]) == ("51", "2 cores of a CPU")


def test_published_milliseconds_are_microseconds_beside_ours_of_one_row_and_of_many():
    rows = {row["model"]: row for row in cells(LATENCY, made_up(LATENCY))}
    assert set(rows) == {"autocross", "lightgbm", *LATENCY_MS["adult"]}
    ours = rows["autocross"]
    assert ours["microseconds of a row, paper"] == "0.48"
    assert (ours["ours, one row at a time"], ours["ours, 10,000 rows at a time"]) == ("1,000.00", "0.100")
    assert rows["lightgbm"]["microseconds of a row, paper"] == rows["Deep"]["machine"] == "-"


@pytest.mark.nightly
def test_a_search_is_timed_with_all_rows_and_in_races():
    assert reproduce(TIME, "--seeds", "1", "--out", "there") == 0
    raw = read_csv(Path("there") / f"{TIME}.csv", REPRODUCTIONS[TIME].columns)
    assert raw["evaluate"].tolist() == ["exact", "race"]
    assert (raw["seconds"] > 0).all()
    assert all(cpu_name() in one for one in raw["machine"])


def test_every_model_is_timed_by_one_row_and_by_many(monkeypatch):
    monkeypatch.setattr(tuned, "TRIALS", 1)
    assert reproduce(LATENCY, "--seeds", "1", "--model", "cmi", "--out", "there") == 0
    raw = read_csv(Path("there") / f"{LATENCY}.csv", REPRODUCTIONS[LATENCY].columns)
    pairs = [*zip(raw["model"], raw["rows"], strict=True)]
    assert pairs == [(model, rows) for model in ("lr", "autocross", "cmi") for rows in (1, 10_000)]
    assert (raw["nanoseconds"] > 0).all()


@pytest.mark.parametrize(
    ("model", "told"),
    [("lightgbm", "needs lightgbm, which is not installed"), ("xgboost", "unknown rival 'xgboost'")],
)
def test_what_cannot_be_timed_is_one_line(monkeypatch, capsys, model, told):
    uninstall(monkeypatch, "lightgbm")
    assert reproduce(LATENCY, "--model", model, "--out", "there") == BAD_INPUT
    (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
    assert line.startswith("error: ")
    assert told in line
