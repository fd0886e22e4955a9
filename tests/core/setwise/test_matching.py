"""Which numbers make a loss with named constants another one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.losses.setwise.formula import FormulaLoss
from core.losses.setwise.softmax import BSL
from core.programs.sets.formula import formula_of, parse_formula
from core.programs.sets.matching import numbers_of
from core.programs.sets.regions import numbers_at, tuned_ranges
from core.programs.sets.space import ShapeSpace
from tests.strategies import law

SPACE = ShapeSpace(3)


@law
@given(st.integers(0, 2**32 - 1))
def test_a_shape_with_numbers_is_the_shape_at_those_numbers(seed):
    rng = np.random.default_rng(seed)
    (shape,) = SPACE.decode(SPACE.sample(1, rng))
    expression = parse_formula(str(shape))
    point = {name: region.at(rng.random()) for name, region in tuned_ranges(expression).items()}
    numbers = numbers_at(expression, point)
    found = numbers_of(expression, parse_formula(formula_of(expression.bound(numbers))))
    assert found is not None
    assert formula_of(expression.bound(found)) == formula_of(expression.bound(numbers))
    assert found == pytest.approx(numbers)


@pytest.mark.parametrize(
    ("shape", "other", "found"),
    [
        ("relu(m0 - p) + mean(n)", "mean(n) + relu(0.5 - p)", {"m0": 0.5}),
        ("mean(relu(n - m1)) - p", "mean(relu(n + 0.25)) - p", {"m1": -0.25}),
        ("t1*log_mean_exp(n/t1) - p", "0.3*log_mean_exp(n/0.3) - p", {"t1": 0.3}),
        ("t1*log_mean_exp(n/t1) - p", "0.3*log_mean_exp(n/0.4) - p", None),
        ("w1*mean(softplus(n/t1)) - p", "mean(softplus(n/0.5))*3 - p", {"w1": 3.0, "t1": 0.5}),
        ("relu(m0 - p) + mean(n)", "relu(m0 - p) + mean(n)", None),
        ("relu(1 - p) + mean(n)", "relu(1 - p) + mean(n)", {}),
        ("relu(1 - p) + mean(n)", "relu(2 - p) + mean(n)", None),
        ("mean(relu(n - m1)) - p", "mean(softplus(n - 0.5)) - p", None),
    ],
)
def test_numbers_are_found_where_there_are_some(shape, other, found):
    numbers = numbers_of(parse_formula(shape), parse_formula(other))
    assert numbers == (found if found is None else pytest.approx(found))


def test_many_orders_take_no_time():
    text = "mean(d)"
    for _ in range(6):  # 64 factors, in some 10^19 orders
        text = f"({text})*({text})"
    found = parse_formula(f"relu(0.5 - p) + {text}")
    assert numbers_of(parse_formula(f"relu(m0 - p) + {text}"), found) == {"m0": 0.5}
    assert numbers_of(parse_formula(f"relu(m0 - p) + 2*({text})"), found) is None


def test_named_losses_and_formulas_are_different_losses():
    assert BSL().coordinates_as(FormulaLoss("t1*log_mean_exp(n/t1) - p")) is None
    assert FormulaLoss("t1*log_mean_exp(n/t1) - p").coordinates_as(BSL()) is None
    assert BSL().coordinates_as(BSL(temperature=0.3)) == BSL(temperature=0.3).coordinates
