from itertools import pairwise

import pytest
from matplotlib.text import Text

from core.phases.problem import Optimum
from core.search.trial import Verdict
from studies.common.drawing import png
from studies.comparison.pictures import converged, draw_all
from studies.comparison.report import CAPTIONS
from studies.comparison.statistics import analyse
from tests.studies.comparison.outcomes import NAN, known, lively, matrix, outcome, run, scored

ALWAYS = ["anytime", "anytime_seconds", "targets", "converged", "funnel"]
BEST = Optimum(0.3, 0.4, 0.01, 1)
EDGES = {
    "one run": lively(("rl",), 1, 5),
    "one seed": lively(n_seeds=1, n_points=5),
    "two searchers": lively(("rl", "gp"), 3, 5),
    "nothing found": outcome([run(name, seed, [NAN, NAN], None) for name in "abc" for seed in (0, 1)]),
    "no steps": outcome([run("a", 0, [], None), run("b", 0, [], None)], search=(), converged=()),
    "noise unknown": outcome([run("a", 0, [0.5])], search=(0.5, NAN), converged=(NAN, NAN)),
    "all equal, lower is better": matrix([[0.9] * 3] * 2, higher_is_better=False, baselines=[known("MSE", 1.05)]),
    "hostile names, some without": scored({"$\\frac{": [NAN, 0.2], "<b>&{x}": [0.2, 0.3], "_c$": [0.3, NAN]}),
    "the best is known": lively(n_points=5, optimum=Optimum(0.85, 0.8, 0.01, 3)),
    "the best is known, lower is better": scored(
        {"a": [0.5, NAN], "b": [0.4, 0.3]}, higher_is_better=False, optimum=BEST
    ),
    "many searchers": lively(tuple(f"optuna:sampler={i}" for i in range(8)), 2, 5),
}
#: Drawn at night only: others go as far.
MORE = ("one run", "one seed", "all equal, lower is better", "many searchers")


@pytest.mark.parametrize(
    "edge", [pytest.param(edge, marks=[pytest.mark.nightly] if edge in MORE else []) for edge in EDGES]
)
def test_every_picture_can_be_drawn(edge):
    drawn = draw_all(EDGES[edge], analyse(EDGES[edge]))
    assert set(ALWAYS) <= set(drawn) <= set(CAPTIONS)
    for figure in drawn.values():
        assert png(figure).startswith(b"\x89PNG")


def test_regrets_have_a_picture_where_the_best_is_known():
    made = EDGES["the best is known, lower is better"]
    figure = draw_all(made, analyse(made))["regret"]
    (axes,) = figure.axes
    assert axes.get_ylim()[0] == 0
    assert axes.lines[1].get_ydata()[-1] == pytest.approx(0.05)
    assert axes.lines[2].get_ydata()[0] == pytest.approx(0.1)  # the best in a hundred


def test_pictures_of_pairs_are_left_out_where_there_are_no_pairs():
    assert list(draw_all(EDGES["one seed"], analyse(EDGES["one seed"]))) == ALWAYS
    two = draw_all(EDGES["two searchers"], analyse(EDGES["two searchers"]))
    assert set(two) - set(ALWAYS) == {"improvement_final", "improvement_converged"}


def test_a_full_comparison_has_every_picture_and_each_the_same_bytes_again():
    made = lively(n_seeds=2, n_points=5, optimum=Optimum(0.85, 0.8, 0.01, 3))
    first, again = ({k: png(f) for k, f in draw_all(made, analyse(made)).items()} for _ in range(2))
    assert set(first) == set(CAPTIONS)
    assert first == again


def test_labels_of_known_losses_do_not_overlap_and_far_ones_do_not_stretch_the_axis():
    losses = [known(name, value) for name, value in (("A", 0.8), ("B", 0.8), ("C", 0.8001), ("far", 0.1))]
    figure = converged(scored({"a": [0.79, 0.81]}, baselines=losses))
    png(figure)
    (axes,) = figure.axes
    boxes = sorted((Text.get_window_extent(text) for text in axes.texts), key=lambda box: box.y0)  # without its line
    assert len(boxes) == 4
    assert all(below.y1 <= above.y0 for below, above in pairwise(boxes))
    assert axes.get_ylim()[0] > 0.7
    assert [text.get_text() for text in axes.texts if "↓" in text.get_text()] == ["far 0.1000 ↓"]


def test_every_searcher_is_in_the_legend_and_looks_different():
    figure = draw_all(EDGES["many searchers"], analyse(EDGES["many searchers"]))["anytime"]
    lines = figure.axes[0].get_lines()
    assert len({(line.get_color(), str(line.get_linestyle()), str(line._dash_pattern)) for line in lines}) == 8
    assert len(figure.legends[0].get_texts()) == 9  # and the noise floor


def test_the_funnel_knows_every_verdict():
    figure = draw_all(EDGES["one run"], analyse(EDGES["one run"]))["funnel"]
    told = {text.get_text().replace(" ", "_") for text in figure.legends[0].get_texts()}
    assert told == {verdict.value for verdict in Verdict}
