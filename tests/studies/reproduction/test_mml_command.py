"""The reproductions on rankings as a user meets them, with two small made-up data sets in a folder."""

from pathlib import Path

import numpy as np
import pytest

from recommenders.data import DataFiles
from studies.common.command import BAD_INPUT, INTERRUPTED, exit_code
from studies.evaluation.ranking.tasks import RankingTasks
from studies.execution.experiment import TaskProgress
from studies.execution.rankings import timed_rankings
from studies.execution.resources import Resources
from studies.reproduce import app, app_of
from studies.reproduction.mml.recipe import Setup
from studies.reproduction.raw import read_csv, to_csv
from studies.reproduction.registry import REPRODUCTIONS
from tests.studies.reproduction.documents import blocks, timeless
from tests.studies.reproduction.frames import made_up

ROOT = Path(__file__).parents[3]
SHORT = ("--data", "data", "--max-epochs", "4", "--jobs", "1")
TINY = {
    "mml-table2": (*SHORT, "--recommenders", "simplex", "--loss", "CCL", "--falling-rate"),
    "mml-table3": ("--data", "data", "--timed-epochs", "2", "--negatives", "5", "--jobs", "1"),
    "mml-table4": (*SHORT, "--seeds", "2", "--dataset", "gowalla", "--loss", "BPR", "--loss", "bsl", "--loss", "SL"),
    "mml-figure3": ("--loss", "MML", "--loss", "CCL", "--negatives", "5", "--negatives", "20", *SHORT),
}
#: Parts that each comes to.
PARTS = {"mml-table2": 4, "mml-table3": 2, "mml-table4": 6, "mml-figure3": 8}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # for the workers
    for seed, name in enumerate(("yelp2018", "gowalla")):
        write_lists(Path("data", name), np.random.default_rng(seed))


def write_lists(folder, rng, n_users=40, n_items=60):
    """Users of a group have items of their group alone."""
    folder.mkdir(parents=True)
    lines = {"train": [], "test": []}
    for user in range(n_users):
        items = rng.permutation(np.arange(user % 3, n_items, 3))[:9].tolist()
        for part, chosen in (("train", items[:6]), ("test", items[6:])):
            lines[part].append(" ".join(map(str, [user, *chosen])))
    for part, of_part in lines.items():
        (folder / f"{part}.txt").write_text("\n".join(of_part) + "\n")


def reproduce(*words):
    return exit_code(lambda: app_of(words)([*words], exit_on_error=False, print_error=False))


@pytest.mark.parametrize("name", TINY)
def test_measures_prints_and_writes_and_then_has_nothing_to_do(capsys, name):
    assert reproduce(name, *TINY[name], "--out", "there") == 0
    printed = capsys.readouterr()
    assert REPRODUCTIONS[name].tables(made_up(name))[0].title in printed.out
    assert "Data gowalla" in printed.err
    assert "do not compare results on it with published ones" in printed.err
    assert printed.err.count(": done") == PARTS[name]
    pictures = sorted(path.name for path in Path("there").glob("*.png"))
    both = [f"mml-figure3-mf-{dataset}-other.png" for dataset in ("gowalla", "yelp18")]
    assert pictures == (both if name == "mml-figure3" else [])
    page = Path("there", f"{name}.md").read_text()
    assert set(blocks(page)) == {name}
    assert f"python -m studies.reproduce {name} " in page
    raw = Path("there", f"{name}.csv").read_bytes()

    assert reproduce(name, *TINY[name], "--out", "there") == 0
    again = capsys.readouterr()
    assert again.out == printed.out
    assert ": done" not in again.err
    assert Path("there", f"{name}.csv").read_bytes() == raw
    assert timeless(Path("there", f"{name}.md").read_text()) == timeless(page)

    assert reproduce(name, "--cached", f"there/{name}.csv") == 0
    cached = capsys.readouterr()
    assert cached.out == printed.out.replace(f"Written to there/{name}.md\n", "")
    assert cached.err == ""


def raw_of(name, folder="there"):
    return read_csv(Path(folder, f"{name}.csv"), REPRODUCTIONS[name].columns)


def test_what_two_of_them_share_is_trained_once(capsys):
    words = (*SHORT, "--loss", "CCL", "--out", "there")
    assert reproduce("mml-table4", *words) == 0
    assert reproduce("mml-figure3", *words, "--negatives", "100", "--negatives", "5") == 0
    assert reproduce("mml-table2", *words, "--dataset", "yelp18") == 0
    assert capsys.readouterr().err.count(": done") == 2 + 2  # one for each data set, then those with five negatives
    of_simplex, of_mf = (raw_of("mml-table2").query(f"model == '{model}'") for model in ("simplex", "mf"))
    assert of_simplex.drop(columns="model").values.tolist() == of_mf.drop(columns="model").values.tolist()
    of_table4 = raw_of("mml-table4").query("dataset == 'yelp18-other'")
    assert of_mf["recall"].tolist() == of_table4["recall"].tolist()


def test_readings_are_of_one_curve():
    assert reproduce("mml-table4", *SHORT, "--loss", "CCL", "--dataset", "gowalla", "--out", "there") == 0
    early, best, last = raw_of("mml-table4").to_dict("records")
    assert [row["reading"] for row in (early, best, last)] == ["early", "best", "last"]
    assert (last["epoch"], best["epochs"], last["epochs"]) == (4, 4, 4)
    assert best["recall"] >= max(early["recall"], last["recall"])


