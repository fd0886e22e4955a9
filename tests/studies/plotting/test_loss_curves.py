"""The picture, read back from what is drawn."""

import numpy as np
import pytest
import torch

from core.analysis.curves import CURVES, LABELS, Y_HAT
from core.programs.space import OperatorSpace
from studies.common.drawing import ENDINGS, picture
from studies.plotting.chosen import MOST, distinct, named, scaled
from studies.plotting.figure import loss_curves

SPACE = OperatorSpace()
UNCLAMPED = OperatorSpace(clamp="none", xi=1e-100)
NAMES = ("MaxR", "SumR", "LogMin", "focal", "hinge", "MSE", "log(y_hat + y)^2", "BCE")
POLE = "(y_hat - y)/(y_hat - 1/(1 + 1))"


def losses(*texts, scale="raw", space=SPACE, beside="BCE"):
    chosen = [named(text, space) for text in texts if text != beside]
    chosen += [named(beside, space, is_beside=True)] if beside in texts else []
    return [scaled(one, scale) for one in distinct(chosen)[0]]


def drawn(ones, scale="raw"):
    """(row, column, label) -> the numbers of a line."""
    axes = np.array(loss_curves(ones, scale).axes).reshape(len(CURVES), len(LABELS))
    lines = {}
    for row in range(len(CURVES)):
        for column in range(len(LABELS)):
            for line in axes[row, column].get_lines():
                if not line.get_label().startswith("_"):
                    assert np.array_equal(line.get_xdata(), Y_HAT)
                    lines[row, column, line.get_label()] = line.get_ydata()
    return lines


def by_autograd(loss, y):
    """Value, gradient by the prediction and by the logit."""
    rows = []
    for of_logit in (False, True):
        at = torch.from_numpy(Y_HAT)
        at = (torch.logit(at) if of_logit else at).clone().requires_grad_()
        value = loss.value(at if of_logit else torch.logit(at), torch.full_like(at, y))
        rows += [value.detach().numpy(), torch.autograd.grad(value.sum(), at)[0].numpy()]
    value, by_prediction, _, by_logit = rows
    return value - value.min(), by_prediction, by_logit


