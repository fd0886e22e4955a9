"""What shapes do is put together from their parts: it has to be what the whole of them does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.programs.sets import profile
from core.programs.sets.encoded import encode
from core.programs.sets.formula import parse_formula
from core.programs.sets.interpreter import evaluate
from core.programs.sets.profile import N_FEATURES, profiles
from core.programs.sets.regions import BALANCE, numbers_at, tuned_ranges
from core.programs.sets.shape import shape_of
from core.programs.sets.space import ShapeSpace


def whole(shape):
    """The gradients of a shape by machine code that runs all of it."""
    point = {
        name: region.at(0.5 if name.endswith(BALANCE) else profile._CONSTANTS_AT)
        for name, region in tuned_ranges(shape.expression).items()
    }
    bound = shape.expression.bound(numbers_at(shape.expression, point))
    return evaluate(encode(bound), *profile._scores(), None, 1.0)[1:]


@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_gradients_of_parts_make_those_of_the_whole(seed, pushes):
    space = ShapeSpace(pushes)
    (shape,) = space.decode(space.sample(1, np.random.default_rng(seed)))
    if any(name[0] == "w" and not name.endswith(BALANCE) for name in tuned_ranges(shape.expression)):
        return  # a weight without anything that it could be balanced with
    with np.errstate(all="ignore"):
        found, expected = profile._gradients(shape), whole(shape)
    if all(np.isfinite(one).all() for one in expected):
        for one, other in zip(found, expected, strict=True):  # constants of the whole have few digits
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=2e-2 * (1e-12 + np.abs(other).max()))


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        ("t1*log_mean_exp(d/t1)", "softplus(log_sum_exp(d/t1))", True),
        ("w1*(t1*log_mean_exp(n/t1)) - p", "relu(m0 - p) + w1*(t1*log_mean_exp(n/t1))", True),
        ("t1*log_mean_exp(d/t1)", "mean(square(d))", False),
        ("relu(m0 - p) + w1*mean(relu(n - m1))", "mean(softplus(d/t1))", False),
    ],
)
def test_shapes_that_do_alike_are_near_to_each_other(one, other, near):
    found = profiles([shape_of(parse_formula(text)) for text in (one, other)])
    assert found.shape == (2, N_FEATURES)
    distance = np.sqrt(np.square(found[0] - found[1]).mean())
    assert (distance < 0.5) == near, distance


def test_features_do_not_depend_on_which_other_shapes_are_asked_for():
    space = ShapeSpace()
    genomes = space.sample(40, np.random.default_rng(0))
    every = space.features(genomes[[*range(40), 3]])
    for i in (0, 3, 17):
        np.testing.assert_array_equal(space.features(genomes[[i]])[0], every[i])
    np.testing.assert_array_equal(every[3], every[40])
    assert np.isfinite(every).all()
    assert np.abs(every).max() < 20