def test_interrupted_it_does_only_what_is_missing(capsys, monkeypatch):
    whole, name = TaskProgress.on_part, "mml-figure3"

    def interrupt(self, part, found):
        whole(self, part, found)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(TaskProgress, "on_part", interrupt)
        assert reproduce(name, *TINY[name], "--out", "there") == INTERRUPTED
    kept = {path.name: path.read_bytes() for path in Path("there/parts").glob("*.json")}
    assert 1 <= len(kept) < PARTS[name]
    capsys.readouterr()
    assert reproduce(name, *TINY[name], "--out", "there") == 0
    assert capsys.readouterr().err.count(": done") == PARTS[name] - len(kept)
    assert {file: Path("there/parts", file).read_bytes() for file in kept} == kept
    assert reproduce(name, *TINY[name][:-1], "2", "--out", "at-once") == 0
    assert Path("at-once/mml-figure3.csv").read_bytes() == Path("there/mml-figure3.csv").read_bytes()


def test_more_seeds_are_trained_beside_those_that_are_there(capsys):
    words = (*SHORT, "--dataset", "gowalla", "--loss", "CCL", "--out", "there")
    assert reproduce("mml-table4", *words) == 0
    assert "One seed, as in the paper" in capsys.readouterr().out
    assert reproduce("mml-table4", *words, "--seeds", "3") == 0
    printed = capsys.readouterr()
    assert printed.err.count(": done") == 2
    assert "Noise floor: from seed to seed" in printed.out
    assert "±" in printed.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("mml-tabel4",), "Did you mean 'mml-table4'"),
        (("--seeds", "2", "mml-table4"), "mml-table4: expected it as the first word"),
        (("mml-table4",), "--data: expected the folder of yelp18 and gowalla, got none"),
        (("mml-table4", "--data", "."), "or say which it is: --dataset"),
        (
            ("mml-table4", "--data", "nowhere", "--dataset", "gowalla"),
            "folder of gowalla, got no folder",
        ),
        (("mml-table4", "--data", "data", "--recommenders", "simplex"), "--recommenders: mml-table4 has no use for it"),
        (("mml-table3", "--data", "data", "--loss", "CCL"), "--loss: mml-table3 has no use for it"),
        (("mml-table3", "--data", "data", "--seeds", "2"), "--seeds: mml-table3 has no use for it"),
        (("mml-table2", "--data", "data", "--timed-epochs", "3"), "--timed-epochs: mml-table2 has no use for it"),
        (("mml-table4", "--data", "data", "--falling-rate"), "--falling-rate: mml-table4 has no use for it"),
        (("mml-table4", "--data", "data", "--trials", "2"), "--trials"),
        (("mml-table4", "--data", "data", "--loss", "BCE"), "loss BCE: it is one of predictions"),
        (("mml-table2", "--data", "data", "--loss", "BSL"), "its code has mf alone"),
        (("mml-table2", "--data", "data", "--backend", "compiled"), "--backend compiled: it trains mf alone"),
        (("mml-table4", "--data", "data", "--negatives", "many"), "--negatives"),
        (("mml-table4", "--data", "data", "--device", "abacus"), "--device"),
        (("mml-table4", "--data", "https://example.org/gowalla"), "fetch it"),
        (("mml-table4", "--cached", "missing.csv"), "--cached missing.csv: cannot read it"),
    ],
    ids=str,
)
def test_bad_input_gets_one_line_and_leaves_nothing_behind(capsys, words, message):
    before = sorted(map(str, Path().rglob("*")))
    assert reproduce(*words) == BAD_INPUT
    printed = capsys.readouterr()
    assert message in printed.err.strip().splitlines()[-1]
    assert "Traceback" not in printed.err
    assert printed.out == ""
    assert sorted(map(str, Path().rglob("*"))) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"constant", b"sometimes"), (b",best,", b",worst,"), (b"gowalla,CCL", b"gowalla"), (b",90,", b",ninety,")],
)
def test_a_bad_file_gets_one_line(capsys, old, new):
    good = to_csv(made_up("mml-table2"), REPRODUCTIONS["mml-table2"].columns)
    Path("a.csv").write_bytes(good.replace(old, new, 1))
    assert reproduce("mml-table2", "--cached", "a.csv", "--out", "drawn") == BAD_INPUT
    assert capsys.readouterr().err.startswith("error: --cached a.csv")
    assert not Path("drawn").exists()


def test_the_options_of_each_paper_are_told_apart(capsys):
    assert app_of(["table4", "--seeds", "2"]) is app
    assert app_of([]) is app
    assert reproduce("mml-table2", "--help") == 0
    told = capsys.readouterr().out
    assert "--falling-rate" in told
    assert "--searcher" not in told
    assert reproduce("--help") == 0
    assert "mml-table2" in capsys.readouterr().out


class Clock:
    """Each epoch of the first loss takes a second, each of the second two."""

    def __init__(self):
        self.now, self.calls = 0.0, 0

    def __call__(self):
        self.now += (0, 1, 0, 2)[self.calls % 4]
        self.calls += 1
        return self.now


def test_losses_take_turns_and_the_first_epoch_does_not_count():
    setups = [Setup("mf", "gowalla", loss, 5) for loss in ("CCL", "MML")]
    tasks = RankingTasks(setups[0].evaluation(1, "cpu", "auto"), "x")
    task = tasks.times("times", [one.loss for one in setups], 1e-4, 3)
    shares, clock = [], Clock()
    data = DataFiles(data=Path("data/gowalla"))
    found = timed_rankings(task.content, Resources(device="cpu"), data, shares.append, clock)
    assert found == {"seconds": [[1.0] * 3, [2.0] * 3], "machine": "1 core of a CPU"}
    assert clock.calls == 2 * 2 * (3 + 1)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
