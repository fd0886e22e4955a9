"""The problems of weight decay from the command line: what they refuse, and that a killed search goes on."""

import json
from pathlib import Path

import pytest

from studies.common.command import BAD_INPUT, exit_code
from studies.run import app_of

SHORT = ("--trainings", "8", "--candidates-per-step", "4", "--repeats", "1", "--finalists", "2", "--simpler", "0")
LINE = "decay:dataset=synthetic:dimensions=4:max_epochs=2:space={}"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(*words):
    return exit_code(lambda: app_of(words)([*words], exit_on_error=False, print_error=False))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("decay:space=lavs", "problem decay: unknown space of decays 'lavs': expected one of laws, levels"),
        ("decay:groups=0", "problem decay: groups: expected 1 to 32, got 0"),
        ("decay:decays=0.1", "problem decay: decays: expected at least two different numbers"),
        ("decay:validation_share=0", "problem decay: validation_share: decays are chosen on validation"),
        ("decay:patience=0", "problem decay: patience: expected 1 to"),
        ("decay:every=0", "problem decay: every: expected 1 to"),
        ("law:every=0", "problem law: every: expected 1 to"),
        ("decay:metric=recall", "problem decay: metric: expected recall@k"),
        ("decay:dataset=ml-1m", "problem decay: data set ml-1m: give the path of ratings.dat"),
        ("decay:dataset=synthetic:positive_at=4", "problem decay: positive_at: data set synthetic has no ratings"),
        ("decay:dataset=synthetic:fewest=9", "problem decay: fewest: data set synthetic has no ratings"),
        ("law:learned=DIU", "problem law: unknown granularity 'DIU'"),
        ("law:rate=0", "problem law: rate: expected a number above 0"),
        ("law:decays=0.1,0.2", "problem law: decays: laws are not trained, which it is about; leave it out"),
    ],
)
def test_what_cannot_be_is_one_line_and_leaves_nothing(line, told, capsys):
    assert run("--problem", line, *SHORT, "--out", "there") == BAD_INPUT
    (said,) = capsys.readouterr().err.strip().splitlines()
    assert said.startswith(f"error: {told}")
    assert not Path("there", "result.json").exists()


@pytest.mark.parametrize("space", ["levels", "laws"])
def test_a_study_says_what_it_chose_and_writes_decays(space, capsys):
    words = (
        "--problem",
        LINE.format(space),
        "--baseline",
        "fixed",
        "--baseline",
        "DUI-refit",
        *SHORT,
        "--out",
        "there",
    )
    assert run(*words) == 0
    result = json.loads(Path("there", "result.json").read_text())
    chosen = {name: one["per_seed"][0].get("chosen", {}) for name, one in result["baselines"].items()}
    assert set(chosen["fixed"]) == {"decay"}
    assert set(chosen["DUI-refit"]) == {"rate"}
    assert set(result["finalists"][0]["per_seed"][0].get("chosen", {})) == ({"decay"} if space == "laws" else set())
    table = Path("there", "decays.csv").read_text().splitlines()
    assert table[0] == "side,id,training_pairs,decay"
    assert len(table) == 1 + 300 + 200
    assert "report, for a browser" in capsys.readouterr().out


def test_the_same_seed_gives_the_same_result():
    found = []
    for name in ("one", "two"):
        assert run("--problem", LINE.format("laws"), *SHORT, "--out", name) == 0
        result = json.loads(Path(name, "result.json").read_text())
        found.append((result["finalists"], result["baselines"]))
    assert found[0] == found[1]
