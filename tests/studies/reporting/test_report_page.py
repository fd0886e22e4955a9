"""The page about a study, whatever the study."""

import re

import pytest

from core.common.errors import UserError
from recommenders.tasks.loss_problem import LOSS_TERMS
from studies.common.pages import STYLE
from studies.reporting.page import report_page
from studies.study.settings import StudySettings
from studies.study.summary import caveats
from tests.studies.pages import HOSTILE, Reader
from tests.studies.reporting.stored import NAN, VERDICT, full, past, result, stored_loss

HEADINGS = [
    "Found and known losses",
    "The story of the search",
    "The loss and its gradients",
    "What became of the candidates",
    "Simple or good: the Pareto front",
    "Training to convergence",
    "Data",
    "Settings",
    "How to reproduce it, and take the loss home",
]


def words(page):
    return " ".join(Reader(page).text.split())


@pytest.fixture(scope="module")
def page():
    content = full()
    return report_page(content, past(content), "results/one")


def test_the_page_needs_nothing_from_outside(page):
    read = Reader(page)
    assert read.tags.isdisjoint({"script", "link", "iframe", "object", "img", "image", "foreignObject"})
    assert all(address.startswith("#") for address in read.addresses)
    assert {address.removeprefix("#") for address in read.addresses} <= set(read.ids)
    assert "http" not in page
    assert "@import" not in page
    named = re.findall(r"url\((.*?)\)", page)
    assert {name.removeprefix("#") for name in named} <= set(read.ids)


def test_ids_are_unique_and_pictures_have_alternative_texts(page):
    ids = Reader(page).ids
    assert len(ids) == len(set(ids))
    pictures = re.findall(r"<svg[^>]*>", page)
    assert len(pictures) == 12
    assert all('role="img"' in one and 'aria-label="' in one for one in pictures)


def test_tables_of_the_problem_are_drawn_as_text_and_checked():
    rows = [["<b>x</b>", 0.25, 3], ["y", -0.5, None]]
    table = {"title": "Parts & more", "text": "Of what.", "columns": ["name", "weight", "n"], "rows": rows, "bar": 1}
    page = report_page(result(tables=[table]), None)
    assert "What it is made of" in Reader(page).headings
    assert "Parts &amp; more" in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert re.findall(r'class="bar( down)?" style="width: ([\d.]+)rem"', page) == [("", "2.00"), (" down", "4.00")]
    for wrong in ({**table, "rows": [["x"]]}, {**table, "bar": 3}, {**table, "title": 7}, {"title": "x"}):
        with pytest.raises(UserError, match=r"expected the result\.json of a study"):
            report_page(result(tables=[wrong]), None)


def test_the_same_study_gives_the_same_bytes(page):
    content = full()
    assert report_page(content, past(content), "results/one") == page


def test_the_page_tells_everything_in_order(page):
    assert Reader(page).headings == HEADINGS
    text = words(page)
    told = [VERDICT, *caveats(StudySettings.from_dict({"repeats": 2}), passed=True), *LOSS_TERMS.verdicts.values()]
    told += ["log(y_hat) + 1/(y*(y_hat*1))", "Simplified, with the same gradient", "0.7550 ±0.0071"]
    told += ["python -m studies.run --searcher rl --seed 0 --trainings 10 --repeats 2"]
    told += ["python -m studies.export --run results/one --pick 'complexity<=3'"]
    told += ["proposed 900 candidate losses", "It ended because the budget of trainings is used up."]
    told += ["ε = 0.001", "users30", "the first step gave 0.5000"]
    for part in told:
        assert part in text
    assert page.count("<math") == 2
    assert page.count('<span class="mark" title') == 2


def test_the_best_of_every_column_is_bold(page):
    assert page.count('class="n best"') == 4


def test_text_and_axes_take_the_colour_of_the_page(page):
    pictures = "".join(re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL))
    colours = set(re.findall(r"#[0-9a-f]{6}\b", re.sub(r"var\([^)]*\)", "", pictures)))
    assert colours == set()
    assert "currentColor" in pictures
    assert "var(--vermillion" in pictures
    assert "font-family" not in pictures


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first, second):
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(("part", "ground"), [(0, "#ffffff"), (1, "#17191d")])
def test_colours_can_be_seen_on_both_grounds(part, ground):
    lines = [line for line in STYLE.splitlines() if "--blue" in line]
    colours = re.findall(r"--(\w+): (#[0-9a-f]{6})", lines[part])
    assert len(colours) == 6
    assert {name: contrast(colour, ground) for name, colour in colours if contrast(colour, ground) < 3} == {}
    quiet = re.findall(r"--(?:text|quiet): (#[0-9a-f]{6})", STYLE.replace("#fff;", "#ffffff;"))[2 * part :][:2]
    assert all(contrast(colour, ground) >= 4.5 for colour in quiet)


def test_without_a_history_the_page_says_so_and_shows_the_rest():
    page = report_page(full(), None)
    text = words(page)
    assert "(history.json) is missing" in text
    assert Reader(page).headings == HEADINGS
    assert page.count("<svg") == 8


