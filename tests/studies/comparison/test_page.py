import pytest

from core.phases.problem import Optimum
from studies.comparison.report import CAPTIONS, render_page
from studies.comparison.statistics import analyse
from studies.comparison.summary import conclusion, regret_cells
from tests.studies.comparison.outcomes import NAN, known, lively, outcome, run, scored
from tests.studies.pages import HOSTILE, Reader


def page_of(made, pictures=()):
    return render_page(made, analyse(made), {stem: b"\x89PNG" for stem in pictures})


@pytest.fixture(scope="module")
def full():
    return lively(n_points=5)


def test_the_page_needs_nothing_from_outside(full):
    page = page_of(full, CAPTIONS)
    read = Reader(page)
    assert len(read.addresses) == len(CAPTIONS)
    assert all(address.startswith("data:image/png;base64,") for address in read.addresses)
    assert read.tags.isdisjoint({"script", "link", "iframe", "object"})
    assert "http" not in page
    assert "url(" not in page
    assert "@import" not in page


def test_the_page_tells_everything(full):
    read = Reader(page_of(full, CAPTIONS))
    text = " ".join(read.text.split())
    told = conclusion(analyse(full)) + [pair.sentence for pair in analyse(full).verdicts]
    told += [
        full.command,
        *full.searchers,
        *(loss.name for loss in full.baselines),
        *(t.format(one="loss", many="losses") for t, _ in CAPTIONS.values()),
    ]
    told += ["ml-100k, users 943", "24 runs: the budget of trainings is used up", "trainings50"]
    for part in told:
        assert part in text
    best, funnel = "The best loss of each run", "What became of the candidates"
    heads = ["Conclusion", "Searchers", "Pictures", "Pairs", best, "Known losses", funnel, "Settings"]
    assert read.headings == heads


def test_regrets_are_shown_where_the_best_is_known():
    made = lively(n_points=5, optimum=Optimum(0.85, 0.795, 0.01, 3))
    read = Reader(page_of(made, CAPTIONS))
    assert "Regret" in read.headings
    text = " ".join(read.text.split())
    assert "the best loss of all, which a search sees with 0.8500; and how many runs have one of the best 1%" in text
    for i in range(len(made.searchers)):
        for median, share in regret_cells(analyse(made).regrets, i):
            assert f"{median}, {share}" in text


def test_many_runs_are_folded_and_their_seeds_told_in_short():
    few = page_of(scored({"a": [0.5] * 10, "b": [0.4] * 10}))
    assert "0, 1, 2, 3, 4, 5, 6, 7, 8, 9; runs" in few
    assert "All 20 runs" not in few
    many = page_of(scored({"a": [0.5] * 60, "b": [0.4] * 60}))
    assert "0 to 59; runs" in many
    assert many.count("<summary>All 120 runs</summary>") == 2
    assert many.count("<details>") == many.count("</details>")


def test_hostile_names_stay_text():
    runs = [run(name, seed, [0.5], name=HOSTILE, stop=HOSTILE) for name in (HOSTILE, "b", "c") for seed in (0, 1)]
    changes = {"data": {"name": HOSTILE, HOSTILE: HOSTILE}, "settings": {HOSTILE: HOSTILE}, "command": HOSTILE}
    read = Reader(page_of(outcome(runs, baselines=[known(HOSTILE, 0.7)], metric=HOSTILE, **changes), CAPTIONS))
    assert "script" not in read.tags
    assert "onload" not in read.attributes
    assert HOSTILE in read.text


@pytest.mark.parametrize(
    "made",
    [
        lively(("rl",), 1, 3),
        lively(("rl", "gp"), 2, 3),
        outcome([run("a", 0, [], None), run("b", 0, [NAN], None)], search=(), converged=(), data={}, settings={}),
        scored({"a": [NAN, NAN], "b": [0.5, NAN]}, higher_is_better=False),
    ],
)
def test_little_data_makes_a_page_too(made):
    read = Reader(page_of(made))
    assert "Conclusion" in read.text
    assert "nan" not in read.text
    assert "inf" not in read.text
