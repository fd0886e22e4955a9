"""The command as a user meets it: what it prints, writes, refuses and does again."""

from pathlib import Path

import pytest

from core.common.errors import UserError
from recommenders.data import DataFiles
from studies.common.command import BAD_INPUT, INTERRUPTED, exit_code
from studies.execution.experiment import TaskProgress
from studies.reproduce import app
from studies.reproduction.raw import read_csv, to_csv
from studies.reproduction.registry import REPRODUCTIONS
from studies.reproduction.settings import ReproduceSettings, command, data_of
from studies.storage.ledger import LEDGER
from studies.study.settings import StudySettings
from tests.studies.reproduction.documents import blocks, timeless
from tests.studies.reproduction.frames import made_up

ROOT = Path(__file__).parents[3]
TINY = {
    "table4": ("--dataset", "synthetic", "--seeds", "1", "--trainings", "16", "--max-epochs", "2", "--searcher", "gp"),
    "table6": ("--dataset", "synthetic", "--seeds", "2", "--max-epochs", "2", "--preset", "fast", "--jobs", "1"),
    "symmetric": (
        *("--dataset", "synthetic", "--seeds", "2", "--max-epochs", "2", "--trials", "3", "--tuning-seeds", "1"),
        *("--loss", "focal", "--loss", "y_hat^2", "--jobs", "1"),
    ),
    "figure5": ("--dataset", "synthetic", "--seeds", "2", "--trainings", "6", "--searcher", "random"),
}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # for the workers


def reproduce(*words):
    return exit_code(lambda: app([*words], exit_on_error=False, print_error=False))


def left_behind():
    return sorted(str(p) for p in Path().rglob("*"))


@pytest.mark.parametrize("name", TINY)
def test_measures_prints_and_writes_and_then_has_nothing_to_do(capsys, name):
    assert reproduce(name, *TINY[name], "--out", "there") == 0
    printed = capsys.readouterr()
    assert REPRODUCTIONS[name].tables(made_up(name))[0].title[:8] in printed.out
    assert "Data synthetic" in printed.err
    assert "parts" in printed.err
    files = {path.name for path in Path("there").iterdir()}
    assert {f"{name}.csv", f"{name}.md", "parts"} <= files
    assert (f"{name}.png" in files) == name.startswith("figure")
    page = Path("there", f"{name}.md").read_text()
    assert set(blocks(page)) == {name}
    assert f"python -m studies.reproduce {name} --dataset synthetic" in page
    raw = Path("there", f"{name}.csv").read_bytes()

    assert reproduce(name, *TINY[name], "--out", "there") == 0
    again = capsys.readouterr()
    assert again.out == printed.out
    assert "parts are there from before" in again.err
    assert ": done" not in again.err
    assert Path("there", f"{name}.csv").read_bytes() == raw
    assert timeless(Path("there", f"{name}.md").read_text()) == timeless(page)

    assert reproduce(name, "--cached", f"there/{name}.csv") == 0
    cached = capsys.readouterr()
    assert cached.out == printed.out.replace(f"Written to there/{name}.md\n", "")
    assert cached.err == ""
    assert left_behind() == sorted(
        ["there", *(f"there/{file}" for file in files), *map(str, Path().glob("there/parts/*"))]
    )


def test_interrupted_it_does_only_what_is_missing(capsys, monkeypatch):
    whole = TaskProgress.on_part

    def interrupt(self, part, found):
        whole(self, part, found)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(TaskProgress, "on_part", interrupt)
        assert reproduce("figure5", *TINY["figure5"], "--out", "there") == INTERRUPTED
    kept = {path.name: path.read_bytes() for path in Path("there/parts").glob("*.json")}
    assert 1 <= len(kept) < 4
    assert not Path("there/figure5.csv").exists()
    capsys.readouterr()
    assert reproduce("figure5", *TINY["figure5"], "--out", "there") == 0
    assert capsys.readouterr().err.count(": done") == 4 - len(kept)
    assert {name: Path("there/parts", name).read_bytes() for name in kept} == kept
    bit_by_bit = Path("there/figure5.csv").read_bytes()
    assert reproduce("figure5", *TINY["figure5"], "--out", "at-once", "--jobs", "1") == 0
    assert Path("at-once/figure5.csv").read_bytes() == bit_by_bit


def knows_no_proxy_test():
    try:
        StudySettings.from_dict({"proxy": "none"})
    except UserError:
        return False
    return True


