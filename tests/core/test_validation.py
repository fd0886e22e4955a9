import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from core.losses.loss import ProgramLoss
from core.problems.validation import Direction, ValidationCheck
from core.programs.program import LossProgram
from core.programs.space import HANDCRAFTED_SPACE, OperatorSpace
from tests.strategies import law, losses

CHECK, STRICT = ValidationCheck(), ValidationCheck(is_strict=True)


def made(text, space=HANDCRAFTED_SPACE):
    return ProgramLoss(LossProgram.parse(text), space)


def direction(text, space=HANDCRAFTED_SPACE):
    return CHECK.direction(made(text, space).function)


@pytest.mark.parametrize(
    "text", ["(y_hat - y)^2", "-(y*log(y_hat) + (1 - y)*log(1 - y_hat))", "max(y_hat - y, y - y_hat)"]
)
def test_losses_that_push_predictions_towards_labels_are_right_everywhere(text):
    assert direction(text) == Direction(1.0, 1.0)
    assert CHECK.passes([made(text)]).all()


def test_the_squared_error_passes_under_the_signed_clamp():
    found = direction("(y_hat - y)^2", OperatorSpace())
    assert found.positive_rate == 1.0
    assert 0.995 < found.strict_rate <= 1.0


@pytest.mark.parametrize("text", ["-(y_hat - y)^2", "y*log(y_hat) + (1 - y)*log(1 - y_hat)"])
def test_losses_that_push_away_are_wrong_everywhere(text):
    assert direction(text) == Direction(0.0, 0.0)
    assert not CHECK.passes([made(text)]).any()


@pytest.mark.parametrize("text", ["1", "y", "y + 1", "y_hat - y_hat", "min(y_hat, 1 + 1) - y_hat"])
def test_constants_are_never_wrong_and_never_right(text):
    assert direction(text) == Direction(1.0, 0.0)


@pytest.mark.parametrize("text", ["y_hat", "-y_hat"])
def test_a_loss_that_ignores_the_label_is_right_about_half_the_time(text):
    assert 0.4 < direction(text).positive_rate == direction(text).strict_rate < 0.6


def test_the_two_halves_make_a_whole():
    assert direction("y_hat").positive_rate + direction("-y_hat").positive_rate == pytest.approx(1.0)


def test_nan_counts_as_wrong():
    assert CHECK.direction(lambda y_hat, y: y_hat * math.nan) == Direction(0.0, 0.0)
    found = CHECK.direction(lambda y_hat, y: y_hat * torch.where(y == 1, -1.0, math.nan))
    assert found.positive_rate == found.strict_rate == pytest.approx(direction("-y_hat").positive_rate)


@law
@given(losses())
def test_a_right_direction_is_also_a_not_wrong_one(loss):
    found = CHECK.direction(loss.function)
    assert 0 <= found.strict_rate <= found.positive_rate <= 1


@law
@given(losses(clamps=("none",)))
def test_a_loss_and_its_opposite_are_not_both_right(loss):
    found = CHECK.direction(loss.function)
    opposite = CHECK.direction(lambda y_hat, y: -loss.function(y_hat, y))
    assert found.positive_rate + opposite.strict_rate == pytest.approx(1.0)


@law
@given(losses(), st.floats(0, 1), st.booleans())
def test_a_loss_passes_from_its_positive_rate_on_and_strictly_if_it_moves_both_labels(loss, least, is_strict):
    check = ValidationCheck(min_positive_rate=least, n_pairs=50, is_strict=is_strict)
    (passes,), (moves_both,) = check.passes([loss]), check.moves_both([loss])
    assert passes == (check.direction(loss.function).positive_rate >= least and (moves_both or not is_strict))


def test_right_and_doing_nothing_pass_and_wrong_does_not_and_strictly_nor_does_nothing():
    several = [made(text) for text in ("(y_hat - y)^2", "-(y_hat - y)^2", "y")]
    assert CHECK.passes(several).tolist() == [True, False, True]
    assert STRICT.passes(several).tolist() == [True, False, False]
    assert CHECK.passes([]).tolist() == STRICT.passes([]).tolist() == []


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("y_hat*(1 - y)", False),  # pulls nowhere
        ("-y_hat*y", False),  # pushes nowhere
        ("y_hat*(1 - y) - y_hat*y", True),
        ("max(y_hat, y)", False),
        ("log(y_hat + y)*(1 - y) - log(y_hat)*y", True),
    ],
)
def test_what_has_a_gradient_for_one_label_alone_does_not_pass_strictly(text, passes):
    assert STRICT.passes([made(text)]).tolist() == [passes]


def test_a_gradient_that_a_larger_smoothing_term_brings_counts():
    """What xi saturates for one label, 0.1 does not: Phase III may choose that one."""
    texts = "log(y)*-y_hat", "y_hat*-y"  # log(1 + xi) is next to nothing, log(1.1) is not
    assert CHECK.moves_both([made(text, OperatorSpace()) for text in texts]).tolist() == [True, False]


def test_the_bounds_of_the_rate_pass_everything_or_only_the_perfect():
    nearly = made("max(y_hat - y, y - y_hat)*(1 - y_hat + y_hat^2)")
    everything, perfect = ValidationCheck(min_positive_rate=0.0), ValidationCheck(min_positive_rate=1.0)
    assert everything.passes([made("-(y_hat - y)^2")]).all()
    assert perfect.passes([made("y_hat"), made("(y_hat - y)^2")]).tolist() == [False, True]
    assert CHECK.direction(nearly.function).positive_rate == pytest.approx(1.0)


@pytest.mark.parametrize(
    "settings",
    [
        {"min_positive_rate": -0.1},
        {"min_positive_rate": 1.1},
        {"min_positive_rate": math.nan},
        {"n_pairs": 0},
        {"n_pairs": -1},
    ],
)
def test_settings_out_of_bounds_are_refused(settings):
    with pytest.raises(
        UserError, match=r"validation check: expected a min_positive_rate in \[0, 1\] and at least 1 pair"
    ):
        ValidationCheck(**settings)


def test_the_pairs_depend_on_the_seed_only():
    def pairs(seed):
        seen = []
        ValidationCheck(n_pairs=2000, seed=seed).direction(
            lambda y_hat, y: seen.append((y_hat.detach(), y)) or y_hat * y
        )
        return seen[0]

    y_hat, y = pairs(0)
    torch.rand(3)
    assert all(torch.equal(a, b) for a, b in zip(pairs(0), (y_hat, y), strict=True))
    assert not torch.equal(pairs(1)[0], y_hat)
    assert y_hat.shape == y.shape == (2000,)
    assert set(y.tolist()) == {0.0, 1.0}
    assert 0 <= y_hat.min() < 0.01 < 0.99 < y_hat.max() < 1
    assert y_hat.dtype == torch.float64


def test_the_check_works_where_gradients_are_off():
    with torch.no_grad():
        assert direction("(y_hat - y)^2") == Direction(1.0, 1.0)


@law
@given(st.lists(losses(), min_size=1, max_size=5))
def test_rates_of_many_are_those_of_each(several):
    found = CHECK.positive_rates(several)
    assert found.shape == (len(several),)
    for rate, loss in zip(found, several, strict=True):
        # Rounding decides the sign of what cancels, in one way or the other.
        assert rate == pytest.approx(CHECK.direction(loss.function).positive_rate, abs=0.02)
