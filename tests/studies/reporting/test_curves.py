"""What the page about a study and `python -m studies.plot` draw alike."""

import numpy as np
import pytest

from core.analysis.curves import LABELS, Y_HAT, shape_of
from core.losses.closed_forms import BCE, MSE
from studies.common.drawing import looking
from studies.reporting.axes import new_axes
from studies.reporting.curves import draw_curves
from studies.reporting.loss_pictures import loss_panels

RISING = np.linspace([0, 1], [1, 9], len(Y_HAT), axis=1)


def drawn(curves, **options):
    _, axes = new_axes()
    threshold = draw_curves(axes, 0, curves, [{"label": str(i)} for i, _ in enumerate(curves)], **options)
    return axes, threshold


def test_there_is_room_for_all_curves_of_both_labels():
    steep = np.geomspace([1, 1], [1e3, 1e7], len(Y_HAT), axis=1)
    for curves in ([RISING], [RISING, -RISING], [RISING, steep]):
        axes, threshold = drawn(curves)
        low, high = axes.get_ylim()
        assert low <= np.min(curves) < np.max(curves) <= high
        assert (threshold is None) == (axes.get_yscale() == "linear") == (curves[-1] is not steep)


def test_the_heights_may_be_those_of_less():
    spike = RISING.copy()
    spike[1, 7] = 1e12
    axes, threshold = drawn([spike], heights=[np.where(spike < 1e6, spike, np.nan)])
    assert threshold is None
    assert axes.get_ylim()[1] < 10


@pytest.mark.parametrize("height", [0.0, 1e-300, 1e300, 1.7e308])
def test_no_height_stops_an_axis(height):
    with looking({}, "test"):  # matplotlib warns of heights that overflow
        axes, _ = drawn([np.clip(RISING, -1, 1) * height, -np.clip(RISING, -1, 1) * height])
    assert np.isfinite(axes.get_ylim()).all()
    assert axes.get_ylim()[0] < axes.get_ylim()[1]


def test_the_page_shows_the_loss_and_both_gradients_for_both_labels():
    panels = loss_panels(shape_of("found", MSE), [shape_of("BCE", BCE)])
    assert len(panels) == 3
    for panel, axis in zip(panels, ("loss, lowest point at 0", "∂ loss / ∂ŷ", "∂ loss / ∂ logit"), strict=True):
        assert len(panel.pictures) == len(LABELS)
        for picture, label in zip(panel.pictures, LABELS, strict=True):
            for text in (axis, "prediction ŷ", f"label y = {label:g}", "found loss", "BCE"):
                assert f">{text}</text>" in picture