def hostile_study():
    content = full()
    content["dataset"] = {"name": HOSTILE, HOSTILE: HOSTILE, "$x$": "\x00\ud800", "notes": [HOSTILE]}
    content["dataset"]["parts"] = {HOSTILE: {HOSTILE: 1}}
    content["search"]["stopped"] = HOSTILE
    content["comparison"]["verdict"] = HOSTILE
    content["device"] = HOSTILE
    content["versions"] = {HOSTILE: HOSTILE}
    for loss in content["baselines"].values():
        loss["program"] = loss["simplified"] = None
        loss["name"] = f"{HOSTILE} $\\frac{{}}$ \x00 \ud800 推薦"
    content["front"][0]["name"] = content["front"][0]["formula"] = HOSTILE
    content["finalists"][1]["name"] = HOSTILE
    content["finalists"][0]["simplified"]["formula"] = HOSTILE
    history = past(content)
    history["candidates"][0]["verdict"] = HOSTILE
    return content, history


def test_hostile_names_stay_text():
    content, history = hostile_study()
    page = report_page(content, history, HOSTILE)
    page.encode()
    read = Reader(page)
    assert "script" not in read.tags
    assert "onload" not in read.attributes
    assert HOSTILE in read.text
    assert "\x00" not in page


def long_formula():
    return " + ".join(["log(y_hat*y + 1)*max(y_hat, y)^2"] * 40)


NOTHING = result(baselines=[stored_loss("BCE", (0.7, 0.71))])
LONELY = result([stored_loss("y_hat*y")], [stored_loss("BCE")], settings={"repeats": 1})


@pytest.mark.parametrize(
    ("content", "history"),
    [
        (NOTHING, past(NOTHING)),
        (NOTHING, past(NOTHING, 0)),
        (LONELY, past(LONELY, 1)),
        (result(), None),
        (result([stored_loss("y_hat*y", (None, None))], [stored_loss("BCE", (None,))]), None),
        (result([stored_loss("log(y) + y")], [stored_loss("MSE"), stored_loss("y_hat^2")]), None),
        (result([stored_loss(long_formula())], [stored_loss("BCE")]), None),
        (result([stored_loss("1/(1/(y_hat)^2)^2", epsilon=1e-6)], [stored_loss("BCE")]), None),
        (result([stored_loss("y_hat*y")], [stored_loss("nobody's", program=False)]), None),
    ],
    ids=[
        "nothing",
        "no-history",
        "one-seed",
        "empty",
        "not-finite",
        "constant",
        "very-long",
        "steep",
        "unknown-baseline",
    ],
)
def test_odd_studies_make_a_page_too(content, history):
    read = Reader(report_page(content, history))
    assert read.headings == HEADINGS
    assert not re.search(r"\b(nan|inf|None)\b", read.text)


def test_numbers_that_are_not_finite_are_left_out():
    content = full()
    history = past(content)
    for values in (*history["steps"], *history["candidates"]):
        values.update({name: NAN for name, value in values.items() if type(value) is float})
    for curve in history["curves"]:
        curve["validation"] = [None, NAN, None]
    assert not re.search(r"\b(nan|inf|None)\b", Reader(report_page(content, history)).text)


def test_lower_is_better_for_regression():
    losses = [
        stored_loss(name, (score,), task="regression") for name, score in (("y_hat*y", 0.4), ("(y-y_hat)^2", 0.3))
    ]
    known = [stored_loss(name, (score,), task="regression") for name, score in (("BCE", 0.9), ("MSE", 0.2))]
    content = result(losses, known, losses, settings={"task": "regression"})
    page = report_page(content, past(content))
    assert "rmse: lower is better" in words(page)
    bold = re.findall(r'class="n best">([\d.]+)<', page)
    assert set(bold) == {"0.2000"}
    assert page.index("<code>MSE</code>") < page.index("<code>BCE</code>")


def test_thousands_of_candidates_make_no_page_of_megabytes():
    content = full()
    page = report_page(content, past(content, 20_000))
    assert len(page) < 1_000_000
    assert "Of 20,000 candidates, evenly spaced ones are drawn." in words(page)


@pytest.mark.parametrize(
    "change",
    [
        {"funnel": {}},
        {"funnel": None},
        {"search": {"stopped": 3}},
        {"seconds": "long"},
        {"finalists": [{}]},
        {"settings": {"nobody": 1}},
        {"front": [{"complexity": -1}]},
        {"dataset": []},
    ],
)
def test_what_is_no_result_is_told_in_a_line(change):
    with pytest.raises(UserError, match=r"expected the result\.json of a study"):
        report_page(full() | change, None)


@pytest.mark.parametrize(
    "change",
    [
        {"metric": "f1"},
        {"steps": None},
        {"steps": [3]},
        {"candidates": [{}]},
        {"curves": [{"kind": "found"}]},
        {"curves": "abc"},
    ],
)
def test_what_is_no_history_of_the_study_is_told_in_a_line(change):
    content = full()
    with pytest.raises(UserError, match=r"expected the history\.json of this study"):
        report_page(content, past(content) | change)