@pytest.mark.skipif(not knows_no_proxy_test(), reason="a search without the proxy test is not there yet")
def test_two_searches_of_the_same_time_beside_each_other(capsys):
    words = ("--dataset", "synthetic", "--minutes", "0.02", "--out", "there")
    assert reproduce("table7", *words) == 0
    printed = capsys.readouterr()
    assert "times as many losses are sampled in the same time" in printed.out
    raw = read_csv(Path("there/table7.csv"), REPRODUCTIONS["table7"].columns)
    without, kept = (raw[raw["proxy"] == name] for name in ("without", "with"))
    assert without["sampled"].tolist() == without["trained"].tolist()
    assert 0 < kept["trained"].iloc[-1] < kept["sampled"].iloc[-1]
    for run in (without, kept):
        assert run["seconds"].is_monotonic_increasing
        assert run["seconds"].iloc[-1] >= 0.02 * 60
    assert reproduce("figure6", *words) == 0
    assert "parts are there from before" in capsys.readouterr().err
    assert Path("there/figure6.csv").read_bytes() == Path("there/table7.csv").read_bytes()


def test_begins_anew_where_asked_to(capsys):
    assert reproduce("figure5", *TINY["figure5"], "--out", "there") == 0
    assert reproduce("figure5", *TINY["figure5"], "--out", "there", "--no-resume") == 0
    assert capsys.readouterr().err.count(": done") == 8
    assert len(list(Path("there/parts.before").glob("*.json"))) == 4


def test_draws_from_a_file_where_it_is_told_to(capsys):
    figure6 = REPRODUCTIONS["figure6"]
    Path("table7.csv").write_bytes(to_csv(made_up("table7"), figure6.columns))
    assert reproduce("figure6", "--cached", "table7.csv", "--out", "drawn") == 0
    assert "Written to drawn/figure6.md" in capsys.readouterr().out
    assert Path("drawn/figure6.png").read_bytes().startswith(b"\x89PNG")
    page = Path("drawn/figure6.md").read_text()
    assert "`python -m studies.reproduce figure6 --cached table7.csv`, without training" in page
    assert sorted(path.name for path in Path("drawn").iterdir()) == [LEDGER, "figure6.md", "figure6.png"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("tabel4",), "Did you mean 'table4'"),
        ((), "requires an argument"),
        (("table4", "--seeds", "0"), "--seeds: expected 1 to 50,000"),
        (("table4", "--minutes", "3"), "--minutes: table4 has no use for it"),
        (("table4", "--dataset", "movies"), "unknown data set"),
        (("table4", "--dataset", "synthetic", "--recommenders", "fm"), "unknown recommender"),
        (("table4", "--dataset", "synthetic", "--searcher", "annealing"), "unknown searcher"),
        (("table4", "--dataset", "electronics"), "--data"),
        (("table4", "--data", "missing.json.gz"), "missing.json.gz"),
        (("figure5", "--jobs", "0"), "--jobs: expected at least 1"),
        (("figure5", "--dataset", "synthetic", "--out", "/proc/nowhere"), "cannot write there"),
        (("figure5", "--tracking-uri", "none"), "--tracking-uri"),
        (("figure5", "--cached", "missing.csv"), "--cached missing.csv: cannot read it"),
    ],
    ids=str,
)
def test_bad_input_gets_one_line_and_leaves_nothing_behind(capsys, words, message):
    assert reproduce(*words) == BAD_INPUT
    printed = capsys.readouterr()
    assert message in printed.err.strip().splitlines()[-1]
    assert len(printed.err.strip().splitlines()) == 1, printed.err
    assert printed.out == ""
    assert left_behind() == []


def test_a_bad_file_gets_one_line_and_nothing_is_drawn(capsys):
    good = to_csv(made_up("table7"), REPRODUCTIONS["table7"].columns)
    for name, content in (("a.csv", good.replace(b"with,", b"perhaps,")), ("b.csv", good.replace(b"model", b"modell"))):
        Path(name).write_bytes(content)
        assert reproduce("table7", "--cached", name, "--out", "drawn") == BAD_INPUT
        printed = capsys.readouterr()
        assert printed.err.startswith(f"error: --cached {name}")
        assert (printed.err.count("\n"), printed.out) == (1, "")
    assert not Path("drawn").exists()


def test_data_sets_by_what_is_given(tmp_path):
    file = tmp_path / "reviews.json.gz"
    file.touch()
    settings, files = ReproduceSettings(), DataFiles(data=file)
    both = data_of(settings, files)
    assert [(name, its.data) for name, its in both.items()] == [("ml-100k", None), ("electronics", file)]
    assert list(data_of(settings, DataFiles())) == ["ml-100k"]
    assert list(data_of(ReproduceSettings(dataset="ml-1m"), files).items()) == [("ml-1m", files)]


def test_the_command_to_type_again(tmp_path):
    settings = ReproduceSettings(seeds=5, recommenders="mf,mlp", minutes=0.5)
    assert command("table7", ReproduceSettings(), DataFiles()) == "python -m studies.reproduce table7"
    words = command("table4", settings, DataFiles())
    assert words == "python -m studies.reproduce table4 --recommenders mf,mlp --seeds 5 --minutes 0.5"