def test_the_lines_are_the_losses_and_what_autograd_makes_of_them():
    ones = losses(*NAMES)
    lines = drawn(ones)
    assert len(lines) == len(NAMES) * len(CURVES) * len(LABELS)
    for one in ones:
        for column, y in enumerate(LABELS):
            for row, expected in enumerate(by_autograd(one.chosen.loss, y)):
                assert np.allclose(lines[row, column, one.chosen.name], expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("text", ["(y_hat - y)^2", "log(y_hat + y)^2", "max(y_hat, 1/(y + 1))"])
def test_normalised_curves_do_not_know_a_constant_factor(text):
    once, twice = (losses(formula, scale="normalised") for formula in (text, f"{text} + {text}"))
    assert once[0].factor == pytest.approx(2 * twice[0].factor)
    first, second = drawn(once, "normalised"), drawn(twice, "normalised")
    for a, b in zip(first.values(), second.values(), strict=True):
        assert np.allclose(a, b, rtol=1e-9, atol=1e-12)
    raw = drawn(losses(text)), drawn(losses(f"{text} + {text}"))
    assert not np.allclose(*(np.stack([*lines.values()]) for lines in raw))


@pytest.mark.parametrize("name", NAMES)
def test_normalised_gradients_are_as_large_as_that_of_bce_where_nothing_is_known(name):
    ((one,), half) = losses(name, scale="normalised"), len(Y_HAT) // 2
    assert Y_HAT[half] == pytest.approx(0.5)
    # The middle of the grid is 1/2 but for rounding, where some gradients jump.
    assert np.sqrt(np.mean(one.heights[2][:, half] ** 2)) == pytest.approx(0.5, rel=1e-6)


def test_the_factor_is_told_in_the_legend():
    (label,) = {label for *_, label in drawn(losses("MSE", scale="normalised"), "normalised")}
    assert label == "MSE \N{MULTIPLICATION SIGN} 2"
    figure = loss_curves(losses("MSE", scale="normalised"), "normalised")
    assert "as large as that of BCE" in figure.legends[0].get_title().get_text()
    assert not loss_curves(losses("MSE"), "raw").legends[0].get_title().get_text()


def test_no_two_lines_look_alike():
    figure = loss_curves(losses(*NAMES), "raw")
    looks = [(line.get_color(), line._unscaled_dash_pattern) for line in figure.axes[0].get_lines()[1:]]
    assert len(looks) == MOST
    assert len(set(map(str, looks))) == MOST
    assert len({colour for colour, _ in looks}) >= 7
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert sorted(texts) == sorted(NAMES)


def test_both_columns_have_the_same_heights_and_say_where_they_are_logarithmic():
    figure = loss_curves(losses("BCE"), "raw")
    for left, right in zip(figure.axes[::2], figure.axes[1::2], strict=True):
        assert left.get_ylim() == right.get_ylim()
        assert left.get_yscale() == right.get_yscale()
    assert [axes.get_yscale() for axes in figure.axes[::2]] == ["linear", "asinh", "linear"]
    assert "logarithmic beyond ±1" in figure.axes[2].get_ylabel()
    assert "logarithmic" not in figure.axes[0].get_ylabel()


def test_what_is_not_finite_is_a_gap_and_told():
    (one,) = losses("((1/(y_hat*y))^2)^2", space=UNCLAMPED)
    assert any("not finite for y = 0 at 199 of 199 predictions" in sentence for sentence in one.notes)
    lines = drawn([one])
    assert np.isnan(lines[0, 0, one.chosen.name]).all()
    assert np.isfinite(lines[0, 1, one.chosen.name]).all()
    (nowhere,) = losses("((1/(y_hat - y_hat))^2)^2", space=UNCLAMPED)
    assert nowhere.notes == (f"{nowhere.chosen.name}: not finite anywhere; there is nothing to draw.",)
    assert picture(lambda: loss_curves([nowhere], "raw"), ".png")


def test_a_constant_is_flat_and_told():
    for scale in ("raw", "normalised"):
        (one,) = losses("y", scale=scale)
        assert one.notes == ("y: a constant, with a gradient of 0 everywhere: flat lines.",)
        assert one.factor is None
        assert not np.any([*drawn([one], scale).values()])


@pytest.mark.parametrize(("text", "label"), [("y_hat*y", 0), ("max(1, y_hat/(min(y_hat, y)))", 1)])
def test_a_label_from_which_nothing_can_be_learned_is_told(text, label):
    (one,) = losses(text)
    assert one.notes == (f"{text}: nothing can be learned from y = {label}, where its gradient is 0 everywhere.",)


@pytest.mark.parametrize(
    ("text", "space", "there"),
    [
        ("(y_hat - 1/(1 + 1))^2", UNCLAMPED, "0 or nearly so"),
        ("(y_hat - 1/(1 + 1))^2", OperatorSpace(clamp="none", xi=1e-12), "0 or nearly so"),
        ("((1/(y_hat*y))^2)^2", UNCLAMPED, "not finite"),
    ],
)
def test_what_cannot_be_normalised_is_drawn_raw_and_told(text, space, there):
    (one,) = losses(text, scale="normalised", space=space)
    assert one.factor is None
    assert any(f"is {there}, so it cannot be normalised: drawn raw" in sentence for sentence in one.notes)


def test_a_pole_leaves_the_picture_and_the_rest_can_be_read():
    ones = losses(POLE, "BCE", space=OperatorSpace(clamp="none", xi=1e-12))
    assert any("(y_hat 0.5): there it leaves the picture" in sentence for sentence in ones[0].notes)
    assert not ones[1].notes
    figure = loss_curves(ones, "raw")
    assert max(abs(height) for axes in figure.axes for height in axes.get_ylim()) < 1e6
    lines = drawn(ones)
    assert max(np.abs(line).max() for line in lines.values()) > 1e20
    assert min(np.nanmin(np.abs(lines[0, column, ones[0].chosen.name])) for column in (0, 1)) == 0


@pytest.mark.parametrize("scale", [pytest.param("raw", marks=pytest.mark.nightly), "normalised"])
@pytest.mark.parametrize(
    "text",
    [
        "1/(1/(1/(y_hat*y)^2)^2)^2*y",
        pytest.param("((((((1/(y_hat))^2)^2)^2)^2)^2)^2", marks=pytest.mark.nightly),
        pytest.param("y_hat - y_hat", marks=pytest.mark.nightly),
    ],
)
def test_whatever_its_heights_a_loss_can_be_drawn(text, scale):
    for space in (UNCLAMPED, OperatorSpace(clamp="none", xi=1e-300), SPACE):
        ones = losses(text, "BCE", space=space, scale=scale)
        assert picture(lambda ones=ones: loss_curves(ones, scale), ".png").startswith(b"\x89PNG")


@pytest.mark.parametrize("ending", ENDINGS)
def test_pictures_say_nothing_of_when_and_by_what_they_were_made(ending):
    content = picture(lambda: loss_curves(losses("MaxR", "BCE"), "raw"), ending)
    assert content == picture(lambda: loss_curves(losses("MaxR", "BCE"), "raw"), ending)
    for word in (b"CreationDate", b"dc:date", b"Software", b"Producer", b"dc:creator"):
        assert word not in content


def test_long_names_that_are_cut_alike_stay_apart():
    texts = [
        f"y_hat*y_hat*y_hat*y_hat*y_hat*{middle}*y_hat*y_hat*y_hat*y_hat*y_hat*y_hat*y_hat" for middle in ("y", "1")
    ]
    labels = {label for *_, label in drawn(losses(*texts, beside="MSE"))}
    assert len(labels) == 2
    assert max(map(len, labels)) < 60
