import pytest

from studies.common.drawing import png
from studies.tuning.pictures import draw_all
from studies.tuning.result import TuneResult
from studies.tuning.trials import Tried
from tests.studies.tuning.small import small_tuning

VARY = ("proxy_size", "eta", "min_positive_rate")


def result(values, vary=VARY, pruned=()):
    settings = small_tuning(loss=None, vary=vary)
    trials = []
    for i, value in enumerate(values):
        params = {one.name: one.low + (one.high - one.low) * (i + 1) / (len(values) + 1) for one in settings.tunables}
        trials.append(Tried(i, params, {0: value}, i in pruned))
    return TuneResult(settings, tuple(trials), trials[0], settings.present, (), ())


@pytest.mark.parametrize("values", [[0.5], [0.5, 0.5], [0.0, 0.7, 0.71, 0.72], [0.7, 0.6, 0.8]])
@pytest.mark.parametrize("vary", [VARY[:1], pytest.param(VARY[:2], marks=pytest.mark.nightly), VARY])
def test_every_tuning_can_be_drawn(values, vary):
    drawn = draw_all(result(values, vary, pruned=[len(values) - 1] if len(values) > 1 else ()), {})
    assert list(drawn) == ["history", "settings"]
    assert all(png(figure).startswith(b"\x89PNG") for figure in drawn.values())


def test_importances_are_drawn_most_first():
    drawn = draw_all(result([0.5, 0.6]), {"eta": 0.7, "proxy_size": 0.1, "min_positive_rate": 0.2})
    (axes,) = drawn["importance"].axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["proxy_size", "min_positive_rate", "eta"]


def test_a_failure_does_not_press_the_others_into_a_line():
    (axes,) = draw_all(result([0.0, 0.79, 0.795, 0.8, 0.805]), {})["history"].axes
    assert axes.get_ylim()[0] > 0.7
    assert axes.get_ylim()[1] > 0.805
