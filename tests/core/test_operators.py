import math
from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.programs.operators import OPERATORS, Operator, sign
from tests.strategies import law

XI = 1e-6
SIZES = (XI, 1.0, 0.5, 2.0, 1e6, 1e3, 1e-9)
SPECIAL = (0.0, -0.0, *SIZES, *(-x for x in SIZES))
NAMES = tuple(OPERATORS)


def side(x):
    return -1.0 if x < 0 else 1.0


#: Table 2 in plain Python.
TABLE = {
    "add": lambda x, z, e: x + z,
    "mul": lambda x, z, e: x * z,
    "max": lambda x, z, e: max(x, z),
    "min": lambda x, z, e: min(x, z),
    "neg": lambda x, e: -x,
    "identity": lambda x, e: x,
    "log": lambda x, e: side(x) * math.log(abs(x) + e),
    "square": lambda x, e: x * x,
    "reciprocal": lambda x, e: side(x) / (abs(x) + e),
}


def special_operands(row):
    columns = zip(*product(SPECIAL, repeat=row.arity), strict=True)
    return [torch.tensor(column, dtype=torch.float64, requires_grad=True) for column in columns]


def test_the_table_has_the_operators_of_the_paper_in_its_order():
    assert NAMES == ("add", "mul", "max", "min", "neg", "identity", "log", "square", "reciprocal")
    assert [row.arity for row in OPERATORS.values()] == [2, 2, 2, 2, 1, 1, 1, 1, 1]


def test_the_table_cannot_be_changed():
    with pytest.raises(TypeError):
        OPERATORS["add"] = OPERATORS["mul"]


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_filed_under_their_names(name):
    assert OPERATORS[name].name == name


@pytest.mark.parametrize("epsilon", [XI, 0.1])
@pytest.mark.parametrize("name", NAMES)
def test_values_are_those_of_table_2(name, epsilon):
    operands = special_operands(OPERATORS[name])
    expected = [TABLE[name](*numbers, epsilon) for numbers in zip(*(o.tolist() for o in operands), strict=True)]
    found = OPERATORS[name].value(*operands, epsilon)
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=1e-14, atol=0)


@pytest.mark.parametrize("epsilon", [XI, 0.1])
@pytest.mark.parametrize("name", NAMES)
def test_slopes_are_those_of_autograd_through_the_value(name, epsilon):
    row = OPERATORS[name]
    operands = special_operands(row)
    expected = torch.autograd.grad(row.value(*operands, epsilon).sum(), operands)
    for found, wanted in zip(row.slopes(*operands, epsilon), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-13, atol=0)


@pytest.mark.parametrize("name", ["max", "min"])
def test_a_tie_shares_the_slope(name):
    x = torch.tensor([0.0, 0.5, -3.0])
    for found in OPERATORS[name].slopes(x, x.clone(), XI):
        assert found.tolist() == [0.5, 0.5, 0.5]


@law
@given(st.sampled_from(NAMES), st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=2), st.sampled_from([XI, 0.1]))
def test_values_and_slopes_agree_with_autograd_anywhere(name, numbers, epsilon):
    row = OPERATORS[name]
    operands = [torch.tensor([x], dtype=torch.float64, requires_grad=True) for x in numbers[: row.arity]]
    value = row.value(*operands, epsilon)
    assert value.item() == pytest.approx(TABLE[name](*numbers[: row.arity], epsilon), rel=1e-13, abs=0)
    expected = torch.autograd.grad(value.sum(), operands)
    for found, wanted in zip(row.slopes(*operands, epsilon), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-13, atol=0)


@pytest.mark.parametrize("name", [row.name for row in OPERATORS.values() if row.arity == 2])
def test_commutative_rows_commute_exactly(name):
    x, z = special_operands(OPERATORS[name])
    assert OPERATORS[name].commutative
    assert torch.equal(OPERATORS[name].value(x, z, XI), OPERATORS[name].value(z, x, XI))


def test_the_sign_of_zero_is_plus_one():
    assert sign(torch.tensor([0.0, -0.0, 1e-30, -1e-30])).tolist() == [1.0, 1.0, 1.0, -1.0]
    zeros = torch.tensor([0.0, -0.0], dtype=torch.float64)
    assert OPERATORS["log"].value(zeros, XI).tolist() == pytest.approx([math.log(XI)] * 2)
    assert OPERATORS["reciprocal"].value(zeros, XI).tolist() == pytest.approx([1 / XI] * 2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", NAMES)
def test_the_precision_is_kept(name, dtype):
    row = OPERATORS[name]
    operands = [torch.tensor([0.5, -2.0], dtype=dtype)] * row.arity
    assert {t.dtype for t in (row.value(*operands, XI), *row.slopes(*operands, XI), sign(operands[0]))} == {dtype}


def ones(x):
    return torch.ones_like(x)


@pytest.mark.parametrize(
    ("name", "arity", "value", "slopes"),
    [
        ("two words", 1, lambda x, e: x, lambda x, e: (ones(x),)),
        ("", 1, lambda x, e: x, lambda x, e: (ones(x),)),
        ("nullary", 0, lambda e: e, lambda e: ()),
        ("ternary", 3, lambda x, y, z, e: x + y + z, lambda x, y, z, e: (ones(x),) * 3),
        ("total", 1, lambda x, e: x.sum(), lambda x, e: (ones(x),)),
        ("root", 1, lambda x, e: x.sqrt(), lambda x, e: (ones(x),)),
        ("few_slopes", 2, lambda x, z, e: x + z, lambda x, z, e: (ones(x),)),
        ("many_slopes", 1, lambda x, e: x, lambda x, e: (ones(x), ones(x))),
        ("flat_slope", 1, lambda x, e: x, lambda x, e: (torch.ones(()),)),
        ("steep", 1, lambda x, e: x, lambda x, e: (ones(x) / 0,)),
    ],
)
def test_a_bad_row_is_refused_when_it_is_made(name, arity, value, slopes):
    with pytest.raises(ValueError, match=f"operator {name!r}: "):
        Operator(name, arity, value, slopes, "{0}", 5, "a bad row")


def test_a_good_row_is_accepted():
    row = Operator("double", 1, lambda x, e: x + x, lambda x, e: (ones(x) * 2,), "2*{0}", 2, "twice x")
    assert (row.arity, row.commutative) == (1, False)
