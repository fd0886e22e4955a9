"""Instructions that numba has no function for."""

import platform

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.common.jit import compiled
from recommenders.backends.ranking.compiled import instructions
from recommenders.backends.ranking.compiled.instructions import from_magnitude, least_as_zero, magnitude, restore


@compiled()
def multiply(x, y, out):
    for i in range(len(x)):
        out[i] = x[i] * y[i]


@compiled(uses=(instructions,))
def multiply_with_least_as_zero(x, y, out):
    before = least_as_zero()
    multiply(x, y, out)
    restore(before)


@compiled(uses=(instructions,))
def largest_magnitude(x, like):
    most = magnitude(like)
    for i in range(len(x)):
        most = max(most, magnitude(x[i]))
    return from_magnitude(most, like)


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="elsewhere it changes nothing")
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_numbers_below_the_least_normal_one_are_zero_until_that_ends(kind):
    least = np.finfo(kind).tiny
    x, y = np.array([least, least / 4, 1, -least], kind), np.array([0.5, 4, 3, 1], kind)
    out = np.empty((3, 4), kind)
    multiply(x, y, out[0])
    multiply_with_least_as_zero(x, y, out[1])
    multiply(x, y, out[2])
    np.testing.assert_array_equal(out[0], out[2])
    assert (out[0] != 0).all()
    np.testing.assert_array_equal(out[1], np.array([0, 0, 3, -least], kind))


@given(st.lists(st.floats(width=32), max_size=20))
def test_magnitudes_are_ordered_by_their_bits_and_nan_is_above_all(numbers):
    for kind in (np.float32, np.float64):
        found = largest_magnitude(np.array(numbers, kind), kind(0))
        assert isinstance(found, float)
        np.testing.assert_equal(found, max(map(abs, numbers), default=0.0) if not np.isnan(numbers).any() else np.nan)
